"""The register of challenge parts as it stands: what each part is, and whether it still proves
anything. Reads no file and no log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Any


@dataclass(frozen=True, slots=True)
class RegisteredPart:
    """One part for one recipe. `uses` is how often it has been shown, `valid_until` aware UTC."""

    serial: str
    recipe: str
    part_id: str
    expected: str
    expected_class: str | None
    certified_by: str
    valid_until: datetime
    max_uses: int | None
    uses: int
    retired: bool
    photograph: str | None = None
    photograph_sha256: str | None = None
    uses_before: int = 0

    def fault(self, now: datetime) -> str:
        """Why it proves nothing any more, in words; empty if it does."""
        if now >= self.valid_until:
            return f"its certificate ended on {self.valid_until:%Y-%m-%d}"
        if self.max_uses is not None and self.uses >= self.max_uses:
            return f"it is worn: shown {self.uses} times of at most {self.max_uses}"
        return ""

    @property
    def says(self) -> str:
        """What the station must say of it."""
        return f"{self.expected} {self.expected_class}" if self.expected_class else self.expected

    def fits(self, verdict: str, found_class: str | None) -> bool:
        """True if that is what it is."""
        is_class = self.expected_class is None or self.expected_class == found_class
        return verdict == self.expected and is_class


@dataclass(frozen=True, slots=True)
class Register:
    """All entries, in the order in which the parts came into it."""

    entries: tuple[RegisteredPart, ...] = ()

    @classmethod
    def of_rows(cls, rows: Iterable[Mapping[str, Any]], shown: Mapping[str, int]) -> Register:
        """From the newest rows of each part, and how often each serial was shown."""
        return cls(
            tuple(
                RegisteredPart(
                    serial=row["serial"],
                    recipe=row["recipe"],
                    part_id=row["part_id"],
                    expected=row["expected"],
                    expected_class=row["expected_class"],
                    certified_by=row["certified_by"],
                    valid_until=_aware(row["valid_until"]),
                    max_uses=row["max_uses"],
                    uses=row["uses_before"] + shown.get(row["serial"], 0),
                    retired=row["retired"],
                    photograph=row["photograph"],
                    photograph_sha256=row["photograph_sha256"],
                    uses_before=row["uses_before"],
                )
                for row in rows
            )
        )

    def set_of(self, recipe: str) -> tuple[RegisteredPart, ...]:
        """The parts that have to be shown for that recipe."""
        return tuple(each for each in self.entries if each.recipe == recipe and not each.retired)

    def find(self, recipe: str, serial: str) -> RegisteredPart | None:
        """The entry of that part, retired or not."""
        mine = (each for each in self.entries if (each.recipe, each.serial) == (recipe, serial))
        return next(mine, None)

    def recognise(self, recipe: str, part_id: str) -> RegisteredPart | None:
        """The part with that id: of this recipe, else of another one."""
        mine = [each for each in self.entries if each.part_id == part_id and not each.retired]
        return next((each for each in mine if each.recipe == recipe), mine[0] if mine else None)

    @property
    def part_ids(self) -> frozenset[str]:
        """The ids that no production part may have."""
        return frozenset(each.part_id for each in self.entries if not each.retired)

    def used(self, serial: str) -> Register:
        """The register after that part was shown once more."""
        entries = (
            replace(each, uses=each.uses + 1) if each.serial == serial else each
            for each in self.entries
        )
        return Register(tuple(entries))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
