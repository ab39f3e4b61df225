"""`verify`: the order in which a station's log, files and pictures are held against one another."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import datetime

from qc_edge.audit.anchors.check import AnchorCheck
from qc_edge.audit.anchors.counted import AnchorOptions, counted_anchors
from qc_edge.audit.anchors.journald import KeptAnchor
from qc_edge.audit.anchors.log_rows import find_rows
from qc_edge.audit.chain import ChainCheck
from qc_edge.audit.count_check import check_count
from qc_edge.audit.evidence import EvidenceCheck
from qc_edge.audit.finding import AuditProgress, AuditReport, NoProgress
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.audit.in_force.claims import record_events
from qc_edge.audit.in_force.records import RecordCheck
from qc_edge.audit.in_force.rows import check_rows_in_force
from qc_edge.audit.journal import journal_files, read_journal_file
from qc_edge.audit.newest_rows import check_newest
from qc_edge.audit.orphans import check_orphans, check_spool
from qc_edge.audit.part_check import check_parts
from qc_edge.audit.published import check_files, check_seals, check_told_seals
from qc_edge.audit.row_checks import check_labels, check_masks, check_unique_ids, check_verdicts
from qc_edge.audit.time_order import check_time_order
from qc_edge.audit.told_check import check_told
from qc_edge.errors import StoreError
from qc_edge.query.audit_queries import OTHER_IDS, SET_ASIDE, fetch
from qc_edge.query.database_at_rest import DatabaseAtRest
from qc_edge.query.examined_log import ExaminedLog, examine_published
from qc_edge.query.rows import Rows
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import StationPaths

_REBUILT = "start the station: it is rebuilt from the journal"


def verify(
    paths: StationPaths,
    since: datetime | None = None,
    share: float = 1.0,
    progress: AuditProgress | None = None,
    anchors: AnchorOptions | None = None,
) -> AuditReport:
    """Hold all that a station has kept against all else, while it runs or at rest.

    `since` (aware) leaves out what was recorded in earlier hours; `share` (0..1) of the rows have
    their pictures looked at. With `anchors`, the log is held against those, too. What does not hold
    is in the report, never raised.
    """
    running = any(holder_of(paths.lock(role)) for role in ("inspect", "capture"))
    report = AuditReport(progress or NoProgress())
    return StationAudit(paths, report, since, share, running, anchors).run()


@dataclass(slots=True)
class StationAudit:
    """One audit of a station, step by step. One thread; its checks of pictures and seals have their
    own.
    """

    paths: StationPaths
    report: AuditReport
    since: datetime | None
    share: float
    running: bool
    anchors: AnchorOptions | None = None

    def run(self) -> AuditReport:
        """Take all steps that can be taken, and give the report."""
        if self.running:
            # DuckDB lets one process alone open a database to write: the running station has it.
            self.report.note(
                "running",
                "the station runs: its journal is held against its published files, "
                "its database is not opened",
                self.paths.name,
            )
        # Before the rows: a running station makes more of both meanwhile, a row before its anchor.
        anchors = self._read_anchors(self.anchors) if self.anchors else []
        # First of all: the steps after it read only those published files that are whole.
        published = self._check_published()
        places = self._places(published)
        first, last = self._check_chain(places)
        if self.anchors:
            self._check_anchors(self.anchors, anchors, places, first, last)
        if not places:
            return self.report
        rows = places[0]  # the database where it could be opened, else the published files
        try:
            frames = self._check_rows(rows, first, last)
            set_aside = {frame for (frame,) in fetch(rows, SET_ASIDE, "events", first, last)}
            if not self.running and self.since is None:
                known = set_aside | self._other_ids(rows)
                check_newest(self.report, self.paths, rows, frames, known)
        except StoreError as fault:
            self._give_up(rows, fault)
            return self.report
        with self.report.step("orphans", "files") as step:
            since = self._naive_since()
            check_orphans(
                self.report, step, self.paths, frames, set_aside, since, running=self.running
            )
            if not self.running:
                check_spool(self.report, self.paths)
        return self.report

    def _check_published(self) -> ExaminedLog:
        directory, since = self.paths.published, self._naive_since()
        with self.report.step("files", "published files") as step:
            published = examine_published(directory, since, step.advance)
            check_files(self.report, published, directory)
        with self.report.step("seals", "bytes of sealed days") as step:
            day = since.date() if since else None
            check_seals(self.report, step, directory, day, os.cpu_count() or 2)
        return published

    def _places(self, published: ExaminedLog) -> list[Rows]:
        """Where the rows can be read as tables."""
        places = []
        if not self.running and self.paths.database.exists():
            database = Rows(DatabaseAtRest(self.paths.database))
            try:
                with database.held():
                    if not database.columns("events"):
                        raise StoreError("it has none of the log's tables", hint=_REBUILT)
                    places.append(database)
            except StoreError as fault:
                self.report.fault(
                    "database_unreadable", fault.message, "traceability.duckdb", fault.hint
                )
        elif not self.running:
            self.report.fault(
                "database_unreadable",
                "there is no database",
                "traceability.duckdb",
                _REBUILT,
            )
        if published.files:
            places.append(published.rows)
        elif not self.running or not published.damaged:
            self.report.note("not_published", "nothing is published", "published")
        return places

    def _check_chain(self, places: list[Rows]) -> tuple[int, int]:
        """The numbers of the first and the last row that the audit is about."""
        with self.report.step("chain", "rows") as step:
            files = journal_files(self.paths.journal, self.since)
            first = 1
            # Rows are numbered, not timed: the journal's first whole hour says where to begin.
            if self.since:
                hours = (read_journal_file(path) for path in files)
                hour = next((hour for hour in hours if hour.lines), None)
                first = hour.first if hour else self._first_in(places, self.since)
            step.total = self._last_in(places) - first + 1
            chain = ChainCheck(self.report, step, places, running=self.running, now=utc_now())
            return first, chain.check(files, first)

    def _read_anchors(self, options: AnchorOptions) -> list[KeptAnchor]:
        with self.report.step("anchors", "anchors") as step:
            return counted_anchors(self.report, step, self.paths.name, options, self.since)

    def _check_anchors(
        self,
        options: AnchorOptions,
        anchors: list[KeptAnchor],
        places: list[Rows],
        first: int,
        last: int,
    ) -> None:
        kept = [each for each in anchors if each.anchor.head.seq >= first]
        if kept:
            numbers = {each.anchor.head.seq for each in kept} | {last}
            rows = find_rows(journal_files(self.paths.journal, self.since), places, numbers)
            AnchorCheck(self.report, options, kept, rows).check(last)

    def _check_rows(self, rows: Rows, first: int, last: int) -> FrameIds:
        """Verdicts, ids, the count and the evidence; the ids of all frames that have a row."""
        with self.report.step("records", "records") as step:
            events = record_events(rows)
            records = RecordCheck(self.report, self.paths, events)
            records.check(step)
            if self.since is None:
                records.check_untold()
            day = self.since.date() if self.since else None
            directory = self.paths.published
            check_told_seals(self.report, rows, directory, day, running=self.running)
        # In one place only: the step before has shown where the others differ from it.
        with self.report.step("verdicts", "rows") as step:
            check_verdicts(self.report, rows, first, last)
            check_unique_ids(self.report, rows, first, last)
            check_count(self.report, rows, first, last)
            check_parts(self.report, rows, first, last, self.paths.settings_history)
            check_told(self.report, rows, first, last)
            check_time_order(self.report, rows, first, last)
            check_rows_in_force(self.report, rows, events, first, last)
            step.count = max(0, last - first + 1)
        with self.report.step("evidence", "images") as step:
            threads, journal = os.cpu_count() or 2, self.paths.journal if self.running else None
            evidence = EvidenceCheck(
                self.paths.state, self.paths.calibration, threads, self.share, journal
            )
            frames = evidence.check(self.report, step, rows, first, last)
        # With `since`, a label may well be of an older frame, whose id was not read.
        if self.since is None:
            check_labels(self.report, rows, first, last, frames)
        check_masks(self.report, self.paths, rows, first, last)
        return frames

    def _give_up(self, rows: Rows, fault: StoreError) -> None:
        self.report.warning(
            "given_up",
            f"the rows could not be read to the end: {fault.message}",
            rows.place,
            "run it again; with --since it takes less time",
        )

    def _other_ids(self, rows: Rows) -> set[str]:
        """The ids of gaps and events: those take their place in the spool as frames do."""
        return {
            identity
            for table, name in (("gaps", "gap_id"), ("events", "event_id"))
            for (identity,) in fetch(rows, OTHER_IDS.replace("{name}", name), table, 0, 2**62)
        }

    def _naive_since(self) -> datetime | None:
        """`since` as tables and folders have their times: UTC without a zone."""
        return self.since.replace(tzinfo=None) if self.since else None

    def _first_in(self, places: list[Rows], since: datetime) -> int:
        for place in places:
            with place.held():
                return place.first_since(since)
        return 1

    def _last_in(self, places: list[Rows]) -> int:
        for place in places:
            with place.held():
                return place.last()
        return 0
