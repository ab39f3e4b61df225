"""What all pages share: the station's files, its settings, who is logged in, and the words."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from qc_edge.domain.events import Occurrence
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.errors import QcEdgeError
from qc_edge.query.lookup.indexed_log import IndexedLog
from qc_edge.query.published_log import PublishedLog
from qc_edge.records import notices
from qc_edge.review import ReviewQueue
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.layers.layer import common_files
from qc_edge.web.aim.frames import AimFrames
from qc_edge.web.catalog import load_words
from qc_edge.web.people.attempts import Attempts
from qc_edge.web.people.passwords import Passwords
from qc_edge.web.people.sessions import Sessions
from qc_edge.web.people.users import Users
from qc_edge.web.pictures import Pictures

QUERIES_AT_ONCE = 2
"""Queries of the log that may run side by side: the station needs the cores."""

_QUEUE_KEEP_S = 15.0
"""The next part to review is chosen by what was published so long ago at most: a person looks at
one for longer.
"""

_SHOWN = {
    "behind",
    "calibrations",
    "cameras",
    "clock",
    "disk",
    "engine",
    "engine_reason",
    "latency",
    "model",
    "model_news",
    "model_reason",
    "monotonic_ns",
    "shadow",
    "shift",
    "spool_depth",
    "started_at",
    "threshold",
    "threshold_id",
    "today",
    "troubles",
    "version",
    "warnings",
}
"""What the pages show of a status."""


class StationPage:
    """One page of one station; used by the threads of its server. Close it at the end."""

    def __init__(self, paths: StationPaths) -> None:
        """Raises SettingsError."""
        self.paths = paths
        self.words = load_words()
        self.users = Users(paths.page_users)
        self.passwords = Passwords()
        self.attempts = Attempts()
        self.sessions = Sessions(self.users, lambda: self.settings.page.idle_logout_min * 60)
        self.log = PublishedLog(paths.published)
        self.queries = threading.BoundedSemaphore(QUERIES_AT_ONCE)
        self.pictures = Pictures(paths)
        self.aim = AimFrames(paths)
        self.stopping = threading.Event()
        self._settings = load_settings(paths.settings)
        self.review = ReviewQueue(paths, self._settings, _QUEUE_KEEP_S)
        self._settings_sign = _sign(paths.settings)

    def lookup(self) -> IndexedLog:
        """The published log for a question about one part, for the thread that asks."""
        return IndexedLog(self.paths.published, self.log.cursor())

    def close(self) -> None:
        """End the queries; streams have been told by `stopping`."""
        self.log.close()
        self.review.close()

    @property
    def settings(self) -> Settings:
        """The settings as the file has them now, the last good ones if it does not read."""
        sign = _sign(self.paths.settings)
        if sign != self._settings_sign:
            self._settings_sign = sign
            try:
                self._settings = load_settings(self.paths.settings)
            except QcEdgeError as fault:
                LOG.warning("the page keeps its settings: %s", fault.message)
        return self._settings

    @property
    def calendar(self) -> StationCalendar:
        """The time zone and shifts of the station."""
        return self.settings.station.calendar

    def status(self) -> dict[str, Any] | None:
        """What the station last said of itself; None if that is nothing, or not to be understood:
        the page and the station may be of two versions for a while.
        """
        try:
            status = json.loads(self.paths.status.read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(status, dict) or not status.keys() >= _SHOWN:
            return None
        return status

    def tell(self, occurrence: Occurrence) -> None:
        """Leave an event for the station's log. Raises StoreError if the disk refuses."""
        if notices.leave(self.paths.notices, occurrence) is None:
            LOG.error("too many notices wait for the station: %s", occurrence.detail)

    def local(self, moment: datetime) -> datetime:
        """A time of the log, or an aware one, by the clocks at the station."""
        aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
        return self.calendar.local(aware)


def _sign(path: Path) -> tuple[tuple[str, int, int], ...]:
    """What changes with the station's file and with those that all stations share."""
    signs = []
    for file in (path, *common_files(path.parent)):
        with suppress(OSError):
            status = file.stat()
            signs.append((file.name, status.st_mtime_ns, status.st_size))
    return tuple(signs)
