"""The row of a hold or of its release: which inspections are to be kept, why, and who says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import ClassVar


class HoldAction(str, Enum):
    """What an entry does. The codes stand in the rows."""

    HOLD = "hold"
    RELEASE = "release"

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class HoldScope:
    """Which inspections are meant: every value that is not None has to fit.

    `since` and `until` (aware UTC, `until` excluded) are times of the exposure. What comes later
    and fits is meant, too.
    """

    frame_id: str | None = None
    part_id: str | None = None
    lot: str | None = None
    camera: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_empty(self) -> bool:
        """True if it names nothing, and so would mean everything."""
        return self == HoldScope()

    def __str__(self) -> str:
        named = {"frame": self.frame_id, "part": self.part_id, "lot": self.lot}
        words = [f"{noun} {value}" for noun, value in named.items() if value is not None]
        words += [f"camera {self.camera}"] if self.camera else []
        words += [f"from {self.since:%Y-%m-%d %H:%M:%S} UTC"] if self.since else []
        words += [f"to {self.until:%Y-%m-%d %H:%M:%S} UTC"] if self.until else []
        return ", ".join(words) or "all of it"


@dataclass(frozen=True, slots=True)
class HoldEntry:
    """One entry: `action` is a HoldAction, times in UTC. schema.sql says what each column means."""

    TABLE: ClassVar[str] = "holds"

    entry_id: str
    recorded_at: datetime
    station: str
    action: str
    hold_id: str | None
    frame_id: str | None
    part_id: str | None
    lot: str | None
    camera: str | None
    since: datetime | None
    until: datetime | None
    cause: str
    who: str
    role: str
    why: str
    said_at: datetime
