"""What a person said, as a file that the station takes up: JSON, with a digest over its content.

Labels, holds and requests of challenges share this form. Never touches the disk.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import datetime, timezone
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.errors import RecordError

FORMAT = 1
"""Of the file; a reader refuses any other."""

_YEARS = 2000, 2200
"""In which something may have been said: the log takes no moment beyond those of its database."""


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected one line of text")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(timezone.utc)
    except OverflowError as fault:
        raise ValueError(str(fault)) from None
    if not _YEARS[0] <= utc.year <= _YEARS[1]:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[1]}")
    return utc


ONE_LINE = AfterValidator(_one_line)
"""Of a text: it is one printable line, and not blank."""

Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
"""With a zone in the file, in UTC once it is read."""


class ProvenRecord(BaseModel):
    """What every such file has; its content is the rest."""

    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    station: str


Shape = TypeVar("Shape", bound=ProvenRecord)


def encode(station: str, said: Any, body: Mapping[str, Any]) -> bytes:
    """A file of `station` with the keys of `body`; the digest is over `said`."""
    record = {"format": FORMAT, "digest": _digest(station, said), "station": station}
    return json.dumps(record | dict(body), ensure_ascii=False, indent=1).encode()


def decode(
    data: bytes, station: str, shape: type[Shape], said: Callable[[dict[str, Any]], Any]
) -> Shape:
    """A file's content as `shape`; `said` gives the part of it that the digest is over.

    Raises RecordError that says what is wrong with it.
    """
    try:
        content = json.loads(data)
        record = shape.model_validate(content)
    except ValidationError as faults:
        first = faults.errors()[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise RecordError(f"it is no record of format {FORMAT}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"it is no record: {str(fault)[:200]}") from None
    if (digest := _digest(record.station, said(content))) != record.digest:
        raise RecordError(
            f"it has been changed: its content has the digest {digest[:19]}…, it says "
            f"{record.digest[:19]!r}…"
        )
    if record.station != station:
        raise RecordError(f"it is of the station {record.station!r:.40}")
    return record


def plain(values: Any) -> Any:
    """Values as they will stand in the file, moments as text: what a digest is taken over."""
    return json.loads(json.dumps(values, default=_isoformat))


def _isoformat(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a record")


def _digest(station: str, said: Any) -> str:
    text = json.dumps([station, said], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
