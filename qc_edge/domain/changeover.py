"""Which recipe judges, as records: a revision approved by a person, and changed over to."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

STATION_RECIPE = "station"
"""What the settings say, where no recipe is in force; no recipe may have this name."""


def recipe_name(reference: str) -> str:
    """NAME of NAME@REVISION."""
    return reference.partition("@")[0]


@dataclass(frozen=True, slots=True)
class Approval:
    """A person has approved a revision of a recipe (NAME@REVISION), as it is by its file's sha256
    (hex). Made once, never changed.
    """

    record_id: str
    station: str
    recipe: str
    recipe_sha256: str
    made_at: datetime
    made_by: str
    reason: str


@dataclass(frozen=True, slots=True)
class Changeover:
    """A person's or the line's decision that a recipe is to judge. Made once, never changed.

    `recipe` and `before` are NAME@REVISION, or `station` where the settings judge;
    `recipe_sha256` is the digest (hex) of the revision's file, "" for the settings. `undoes` is the
    id of the changeover that a rollback takes back, else "".
    """

    record_id: str
    station: str
    recipe: str
    recipe_sha256: str
    before: str
    undoes: str
    made_at: datetime
    made_by: str
    reason: str

    @property
    def words(self) -> str:
        """Why this recipe judges: for status, log and lists."""
        verb = "rolled back to" if self.undoes else "changed over to"
        return f"{verb} by {self.made_by} on {self.made_at:%Y-%m-%d %H:%M} (UTC): {self.reason}"
