"""What a person asks of a station's challenges, as a file: JSON, proven by a digest over its
content. Never touches the disk.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.label import PersonRole
from qc_edge.errors import RecordError

FORMAT = 1
RECORD_MAX = 64 << 10
"""Bytes of a request's file."""

MAY_REGISTER = (PersonRole.ENGINEER, PersonRole.QUALITY)
MAY_OVERRIDE = (PersonRole.QUALITY,)

Expected = Literal["PASS", "FAIL", "INVALID"]


@dataclass(frozen=True, slots=True)
class PartEntry:
    """What the register is to say of a part; the fields are as in `domain.challenges.rows`."""

    recipe: str
    serial: str
    expected: Expected
    expected_class: str | None
    part_id: str
    photograph: str | None
    photograph_sha256: str | None
    certified_by: str
    valid_until: datetime
    max_uses: int | None = None
    uses_before: int = 0
    retired: bool = False


@dataclass(frozen=True, slots=True)
class ChallengeRequest:
    """`kind` is register (with `entry`), run (begin a challenge anew, the parts in `order` where it
    is by position) or override. `record_id` is its own.
    """

    kind: Literal["register", "run", "override"]
    who: str
    said_at: datetime
    record_id: str
    role: PersonRole | None = None
    why: str | None = None
    entry: PartEntry | None = None
    order: tuple[str, ...] = ()


def _one_line(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected one line of text")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(timezone.utc)
    except OverflowError as fault:
        raise ValueError(str(fault)) from None
    if not 2000 <= utc.year <= 2200:
        raise ValueError("expected a year from 2000 to 2200")
    return utc


_Name = Annotated[str, Field(max_length=200), AfterValidator(_one_line)]
_Moment = Annotated[AwareDatetime, AfterValidator(_utc)]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    recipe: str = Field(max_length=200)
    serial: _Name
    expected: Expected
    expected_class: _Name | None
    part_id: _Name
    photograph: str | None = Field(pattern=r"^challenge/photographs/[0-9a-f]{64}\.(png|jpg)$")
    photograph_sha256: str | None = Field(pattern=r"^[0-9a-f]{64}$")
    certified_by: _Name
    valid_until: _Moment
    max_uses: int | None = Field(ge=1, le=10**9)
    uses_before: int = Field(ge=0, le=10**9)
    retired: bool


class _Request(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    station: str
    kind: Literal["register", "run", "override"]
    who: _Name
    said_at: _Moment
    record_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    role: PersonRole | None
    why: Annotated[str, Field(max_length=2000), AfterValidator(_one_line)] | None
    entry: _Entry | None
    order: tuple[_Name, ...] = Field(max_length=1000)


def encode(station: str, request: ChallengeRequest) -> bytes:
    """The file of a request to `station`."""
    values = json.loads(json.dumps(asdict(request), default=_text))
    content = {"format": FORMAT, "digest": _digest(station, values), "station": station, **values}
    return json.dumps(content, ensure_ascii=False, indent=1).encode()


def decode(data: bytes, station: str) -> ChallengeRequest:
    """The request in a file. Raises RecordError that says what is wrong with it."""
    try:
        content = json.loads(data)
        shape = _Request.model_validate(content)
    except ValidationError as faults:
        first = faults.errors()[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise RecordError(f"it is no record of format {FORMAT}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"it is no record: {str(fault)[:200]}") from None
    said = {name: content[name] for name in content.keys() - {"format", "digest", "station"}}
    if _digest(shape.station, said) != shape.digest:
        raise RecordError("it has been changed since it was written: its digest does not fit")
    if shape.station != station:
        raise RecordError(f"it is of the station {shape.station!r:.40}")
    if (shape.kind == "register") != (shape.entry is not None):
        raise RecordError("an entry goes with register, and only with that")
    return ChallengeRequest(
        kind=shape.kind,
        who=shape.who,
        said_at=shape.said_at,
        record_id=shape.record_id,
        role=shape.role,
        why=shape.why,
        entry=PartEntry(**shape.entry.model_dump()) if shape.entry else None,
        order=shape.order,
    )


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a request")


def _digest(station: str, values: Any) -> str:
    text = json.dumps([station, values], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
