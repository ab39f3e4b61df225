"""Takes up the records of holds: rows first, and only then the record goes.

Runs on the station's thread for upkeep. A crash at any step makes one row of each entry: what has a
row already is known by its id.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog
from qc_edge.domain.evidence.hold_entry import HoldEntry
from qc_edge.labels import drop
from qc_edge.labels.holds.record import RECORD_MAX, SaidHold, decode
from qc_edge.labels.record_taker import RecordTaker, RecordTaking
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.lookups import recorded_holds
from qc_edge.store.safe_read import read_regular_file


class HoldTaker:
    """Used by one thread."""

    def __init__(self, paths: StationPaths, ledger: Ledger, events: EventLog) -> None:
        self._paths = paths
        self._ledger = ledger
        taking = RecordTaking(paths, paths.holds, events, EventKind.HOLD_REFUSED)
        self._records = RecordTaker(taking, self._take)

    def look(self) -> None:
        """Take up what waits, as much as fits into a moment; never raises StoreError."""
        self._records.look()

    def _take(self, path: Path) -> None:
        entries = decode(
            read_regular_file(path, RECORD_MAX, "for a record of holds"), self._paths.name
        )
        by_id = {entry.entry_id: entry for entry in entries}
        self._ledger.apply()
        with self._ledger.snapshot() as log:
            known = recorded_holds(log, list(by_id))
        rows = [self._row(entry) for key, entry in by_id.items() if key not in known]
        if rows:
            self._ledger.append(rows, utc_now())
            LOG.info("%d parts or times: %s by %s", len(rows), rows[0].action, rows[0].who)
        # Durable in the journal: only now may the record go.
        drop.retire(path)
        if rows:
            self._ledger.apply()

    def _row(self, entry: SaidHold) -> HoldEntry:
        scope = entry.scope
        return HoldEntry(
            entry_id=entry.entry_id,
            recorded_at=utc_now(),
            station=self._paths.name,
            action=str(entry.action),
            hold_id=entry.hold_id,
            frame_id=scope.frame_id,
            part_id=scope.part_id,
            lot=scope.lot,
            camera=scope.camera,
            since=scope.since,
            until=scope.until,
            cause=entry.cause,
            who=entry.who,
            role=str(entry.role),
            why=entry.why,
            said_at=entry.said_at,
        )
