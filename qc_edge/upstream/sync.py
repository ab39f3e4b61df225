"""The order of a night: the name, the anchor, the manifests of all days, then day by day.

What proves the log leaves the box first. Of a day, tables come before pictures and the receipt
last: where that is, the day is whole. Killed anywhere, the next run finds what is there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import AuditError
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.rows import Rows
from qc_edge.records import notices
from qc_edge.records.receipts import Receipt, keep_last_sync, read_receipt
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from qc_edge.upstream.age import is_overdue
from qc_edge.upstream.anchors import check_and_anchor
from qc_edge.upstream.claim import claim_name
from qc_edge.upstream.day_files import DayFiles
from qc_edge.upstream.due import SealedDay, SealedDays
from qc_edge.upstream.kept_records import send_records
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.pace import pace_of
from qc_edge.upstream.pictures import PictureSender
from qc_edge.upstream.targets import Target
from qc_edge.version import __version__

Progress = Callable[[str, int, int], None]
"""Called with the step (STEPS), how much of it is done, and of how much."""

STEPS = ("manifests", "tables", "pictures")


@dataclass(slots=True)
class SyncReport:
    """What a night has done: the receipts of the days it sent, the days it refused, with why, and
    for each day the first pictures that were left out, with why.

    `waiting` are days whose seal no published event tells yet; `planned` those of a dry run.
    """

    url: str
    sent: list[Receipt] = field(default_factory=list)
    refused: dict[date, str] = field(default_factory=dict)
    damaged: dict[date, list[str]] = field(default_factory=dict)
    waiting: list[date] = field(default_factory=list)
    planned: list[SealedDay] = field(default_factory=list)


class Sync:
    """One run for one station. One thread calls it; files go up on threads of its own."""

    def __init__(
        self, paths: StationPaths, settings: Settings, target: Target, progress: Progress
    ) -> None:
        self._paths = paths
        self._target = target
        self._progress = progress
        self._upstream = settings.upstream
        self._names = names_of(settings)
        self._pace = pace_of(settings)
        self._pictures = PictureSender(
            paths.state, target, self._names, self._pace, settings.upstream.parallel
        )
        self.report = SyncReport(target.url)

    def run(self, since: date | None = None) -> SyncReport:
        """Send every day that is due, oldest first; a day that does not hold is left out and named.

        Raises AuditError where the station as a whole is not who sent before, UpstreamError where
        upstream does not take it: what was sent until then has its receipts.
        """
        with PublishedLog(self._paths.published) as log:
            rows = Rows(log.cursor())
            days = SealedDays.of(self._paths, rows)
            if days.told:
                sent_before = self._has_sent(days)
                claim_name(self._target, self._names, days.told, sent_before=sent_before)
                check_and_anchor(self._target, self._names, rows)
            with ThreadPoolExecutor(self._upstream.parallel, "upstream") as pool:
                files = DayFiles(self._target, self._names, self._pace, pool)
                sound = self._send_manifests(days, files, since)
                if days.told:
                    send_records(self._paths, self._target, self._names)
                for sealed in sound:
                    self._send_day(rows, files, sealed)
        self.report.waiting = days.untold()
        overdue = [day for day in self.report.waiting if is_overdue(day)]
        if not (self.report.refused or overdue) and since is None:
            keep_last_sync(self._paths.upstream, self._target.url)
        return self.report

    def _has_sent(self, days: SealedDays) -> bool:
        receipts = (read_receipt(self._paths.upstream, day) for day in days.told)
        return any(receipt and receipt.url == self._target.url for receipt in receipts)

    def _send_manifests(
        self, days: SealedDays, files: DayFiles, since: date | None
    ) -> list[SealedDay]:
        due = list(days.due(self._target.url, since))
        sound = []
        for number, day in enumerate(due, 1):
            try:
                sealed = days.read(day)
                files.send_manifest(sealed)
                sound.append(sealed)
            except AuditError as fault:
                self.report.refused[day] = fault.message
            self._progress("manifests", number, len(due))
        return sound

    def _send_day(self, rows: Rows, files: DayFiles, sealed: SealedDay) -> None:
        sent, total = 0, sum(file.bytes for file in sealed.seal.files)

        def on_file(size: int) -> None:
            nonlocal sent
            sent += size
            self._progress("tables", sent, total)

        try:
            if there_already := files.receipt_there(sealed):
                self._end_day(files, *there_already)
                return
            files.send_tables(self._paths.published, sealed, on_file)
            pictures = self._pictures.send(
                rows,
                sealed,
                self._upstream.evidence,
                lambda done, of: self._progress("pictures", done, of),
            )
            receipt = Receipt(
                station=self._names.station,
                line=self._names.line,
                day=sealed.day,
                url=self._target.url,
                seal_sha256=sealed.sha256,
                rows=sealed.seal.rows,
                files=len(sealed.seal.files),
                size_bytes=total + pictures.size_bytes,
                pictures=pictures.pictures,
                not_sent=pictures.not_sent,
                sent_at=utc_now(),
                software=__version__,
                classes=tuple(pictures.classes),
            )
            receipt, there = files.send_receipt(receipt)
        except AuditError as fault:
            self.report.refused[sealed.day] = fault.message
            return
        self._end_day(files, receipt, there)
        if pictures.damaged:
            self.report.damaged[sealed.day] = pictures.damaged

    def _end_day(self, files: DayFiles, receipt: Receipt, there: bytes) -> None:
        """Of a day whose receipt stands upstream: tell the log and keep it here."""
        # Told first: killed in between, the day is due again and told once more, never not at all.
        self._tell(receipt, hashlib.sha256(there).hexdigest())
        files.keep_receipt(self._paths.upstream, receipt, there)
        self._pictures.forget(receipt.day)
        self.report.sent.append(receipt)

    def _tell(self, receipt: Receipt, digest: str) -> None:
        """The event of it, which the station takes up, now or when it runs again."""
        detail = (
            f"{receipt.day} is upstream: {receipt.rows} rows in {receipt.files} files, "
            f"{sum(receipt.pictures.values())} pictures, {receipt.not_sent} not sent, "
            f"{receipt.size_bytes} bytes, at {receipt.url}"
        )
        told = Occurrence(EventKind.SYNCED, detail[:400], after=digest, who="sync")
        notices.leave(self._paths.notices, told)


def plan(paths: StationPaths, url: str, since: date | None = None) -> SyncReport:
    """What `Sync.run` would send, by the station's own files alone. Raises StoreError."""
    report = SyncReport(url)
    with PublishedLog(paths.published) as log:
        days = SealedDays.of(paths, Rows(log.cursor()))
        for day in days.due(url, since):
            try:
                report.planned.append(days.read(day))
            except AuditError as fault:
                report.refused[day] = fault.message
        report.waiting = days.untold()
    return report


def names_of(settings: Settings) -> StationNames:
    """The names upstream of the station with these settings."""
    station = settings.station.name
    return StationNames(station, settings.upstream.line or station)
