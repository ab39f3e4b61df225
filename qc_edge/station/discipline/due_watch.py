"""What has a date, looked at once a minute by a thread that nobody waits for."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime

from qc_edge.discipline.due.calendar import (
    HOLDING,
    DueDate,
    DueKind,
    due_dates,
    troubles,
    warnings,
)
from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.discipline.due import DueSettings

_LOOK_S = 60.0
_AGAIN_S = 5.0
"""After a look that failed: parts may be held meanwhile."""

_UNKNOWN = "the dates are not known yet"


class DueWatch:
    """`dates`, `warnings`, `troubles` and `held_for` may be asked by any thread."""

    def __init__(self, paths: StationPaths, settings: Callable[[], Settings]) -> None:
        self.dates: list[DueDate] = []
        self._by: DueSettings | None = None
        """By these settings; None while nobody has looked."""
        self._paths = paths
        self._settings = settings
        self._next = time.monotonic()
        self._last_error = ""

    def look(self) -> None:
        """Collect the dates, if a minute has passed or the settings have changed."""
        if time.monotonic() < self._next and self._is_current():
            return
        self._next = time.monotonic() + _LOOK_S
        try:
            settings = self._settings()
            self.dates, self._last_error = due_dates(self._paths, settings), ""
            self._by = settings.due
        except Exception as fault:  # noqa: BLE001 (the line does not need it: no end of the station)
            self._next = time.monotonic() + _AGAIN_S
            words = str(fault) if isinstance(fault, StoreError) else repr(fault)
            if words != self._last_error:
                is_known = isinstance(fault, StoreError)
                LOG.error("dates that are due: %s", words, exc_info=not is_known)
            self._last_error = words

    def held_for(self, now: datetime) -> str:
        """What is past its date and holds every part, in words; empty if nothing does. Takes no
        time: the inspector asks for each frame.
        """
        if self._by != (due := self._settings().due):
            # Nobody has looked by these settings: a date that they have may be past.
            return _UNKNOWN if _is_asked(due) else ""
        past = [each for each in self.dates if each.holds(now)]
        return ", ".join(
            f"{each.kind.replace('_', ' ')} {each.name} since {each.ends:%Y-%m-%d}" for each in past
        )

    def _is_current(self) -> bool:
        return bool(self._last_error) or self._by is None or self._by == self._settings().due

    def warnings(self) -> list[str]:
        """What is to be said now, and keeps nothing from being ready."""
        now = utc_now()
        said = warnings(self.dates, self._settings().due, now)
        if self.held_for(now) == _UNKNOWN:
            said = [f"due: {_UNKNOWN}: every part is HOLD", *said]
        return [each for each in said if each not in self.troubles()]

    def troubles(self) -> list[str]:
        """What keeps the station from being ready."""
        return troubles(self.dates, utc_now())


def _is_asked(due: DueSettings) -> bool:
    """True if a date may hold parts."""
    kinds = (each for each in DueKind if each is not DueKind.CALIBRATION)
    return any(getattr(due, each.value) in HOLDING for each in kinds)
