"""Which bundle and which recipe judge, as records: who put it in force, when, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

STATION_RECIPE = "station"
"""What the settings say, where no recipe is in force; no recipe may have this name."""


@dataclass(frozen=True, slots=True)
class Activation:
    """A person's decision that a bundle is to judge. Made once, never changed; times are aware UTC.

    `bundle` and `before` are NAME@VERSION; `bundle_sha256` is the digest of the manifest, which has
    that of every file. `undoes` is the id of the activation that a rollback takes back, else "".
    """

    record_id: str
    station: str
    bundle: str
    bundle_sha256: str
    before: str
    undoes: str
    made_at: datetime
    made_by: str
    reason: str

    @property
    def words(self) -> str:
        """Why this bundle judges: for status, log and lists."""
        verb = "rolled back to" if self.undoes else "activated"
        return f"{verb} by {self.made_by} on {self.made_at:%Y-%m-%d %H:%M} (UTC): {self.reason}"


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
