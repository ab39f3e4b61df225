"""A record of holds or releases as a file: JSON, proven by a digest. Never touches the disk."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from qc_edge.domain.evidence.hold_entry import HoldAction, HoldScope
from qc_edge.domain.label import PersonRole
from qc_edge.errors import RecordError
from qc_edge.labels import proven
from qc_edge.labels.proven import ONE_LINE, Moment, ProvenRecord, plain
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE

MOST_ENTRIES = 500
"""In one record; more parts are several records."""

RECORD_MAX = 1 << 20
"""Bytes of a record's file."""


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


_Id = Annotated[str, Field(min_length=1, max_length=1000)]


class _Scope(BaseModel):
    model_config = ConfigDict(extra="forbid")

    frame_id: _Id | None
    part_id: _Id | None
    lot: _Id | None
    camera: _Id | None
    since: Moment | None
    until: Moment | None


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid")

    entry_id: str = Field(pattern=r"^[0-9a-f]{32}$")
    action: HoldAction
    hold_id: str | None = Field(pattern=r"^[0-9a-f]{8,32}$")
    scope: _Scope
    cause: str = Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")
    who: Annotated[str, Field(max_length=LONGEST_NAME), ONE_LINE]
    role: PersonRole
    why: Annotated[str, Field(max_length=LONGEST_NOTE), ONE_LINE]
    said_at: Moment


class _Record(ProvenRecord):
    holds: list[_Entry] = Field(min_length=1, max_length=MOST_ENTRIES)


def encode(station: str, entries: Sequence[SaidHold]) -> bytes:
    """The file of a record with these entries, at most MOST_ENTRIES, of `station`."""
    values = plain([asdict(entry) for entry in entries])
    return proven.encode(station, values, {"holds": values})


def decode(data: bytes, station: str) -> list[SaidHold]:
    """The entries in a record's file. Raises RecordError that says what is wrong with it."""
    record = proven.decode(data, station, _Record, lambda content: content["holds"])
    entries = [
        SaidHold(**{**entry.model_dump(), "scope": HoldScope(**entry.scope.model_dump())})
        for entry in record.holds
    ]
    for entry in entries:
        if entry.scope.is_empty and (entry.action is HoldAction.HOLD or entry.hold_id is None):
            raise RecordError(f"a {entry.action} of everything")
    return entries
