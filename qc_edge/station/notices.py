"""What people did at the page, on its way into the log: files that become events, each once."""

from __future__ import annotations

import logging
from datetime import datetime
from itertools import islice
from pathlib import Path

from qc_edge.domain.events import Event, EventLog
from qc_edge.errors import RecordError, StoreError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.query.typed_rows import aware
from qc_edge.records import notices
from qc_edge.records.notices import Notice
from qc_edge.service.logs import log_line
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.set_aside import move_aside

_AT_ONCE = 50
_LOOKED_AT = 20_000
"""Rows: about half a second."""


class NoticeFollower:
    """Takes up the notices of one station; used by the supervisor's thread alone."""

    def __init__(self, paths: StationPaths, events: EventLog, disk: Disk) -> None:
        self._directory = paths.notices
        self._set_aside = paths.set_aside
        self._journal = paths.journal
        self._events = events
        self._disk = disk
        self._is_first = True
        self._logged: set[Path] = set()
        """Written to the log, and their files not gone yet."""
        self._stuck: set[str] = set()
        """Refused, and not to be moved: said once."""

    def take_up(self) -> None:
        """Write what waits to the log, oldest first. Raises StoreError; then it waits on."""
        names = sorted(set(notices.names(self._directory)) - self._stuck)
        waiting = self._waiting(names[:_AT_ONCE])
        if not waiting:
            self._is_first = False
            return
        logged: set[str] = set()
        if self._is_first:
            # The run before may have ended between the row and the removal of the file.
            logged = self._logged_since(min(notice.at for notice in waiting.values()))
            self._is_first = False
        new = [each.occurrence for path, each in waiting.items() if path not in self._logged]
        self._events.record([each for each in new if each.detail not in logged])
        self._logged.update(waiting)
        for path in waiting:
            self._disk.unlink(path)
            self._logged.discard(path)

    def _waiting(self, names: list[str]) -> dict[Path, Notice]:
        found = {}
        for name in names:
            path = self._directory / f"{name}.json"
            try:
                found[path] = notices.load(self._directory, name)
            except RecordError as fault:
                log_line(logging.ERROR, f"{fault.message}; it is set aside", event="notice")
                try:
                    move_aside(path, self._set_aside / f"notice-{path.name[:120]}")
                except StoreError as stuck:
                    self._stuck.add(name)
                    log_line(logging.ERROR, stuck.message, event="notice")
        return found

    def _logged_since(self, moment: datetime) -> set[str]:
        """The details of the events that were recorded since then, among the newest rows: the run
        before ended at once behind those that matter, whatever old moment a file may name.
        """
        details = set()
        try:
            for row in islice(newest_rows(self._journal), _LOOKED_AT):
                if (
                    aware(datetime.fromisoformat(str(row["recorded_at"])).replace(tzinfo=None))
                    < moment
                ):
                    break
                if row["table"] == Event.TABLE:
                    details.add(str(row["detail"]))
        except (OSError, LookupError, ValueError) as fault:
            raise StoreError(f"cannot read the journal back: {fault}") from fault
        return details
