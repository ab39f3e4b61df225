"""`verify`: the order in which a station's log, files and pictures are held against one another."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from qc_edge.audit import journal
from qc_edge.audit.chain import ChainCheck
from qc_edge.audit.count_reconciliation import check_closure
from qc_edge.audit.evidence import EvidenceCheck
from qc_edge.audit.finding import AuditReport, AuditStep, Progress
from qc_edge.audit.judgements import check_ids, check_labels, check_verdicts
from qc_edge.audit.orphans import check_orphans, check_spool
from qc_edge.audit.published import check_files, check_seals
from qc_edge.errors import StoreError
from qc_edge.query.published_files import PublishedLog, open_published
from qc_edge.query.rows import Rows, open_database
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import StationPaths


@dataclass(slots=True)
class Audit:
    """One audit of a station. `since` (aware UTC) leaves out what was recorded in earlier hours;
    `share` (0..1) of the rows have their pictures looked at.
    """

    paths: StationPaths
    since: datetime | None = None
    share: float = 1.0
    progress: Progress = lambda *_: None

    def run(self) -> AuditReport:
        """Hold everything against everything. What does not hold is in the report, never raised."""
        report = AuditReport()
        paths, since = self.paths, self.since.replace(tzinfo=None) if self.since else None
        running = any(holder_of(paths.lock(role)) for role in ("inspect", "capture"))
        if running:
            report.note(
                "running",
                "the station runs: its journal is held against its published files, "
                "its database is not opened",
                paths.name,
            )
        threads = os.cpu_count() or 2
        with self._step(report, "files", "published files") as step:
            published = open_published(
                paths.published, since, lambda n: self._moved(step, step.count + n, 0)
            )
            check_files(report, published, paths.published)
        with self._step(report, "seals", "bytes of sealed days") as step:
            check_seals(
                report, step, published, paths.published, since.date() if since else None, threads
            )
        places = self._places(report, published, running)
        with self._step(report, "chain", "rows") as step:
            first, last = self._chain(report, step, list(places), running)
        best = places[0] if places else None
        if best is None:
            return report
        try:
            known = self._rows(report, best, first, last, threads)
        except StoreError as fault:
            report.warning(
                "given_up",
                f"the rows could not be read to the end: {fault.message}",
                best.place,
                "run it again; with --since it takes less time",
            )
            return report
        with self._step(report, "orphans", "files") as step:
            check_orphans(report, step, paths, known, since, running=running)
            if not running:
                check_spool(report, paths)
        return report

    def _rows(
        self, report: AuditReport, rows: Rows, first: int, last: int, threads: int
    ) -> array[int]:
        with self._step(report, "verdicts", "rows") as step:
            check_verdicts(report, rows, first, last)
            check_ids(report, rows, first, last)
            check_closure(report, rows, first, last)
            step.count = max(0, last - first + 1)
        with self._step(report, "evidence", "images") as step:
            pictures = EvidenceCheck(self.paths.state, self.paths.calibration, threads, self.share)
            known = pictures.check(
                report,
                step,
                rows,
                first,
                last,
                lambda seq: self.progress("evidence", seq - first + 1, last - first + 1),
            )
        if self.since is None:
            check_labels(report, rows, first, last, known)
        return known

    def _places(self, report: AuditReport, published: PublishedLog, running: bool) -> list[Rows]:
        places = []
        if not running and self.paths.database.exists():
            database = open_database(self.paths.database)
            try:
                with database.held():
                    places.append(database)
            except StoreError as fault:
                report.fault(
                    "database_unreadable", fault.message, "traceability.duckdb", fault.hint
                )
        elif not running:
            report.fault(
                "database_unreadable",
                "there is no database",
                "traceability.duckdb",
                "start the station: it is rebuilt from the journal",
            )
        if published.files:
            places.append(published.rows)
        elif not running or not published.damaged:
            report.note("not_published", "nothing is published", "published")
        return places

    def _chain(
        self, report: AuditReport, step: AuditStep, places: list[Rows], running: bool
    ) -> tuple[int, int]:
        """The numbers of the first and the last row that the audit is about."""
        files = journal.files(self.paths.journal, self.since)
        first = 1
        if self.since:
            hour = next((hour for path in files if (hour := journal.read_hour(path)).lines), None)
            first = hour.first if hour else self._first_in(places)
        chain = ChainCheck(report, step, places, running, utc_now())
        total = self._last_in(places) - first + 1
        last = chain.check(
            files, first, lambda count: self.progress("chain", count, max(total, count))
        )
        return first, last

    def _first_in(self, places: list[Rows]) -> int:
        assert self.since is not None  # noqa: S101
        for place in places:
            with place.held():
                return place.first_since(self.since)
        return 1

    def _last_in(self, places: list[Rows]) -> int:
        for place in places:
            with place.held():
                return place.last()
        return 0

    @contextmanager
    def _step(self, report: AuditReport, name: str, what: str) -> Iterator[AuditStep]:
        self.progress(name, 0, 0)
        with report.step(name, what) as step:
            yield step

    def _moved(self, step: AuditStep, count: int, total: int) -> None:
        step.count = count
        self.progress(step.name, count, total)


def verify(
    paths: StationPaths,
    since: datetime | None = None,
    share: float = 1.0,
    progress: Callable[[str, int, int], None] = lambda *_: None,
) -> AuditReport:
    """The audit of a station, running or at rest."""
    return Audit(paths, since, share, progress).run()
