"""Control charts beside a running station: a thread of low priority that reads published files, so
that the line never waits for it, and says an alarm as an event once in a while.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone

from qc_edge.analysis.beyond_learnt import beyond_learnt
from qc_edge.discipline.spc.drift import Cause, Drift, diagnose
from qc_edge.discipline.spc.examine import Watch
from qc_edge.domain.events import Event, EventKind, EventLog, Occurrence
from qc_edge.errors import StoreError
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import Span
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.service.priority import lower_priority
from qc_edge.settings import StationPaths
from qc_edge.settings.discipline.spc import SpcSettings

_NICE = 10
_LOOK_S = 1.0
_AFTER_S = 60.0
"""A start is busy enough; the frames of before are in the published files by then."""

_AGAIN_S = 30.0
"""After a look that failed: the whole log may have to be read again."""

KINDS = {
    Cause.CAMERA: EventKind.CAMERA_DRIFT,
    Cause.PROCESS: EventKind.PROCESS_DRIFT,
    Cause.LOOK: EventKind.SCORES_DRIFT,
    Cause.HELD: EventKind.HELD_DRIFT,
}

_TOLD = {*KINDS.values(), EventKind.BEYOND_LEARNT}


class ControlWatch:
    """`run` is the work of the thread `spc`; `diagnoses` and `beyond` may be read by any thread."""

    def __init__(
        self,
        paths: StationPaths,
        settings: Callable[[], SpcSettings],
        events: EventLog,
        looks: Sequence[Callable[[], None]] = (),
    ) -> None:
        """`looks` are called every second, too; each takes a moment and never raises."""
        self.diagnoses: tuple[Drift, ...] = ()
        self.beyond = ""
        self._looks = looks
        self._paths = paths
        self._settings = settings
        self._events = events
        self._watch = Watch(paths)
        self._again = 0.0
        self._failing: dict[str, str] = {}

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Look whenever a point has ended, until `stop`."""
        lower_priority(_NICE)
        begins = time.monotonic() + _AFTER_S
        stopped = False
        while not stopped:
            heartbeat.beat()
            for look in self._looks:
                look()
            settings, now = self._settings(), utc_now()
            if not settings.watch:
                self.diagnoses, self.beyond = (), ""
            elif time.monotonic() >= max(begins, self._again) and self._watch.is_due(settings, now):
                self._again = time.monotonic() + _AGAIN_S
                self.look(settings, now)
            stopped = stop.wait(_LOOK_S)

    def look(self, settings: SpcSettings, now: datetime) -> None:
        """Make the charts, and say what is new. What fails is logged and tried again."""
        self._try("control charts", lambda: self._look_at_charts(settings, now))
        self._try("what the model has learnt", lambda: self._look_at_learnt(settings, now))

    def _look_at_charts(self, settings: SpcSettings, now: datetime) -> None:
        charts = self._watch.look(settings, now)
        found = self.diagnoses = tuple(diagnose(charts.alarms(), settings.stands_for, now))
        said = self._said_since(now - _cooldown(settings)) if found else set()
        for each in found:
            kind = KINDS[each.cause]
            if (kind.value, each.of) not in said:
                self._events.report(Occurrence(kind, each.words, after=each.of))

    def _look_at_learnt(self, settings: SpcSettings, now: datetime) -> None:
        beyond = beyond_learnt(self._paths, now - settings.stands_for)
        words = self.beyond = beyond.words if beyond else ""
        if not beyond or not words:
            return
        key = (EventKind.BEYOND_LEARNT.value, beyond.bundle)
        if key not in self._said_since(now - _cooldown(settings)):
            self._events.report(Occurrence(EventKind.BEYOND_LEARNT, words, after=beyond.bundle))

    def _try(self, what: str, work: Callable[[], None]) -> None:
        """Whatever goes wrong here, the line does not need it: said once, and no end of the
        station, as that of any other worker would be.
        """
        try:
            work()
            self._failing.pop(what, None)
        except Exception as fault:  # noqa: BLE001
            words = str(fault) if isinstance(fault, StoreError) else repr(fault)
            if self._failing.get(what) != words:
                LOG.error("%s: %s", what, words, exc_info=not isinstance(fault, StoreError))
            self._failing[what] = words

    @property
    def warnings(self) -> list[str]:
        """For the status."""
        return [each.short for each in self.diagnoses] + ([self.beyond] if self.beyond else [])

    def _said_since(self, since: datetime) -> set[tuple[str, str]]:
        """From the log, so that a restart says nothing twice."""
        with PublishedLog(self._paths.published, memory_limit="128MB", threads=1) as log:
            cursor = log.cursor()
            events = cursor.relation(Event.TABLE, Span(since=since), ("kind", "after"))
            if events is None:
                return set()
            kinds = ", ".join(f"'{each.value}'" for each in _TOLD)
            rows = cursor.fetch(
                f"SELECT kind, after FROM {events} WHERE kind IN ({kinds}) "  # noqa: S608
                "AND recorded_at >= $since",
                {"since": since.astimezone(timezone.utc).replace(tzinfo=None)},
            )
            return {(kind, of) for kind, of in rows}


def _cooldown(settings: SpcSettings) -> timedelta:
    return timedelta(hours=settings.cooldown_hours)
