"""A station made again from upstream, on a new disk: records, published log, pictures, journal.

The journal comes last and gets its name at once: a station takes it for its log, and fills its
database from it. Every row must follow from the one before it, and every file be what was sealed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from pathlib import Path

from qc_edge.domain.anchor import ChainHead
from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.errors import AuditError, UpstreamError, UsageError
from qc_edge.publish.seal import SealedFile, make_read_only, read_seal, seal_path, sealed_days
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.rows import Rows
from qc_edge.records import notices
from qc_edge.records.receipts import Receipt, keep_receipt, parse_receipt, receipt_path
from qc_edge.settings import StationPaths
from qc_edge.settings.layers.layer import COMMON
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file
from qc_edge.upstream.anchors import newest_anchor, put_anchor
from qc_edge.upstream.kept_records import SETTINGS, newest_index
from qc_edge.upstream.layout import RECEIPTS, StationNames, receipted
from qc_edge.upstream.rebuilt_journal import prepare_journal
from qc_edge.upstream.restored_pictures import RestoredPictures, path_inside
from qc_edge.upstream.targets import Target

_THREADS = 8

STEPS = ("records", "tables", "pictures", "journal")


@dataclass(slots=True)
class RestoreReport:
    """What came back: days, rows, pictures, those that are not upstream or are not what was judged
    (`not_there`), and by class those that rows name and that were never sent or not asked for
    (`left_out`). `head` is the row that the station goes on from, `days_left_out` come after it.
    """

    days: list[date] = field(default_factory=list)
    days_left_out: list[date] = field(default_factory=list)
    records: int = 0
    pictures: int = 0
    not_there: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    head: ChainHead | None = None

    def without(self) -> str:
        """The pictures that rows name and that are not back, in words; empty if all are."""
        counted = [f"{count} {kind} left out" for kind, count in sorted(self.left_out.items())]
        if self.not_there:
            counted.append(f"{self.not_there} not upstream")
        return ", ".join(counted)


class Restore:
    """One station from one target. `progress` is called as by a sync, with STEPS."""

    def __init__(
        self, paths: StationPaths, target: Target, progress: Callable[[str, int, int], object]
    ) -> None:
        self._paths = paths
        self._target = target
        self._progress = progress
        self._names = StationNames(paths.name, paths.name)
        self._report = RestoreReport()

    def settings(self) -> None:
        """Bring the settings back, the station's own and those it shares, unless a person has put
        some there. Before `run`, as root: they are not among the station's state. Raises as `run`.
        """
        _, index = newest_index(self._target, self._names)
        for name, digest in index.files.items() if index else ():
            if (path := self._settings_file(name)) and not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_file(path, self._fetched(self._names.record(digest), digest))

    def _settings_file(self, name: str) -> Path | None:
        """Where the file of this name in an index belongs, if it is one of settings."""
        if name == SETTINGS:
            return self._paths.settings
        folder, _, file = name.partition("/")
        return path_inside(self._paths.settings.parent / COMMON, file) if folder == COMMON else None

    def run(self, pictures_since: date | None = None, up_to: date | None = None) -> RestoreReport:
        """Bring all else back; pictures only of days from `pictures_since` on, if given, and no day
        after `up_to`: where a day between is not upstream, the station goes on from before it.

        Raises UsageError if the station has a log already, AuditError if what is upstream does not
        hold together, UpstreamError, StoreError. After those it may be run again.
        """
        self._refuse_if_there_is_a_log()
        receipts = self._receipts()
        if up_to is not None:
            self._report.days_left_out = [each.day for each in receipts if each.day > up_to]
            receipts = [each for each in receipts if each.day <= up_to]
            if not receipts:
                raise UsageError(f"no day up to {up_to} is upstream", hint="a later --up-to")
            self._remove_after(up_to)
        make_directories([*self._paths.own_directories(), *self._paths.spool_directories()])
        self._restore_records()
        for number, receipt in enumerate(receipts, 1):
            self._restore_day(receipt)
            self._progress("tables", number, len(receipts))
        with PublishedLog(self._paths.published) as log:
            rows = Rows(log.cursor())
            self._restore_pictures(rows, receipts, pictures_since)
            head, publish = prepare_journal(self._paths.journal, rows, self._progress)
        self._report.days = [receipt.day for receipt in receipts]
        self._report.head = head
        # Before the journal has its name: a station with a log is not restored once more, and one
        # whose anchor upstream is of a row that it lost could never send again.
        self._go_on_from(head)
        publish()
        return self._report

    def _refuse_if_there_is_a_log(self) -> None:
        if self._paths.database.exists() or any(self._paths.journal.glob("*.jsonl")):
            raise UsageError(
                f"{self._paths.state} has a log: nothing is restored over it",
                hint="to begin anew, move that directory away first, and keep it",
            )

    def _remove_after(self, last: date) -> None:
        """Remove the later days that a run before has brought: there is no log yet to name them."""
        published = self._paths.published
        for day in sealed_days(published):
            if day > last:
                for file in read_seal(published, day).files:
                    (published / file.path).unlink(missing_ok=True)
                receipt_path(self._paths.upstream, day).unlink(missing_ok=True)
                seal_path(published, day).unlink()

    def _receipts(self) -> list[Receipt]:
        """Those of this station, oldest first, of days without a hole: row follows row."""
        found = []
        for name in self._target.names(f"{RECEIPTS}/station={self._paths.name}"):
            if receipted(name):
                try:
                    found.append(parse_receipt(self._target.get(name) or b""))
                except ValueError as fault:
                    raise UpstreamError(
                        f"{self._target.url}/{name}: {fault}", hint="who else writes there?"
                    ) from None
        if not found:
            raise UpstreamError(
                f"{self._target.url} has no day of {self._paths.name}",
                hint="is it the right place, and the station's name as it was?",
            )
        return sorted(found, key=lambda receipt: receipt.day)

    def _restore_records(self) -> None:
        _, index = newest_index(self._target, self._names)
        files = index.files if index else {}
        for number, (name, digest) in enumerate(sorted(files.items()), 1):
            if self._settings_file(name) is None:
                write_file(
                    path_inside(self._paths.state, name),
                    self._fetched(self._names.record(digest), digest),
                )
                self._report.records += 1
            self._progress("records", number, len(files))

    def _restore_day(self, receipt: Receipt) -> None:
        names = StationNames(receipt.station, receipt.line)
        manifest = self._fetched(names.seal(receipt.day), receipt.seal_sha256)
        path = seal_path(self._paths.published, receipt.day)
        # Before its files: whatever is killed here is done again, and a seal without files is seen.
        write_file(path, manifest)
        seal = read_seal(self._paths.published, receipt.day)

        def restore(file: SealedFile) -> None:
            where = self._paths.published / file.path
            if not (
                where.exists() and hashlib.sha256(where.read_bytes()).hexdigest() == file.sha256
            ):
                write_file(where, self._fetched(names.table_file(file.path), file.sha256))

        with ThreadPoolExecutor(_THREADS, "restore") as pool:
            list(pool.map(restore, seal.files))
        make_read_only(self._paths.published, seal)
        here = replace(receipt, url=self._target.url)
        keep_receipt(self._paths.upstream, receipt.day, here.to_json())

    def _restore_pictures(
        self, rows: Rows, receipts: Sequence[Receipt], since: date | None
    ) -> None:
        with rows.held():
            first, last = 1, rows.last()
            if since is not None:
                first = rows.first_since(datetime(since.year, since.month, since.day))  # noqa: DTZ001
        sent = {name for receipt in receipts for name in receipt.pictures}
        classes = [kind for kind in EvidenceClass if kind.value in sent]
        pictures = RestoredPictures(
            self._paths.state, self._target, self._names, self._progress
        ).restore(rows, classes, first, last)
        self._report.pictures, self._report.not_there = pictures.pictures, pictures.not_there
        self._report.left_out = pictures.left_out

    def _go_on_from(self, head: ChainHead) -> None:
        """Say upstream and in the log from where it goes on: rows after that are lost."""
        number, anchor = newest_anchor(self._target, self._names)
        lost = anchor.head.seq - head.seq if anchor else 0
        said = f"restored from {self._target.url} up to row {head.seq};"
        # Before the anchor, from which a run after an interruption can no longer tell what is lost.
        if not self._has_told(said):
            detail = f"{said} at least {max(lost, 0)} rows after it are lost"
            if without := self._report.without():
                detail = f"{detail}; pictures that are not back: {without}"
            told = Occurrence(EventKind.RESTORED, detail[:400], who="restore")
            notices.leave(self._paths.notices, told)
        if lost:
            put_anchor(self._target, self._names, number + 1, head)

    def _has_told(self, said: str) -> bool:
        directory = self._paths.notices
        return any(
            notices.load(directory, name).occurrence.detail.startswith(said)
            for name in notices.names(directory)
        )

    def _fetched(self, name: str, sha256: str) -> bytes:
        data = self._target.get(name)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            what = "is not there" if data is None else "is not what was sent"
            raise AuditError(
                f"{self._target.url}/{name} {what}", hint="look for it in a backup of that place"
            )
        return data
