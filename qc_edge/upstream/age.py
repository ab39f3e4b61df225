"""How long ago everything that was due went upstream, for whoever shows it. Asks nobody there."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.records.receipts import LastSync, last_sync
from qc_edge.service.clock import utc_now

OVERDUE_DAYS = 2.0
"""A night may fail; two in a row want a person."""

_LOOK_S = 30.0


class SyncAge:
    """The age of the last good sync to one url. Reads its file twice a minute; any thread."""

    def __init__(self, directory: Path, url: Callable[[], str]) -> None:
        """`url` gives where to it is sent now, "" for nowhere."""
        self._url = url
        self._directory = directory
        self._looked_at = -_LOOK_S
        self._last: LastSync | None = None

    def seconds(self) -> float | None:
        """Seconds since everything that was due was sent; None if never, or nothing is to be sent.

        Where the file cannot be read, as if it were not there.
        """
        if time.monotonic() - self._looked_at >= _LOOK_S:
            self._looked_at = time.monotonic()
            try:
                self._last = last_sync(self._directory)
            except StoreError:
                self._last = None
        if self._last is None or self._last.url != self._url():
            return None
        return (utc_now() - self._last.at).total_seconds()

    def words(self) -> str:
        """For the status; empty if nothing is to be sent."""
        if not self._url():
            return ""
        age = self.seconds()
        if age is None:
            return "nothing was sent yet"
        return f"everything was sent {shown_age(age)} ago"

    @property
    def is_overdue(self) -> bool:
        """True if it was sent before and nights have failed since."""
        return (self.seconds() or 0.0) > OVERDUE_DAYS * 86_400


def is_overdue(day: date) -> bool:
    """True if nights have passed in which that day should have gone."""
    return (utc_now().date() - day).days > OVERDUE_DAYS


def shown_age(seconds: float) -> str:
    """An age as a person says it: 40 min, 7 h, 3 d."""
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.0f} h" if seconds < 2 * 86_400 else f"{seconds / 86_400:.0f} d"
