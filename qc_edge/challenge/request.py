"""What a person asks of a station's challenges, as a file: JSON, proven by a digest over its
content. Never touches the disk.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from qc_edge.domain.label import PersonRole
from qc_edge.errors import RecordError
from qc_edge.labels import proven
from qc_edge.labels.proven import ONE_LINE, Moment, ProvenRecord, plain

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


_Name = Annotated[str, Field(max_length=200), ONE_LINE]


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
    valid_until: Moment
    max_uses: int | None = Field(ge=1, le=10**9)
    uses_before: int = Field(ge=0, le=10**9)
    retired: bool


class _Request(ProvenRecord):
    kind: Literal["register", "run", "override"]
    who: _Name
    said_at: Moment
    record_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    role: PersonRole | None
    why: Annotated[str, Field(max_length=2000), ONE_LINE] | None
    entry: _Entry | None
    order: tuple[_Name, ...] = Field(max_length=1000)


def encode(station: str, request: ChallengeRequest) -> bytes:
    """The file of a request to `station`."""
    values = plain(asdict(request))
    return proven.encode(station, values, values)


def decode(data: bytes, station: str) -> ChallengeRequest:
    """The request in a file. Raises RecordError that says what is wrong with it."""
    shape = proven.decode(data, station, _Request, _said)
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


def _said(content: dict[str, Any]) -> dict[str, Any]:
    return {name: content[name] for name in content.keys() - ProvenRecord.model_fields.keys()}
