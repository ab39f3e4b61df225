"""What has a date, looked at once a minute by a thread that nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable

from qc_edge.discipline.due.calendar import DueDate, due_dates, troubles, warnings
from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths

_LOOK_S = 60.0


class DueWatch:
    """`dates`, `warnings` and `troubles` may be asked by any thread."""

    def __init__(self, paths: StationPaths, settings: Callable[[], Settings]) -> None:
        self.dates: list[DueDate] = []
        self._paths = paths
        self._settings = settings
        self._next = time.monotonic()
        self._last_error = ""

    def look(self) -> None:
        """Collect the dates, if a minute has passed."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _LOOK_S
        try:
            self.dates, self._last_error = due_dates(self._paths, self._settings()), ""
        except Exception as fault:  # noqa: BLE001 (the line does not need it: no end of the station)
            words = str(fault) if isinstance(fault, StoreError) else repr(fault)
            if words != self._last_error:
                is_known = isinstance(fault, StoreError)
                LOG.error("dates that are due: %s", words, exc_info=not is_known)
            self._last_error = words

    def warnings(self) -> list[str]:
        """What is to be said now, and keeps nothing from being ready."""
        said = warnings(self.dates, self._settings().due, utc_now())
        return [each for each in said if each not in self.troubles()]

    def troubles(self) -> list[str]:
        """What keeps the station from being ready."""
        return troubles(self.dates, utc_now())
