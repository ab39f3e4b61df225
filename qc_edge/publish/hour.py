"""The hours of the published log and the names of their files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from pathlib import Path

from qc_edge.query.published_files import HOUR_FILE


@dataclass(frozen=True, slots=True, order=True)
class PublishedHour:
    """One hour of one table; `start` is in UTC, without a time zone, as DuckDB has it."""

    table: str
    start: datetime

    @property
    def file(self) -> str:
        """Its file, relative to the published log."""
        return f"{self.table}/{self.start:{HOUR_FILE}}"

    @classmethod
    def of(cls, table: str, path: Path) -> PublishedHour:
        """The hour whose rows of `table` are in the file `path`."""
        return cls(table, datetime.strptime(f"{path.parent.name}/{path.name}", HOUR_FILE))  # noqa: DTZ007


def hour_before(now: datetime) -> datetime:
    """The hour before `now`, or that of `now` where the one before was yesterday, which is to be
    sealed.
    """
    this = now.astimezone(timezone.utc).replace(minute=0, second=0, microsecond=0, tzinfo=None)
    return this - timedelta(hours=1) if this.hour else this


def listed_files(hours: Sequence[PublishedHour]) -> str:
    """The files of these hours for a message: the first three, and how many more there are."""
    first = ", ".join(hour.file for hour in hours[:3])
    return first + (f" and {len(hours) - 3} more" if len(hours) > 3 else "")
