"""Which bundle judges, as records: who put it in force, when, why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


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
