"""The pictures behind the rows held against them: digests, and prepared inputs made again."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from zlib import crc32

from qc_edge.audit.finding import AuditFinding, AuditReport, AuditStep, Severity, fault
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.domain.calibration import Calibration
from qc_edge.errors import CalibrationError
from qc_edge.query import evidence
from qc_edge.query.audit_queries import EvidenceClaim, evidence_claims
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.journal_reader import deleted_since
from qc_edge.query.kept.deletion_rows import deleted_pictures
from qc_edge.query.rows import Rows
from qc_edge.records.calibrations import load
from qc_edge.records.view_regions import as_it_judged
from qc_edge.service.clock import utc_now
from qc_edge.vision.image import pixels_sha256
from qc_edge.vision.prepare import prepare, preprocess_id, recorded_parameters

_PORTION = 20_000
"""Rows in memory at once, a kilobyte each. Few portions: each begins a query."""

_WAITING_PER_THREAD = 4
"""Rows handed to the pool for each thread: enough that none is idle, few enough that images do not
pile up in memory.
"""

_LOST = "was it pruned by hand, or has the disk lost it? look in the backup and at the upstream"
_LEFTOVER = "holds something else than its frame, whose picture stands beside it, compressed"
_CUT = (
    "a power cut may bring a removed file back, see the mount options (qc-edge check): move it away"
)
_SWAPPED = (
    "the picture is not the one that was judged: hold the part, restore the picture from a backup"
)


@dataclass(slots=True)
class EvidenceCheck:
    """Checks the evidence under `state` (the state directory) by `threads` threads.

    Threads are enough: reading and hashing run outside the interpreter's lock. `calibration` is the
    directory of the records. `share` (0..1) of the rows is looked at. `images` counts the images
    that were read. `journal` is given where the station runs: it deletes pictures meanwhile.
    """

    state: Path
    calibration: Path
    threads: int
    share: float = 1.0
    journal: Path | None = None
    images: int = 0
    _missing: list[tuple[str, AuditFinding]] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def check(
        self, report: AuditReport, step: AuditStep, rows: Rows, first: int, last: int
    ) -> FrameIds:
        """Check each row from `first` to `last`; the ids of all their frames, looked at or not."""
        hashes: array[int] = array("q")
        # Many rows share a record. Two threads may both read it the first time, which does no harm.
        calibration = cache(self._calibration)
        step.total, began = last - first + 1, utc_now()
        with ThreadPoolExecutor(self.threads, "evidence") as pool:
            waiting: deque[tuple[str, Future[list[AuditFinding]]]] = deque()
            for row, gone in self._rows(rows, first, last, hashes):
                if not self._is_sampled(row.frame_id):
                    continue
                done = pool.submit(self._check_row, row, gone, calibration)
                waiting.append((row.frame_id, done))
                # Taken from the left only: findings come in the order of the rows.
                while len(waiting) > _WAITING_PER_THREAD * self.threads or (
                    waiting and waiting[0][1].done()
                ):
                    self._collect(report, *waiting.popleft())
                step.count = self.images
                step.show(row.chain_seq - first + 1)
            while waiting:
                self._collect(report, *waiting.popleft())
        step.count = self.images
        if self._missing:
            self._add_missing(report, began)
        return FrameIds(hashes)

    def _is_sampled(self, frame_id: str) -> bool:
        """By the id's checksum and not by chance: the same share is the same frames on every run,
        and a larger share has them, too.
        """
        return crc32(frame_id.encode()) < self.share * 2**32

    def _rows(
        self, rows: Rows, first: int, last: int, hashes: array[int]
    ) -> Iterator[tuple[EvidenceClaim, str]]:
        """Each row, and its pictures that rules have deleted."""
        for low in range(first, last + 1, _PORTION):
            # Held for the query only, not while images are read: a station that starts meanwhile
            # needs its database.
            with rows.held():
                portion = list(evidence_claims(rows, low, min(last, low + _PORTION - 1)))
                gone = deleted_pictures(rows, [row.frame_id for row in portion])
            hashes.extend(hash(row.frame_id) for row in portion)
            yield from ((row, gone.get(row.frame_id, "")) for row in portion)

    def _collect(self, report: AuditReport, frame: str, done: Future[list[AuditFinding]]) -> None:
        for finding in done.result():
            if self.journal is not None and finding.kind.endswith("_missing"):
                self._missing.append((frame, finding))
            else:
                report.add(finding)

    def _add_missing(self, report: AuditReport, began: datetime) -> None:
        """Those pictures that no rule has deleted since the rows were read: its own row stands in
        the journal before a picture goes, and is published some seconds later.
        """
        assert self.journal is not None  # noqa: S101
        gone = deleted_since(self.journal, began - timedelta(hours=1))
        for frame, finding in self._missing:
            if finding.kind.removesuffix("_missing") not in gone.get(frame, "").split():
                report.add(finding)

    def _check_row(
        self, row: EvidenceClaim, gone: str, calibration: Callable[[str], Calibration | str]
    ) -> list[AuditFinding]:
        """What does not hold with one row's evidence. Runs in a thread of the pool."""
        where = f"row {row.chain_seq}, part {row.part_id}, {row.frame_id}"
        findings: list[AuditFinding] = []
        raw = self._read(row.raw_path, row.raw_sha256)
        prepared = self._read(row.prepared_path, row.prepared_sha256)
        defect_map = self._read(row.map_path, row.map_sha256)
        # A file that vanished before it was read left nothing to keep.
        if raw.match is EvidenceMatch.NOT_KEPT and row.reason != "vanished":
            findings.append(fault("raw_missing", "the row names no frame", where, _LOST))
        for name, noun, file in (
            ("raw", "frame", raw),
            ("prepared", "prepared input", prepared),
            ("map", "defect map", defect_map),
        ):
            is_deleted = file.match is EvidenceMatch.MISSING and name in gone.split()
            if file.match.is_fault and not is_deleted:
                hint = _LOST if file.match is EvidenceMatch.MISSING else _SWAPPED
                kind = f"{name}_{file.match}"
                findings.append(fault(kind, f"{noun}: {file.detail}", where, hint))
        if raw.leftover is not None:
            name = raw.leftover.relative_to(self.state).as_posix()
            findings.append(
                AuditFinding(Severity.WARNING, "evidence_leftover", _LEFTOVER, name, _CUT)
            )
        # The defect map is held to its digest but not made again: that would take the model and
        # the engine that judged. Preparing needs neither.
        if row.prepared_sha256 is not None and raw.match is EvidenceMatch.SAME:
            findings += self._check_prepared(row, raw, calibration(row.calibration_id), where)
        return findings

    def _read(self, relative: str | None, expected: str | None) -> EvidenceFile:
        file = evidence.compare(self.state, relative, expected)
        if file.image is not None:
            with self._lock:
                self.images += 1
        return file

    def _check_prepared(
        self, row: EvidenceClaim, raw: EvidenceFile, record: Calibration | str, where: str
    ) -> list[AuditFinding]:
        """The prepared input made from the frame once more has the digest in the row: preparing
        gives the same bytes on every processor (docs/decisions/0008).
        """
        if isinstance(record, str):
            hint = "restore the record from a backup"
            return [fault("calibration_missing", record, where, hint)]
        record = as_it_judged(record, row.preprocess_id, self.calibration.parent / "settings")
        parameters = recorded_parameters(row.preprocess_id, record.roi)
        if preprocess_id(parameters) != row.preprocess_id:
            message = (
                f"prepared by {row.preprocess_id}, this version knows {preprocess_id(parameters)}"
            )
            hint = "verify with the software that wrote the row"
            return [fault("other_preprocessing", message, where, hint)]
        assert raw.image is not None  # noqa: S101
        picture = evidence.inspected_picture(
            raw.image,
            row.pixel_format,
            row.bit_depth,
            own=row.original_name is None,
            colour=parameters.colour,
        )
        digest = pixels_sha256(prepare(picture, parameters))
        if digest == row.prepared_sha256:
            return []
        message = (
            f"made from the frame it is {digest[:12]}, the row says "
            f"{(row.prepared_sha256 or '')[:12]}"
        )
        hint = "the model saw something else than this frame gives: report it with both files"
        return [fault("prepared_differs", f"prepared input: {message}", where, hint)]

    def _calibration(self, identity: str) -> Calibration | str:
        """The calibration record, or why it cannot be had."""
        try:
            return load(self.calibration / identity.partition("Z-")[2] / f"{identity}.toml")
        except CalibrationError as error:
            return error.message
