"""A record of holds or releases as a file: JSON, proven by a digest. Never touches the disk."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.evidence.hold_entry import HoldAction, HoldScope
from qc_edge.domain.label import PersonRole
from qc_edge.errors import RecordError
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE

FORMAT = 1
"""Of the file; a reader refuses any other."""

MOST_ENTRIES = 500
"""In one record; more parts are several records."""

RECORD_MAX = 1 << 20
"""Bytes of a record's file."""

_YEARS = 2000, 2200


@dataclass(frozen=True, slots=True)
class SaidHold:
    """One entry of a record. `entry_id` is its own, so that no crash makes two rows of it."""

    entry_id: str
    action: HoldAction
    hold_id: str | None
    scope: HoldScope
    cause: str
    who: str
    role: PersonRole
    why: str
    said_at: datetime


def _printable(text: str) -> str:
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


_Moment = Annotated[AwareDatetime, AfterValidator(_utc)]
_Id = Annotated[str, Field(min_length=1, max_length=1000)]


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid")

    frame_id: _Id | None
    part_id: _Id | None
    lot: _Id | None
    camera: _Id | None
    since: _Moment | None
    until: _Moment | None


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entry_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    action: HoldAction
    hold_id: str | None = Field(pattern=r"^[0-9a-f]{8,32}$")
    scope: _Scope
    cause: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    who: Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_printable)]
    role: PersonRole
    why: Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_printable)]
    said_at: _Moment


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    station: str
    holds: list[_Entry] = Field(min_length=1, max_length=MOST_ENTRIES)


def encode(station: str, entries: Sequence[SaidHold]) -> bytes:
    """The file of a record with these entries, at most MOST_ENTRIES, of `station`."""
    # As JSON and back: the digest is over what stands in the file.
    values = json.loads(json.dumps([asdict(entry) for entry in entries], default=_isoformat))
    record = {"format": FORMAT, "digest": _digest(station, values), "station": station}
    return json.dumps(record | {"holds": values}, ensure_ascii=False, indent=1).encode()


def decode(data: bytes, station: str) -> list[SaidHold]:
    """The entries in a record's file. Raises RecordError that says what is wrong with it."""
    try:
        content = json.loads(data)
        record = _Record.model_validate(content)
    except ValidationError as faults:
        first = faults.errors()[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise RecordError(f"it is no record of format {FORMAT}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"it is no record: {str(fault)[:200]}") from None
    if (digest := _digest(record.station, content["holds"])) != record.digest:
        raise RecordError(
            f"it has been changed: its content has the digest {digest[:19]}…, it says "
            f"{record.digest[:19]!r}…"
        )
    if record.station != station:
        raise RecordError(f"it is of the station {record.station!r:.40}")
    entries = [
        SaidHold(**{**entry.model_dump(), "scope": HoldScope(**entry.scope.model_dump())})
        for entry in record.holds
    ]
    for entry in entries:
        if entry.scope.is_empty and (entry.action is HoldAction.HOLD or entry.hold_id is None):
            raise RecordError(f"a {entry.action} of everything")
    return entries


def _isoformat(value: object) -> str:
    assert isinstance(value, datetime)  # noqa: S101
    return value.isoformat()


def _digest(station: str, entries: Any) -> str:
    text = json.dumps([station, entries], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
