"""The rows held against the pictures behind them: digests, and prepared inputs made again."""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from zlib import crc32

import numpy as np

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.domain.calibration import Calibration
from qc_edge.errors import CalibrationError
from qc_edge.query import evidence as proof
from qc_edge.query.audit_queries import EvidenceClaim, kept
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.rows import Rows
from qc_edge.records.calibrations import load
from qc_edge.vision.image import pixels_sha256
from qc_edge.vision.prepare import DEFAULT, PrepareParameters, prepare, preprocess_id

_PORTION = 20_000
"""Rows in memory at once, a kilobyte each. Few portions: each begins a query."""
_LOST = "was it pruned by hand, or has the disk lost it? look in the backup and at the upstream"
_SWAPPED = (
    "the picture is not the one that was judged: hold the part, restore the picture from a backup"
)


@dataclass(frozen=True, slots=True)
class EvidenceFault:
    """What does not hold with a row's evidence. `kind` is a stable code."""

    kind: str
    what: str
    where: str
    hint: str


@dataclass(slots=True)
class EvidenceCheck:
    """The evidence under `state`, read by `threads` threads. `share` (0..1) of the rows is looked
    at.
    """

    state: Path
    calibration: Path
    threads: int
    share: float = 1.0
    images: int = 0
    bytes: int = 0
    _lock: Lock = field(default_factory=Lock)

    def check(
        self,
        report: AuditReport,
        step: AuditStep,
        rows: Rows,
        first: int,
        last: int,
        moved: Callable[[int], object],
    ) -> array[int]:
        """Each row's evidence from row `first` to `last`; the sorted hashes of all frame ids on the
        way.
        """
        known: array[int] = array("q")
        calibration = cache(self._calibration)
        with ThreadPoolExecutor(self.threads, "evidence") as pool:
            waiting: deque[Future[list[EvidenceFault]]] = deque()
            for row in self._rows(rows, first, last, known):
                if crc32(row.frame_id.encode()) >= self.share * 2**32:
                    continue
                waiting.append(pool.submit(self._look, row, calibration))
                while len(waiting) > 4 * self.threads or (waiting and waiting[0].done()):
                    self._take(report, waiting.popleft())
                step.count = self.images
                moved(row.chain_seq)
            while waiting:
                self._take(report, waiting.popleft())
        step.count = self.images
        return array("q", np.sort(np.frombuffer(known, np.int64)).tobytes())

    def _rows(
        self, rows: Rows, first: int, last: int, known: array[int]
    ) -> Iterator[EvidenceClaim]:
        for low in range(first, last + 1, _PORTION):
            with rows.held():
                portion = list(kept(rows, low, min(last, low + _PORTION - 1)))
            known.extend(hash(row.frame_id) for row in portion)
            yield from portion

    def _take(self, report: AuditReport, done: Future[list[EvidenceFault]]) -> None:
        for trouble in done.result():
            report.fault(trouble.kind, trouble.what, trouble.where, trouble.hint)

    def _look(
        self, row: EvidenceClaim, calibration: Callable[[str], Calibration | str]
    ) -> list[EvidenceFault]:
        where = f"row {row.chain_seq}, part {row.part_id}, {row.frame_id}"
        found: list[EvidenceFault] = []
        raw = self._piece(row.raw_path, row.raw_sha256)
        prepared = self._piece(row.prepared_path, row.prepared_sha256)
        if raw.match is EvidenceMatch.NOT_KEPT and row.reason != "vanished":
            found.append(EvidenceFault("raw_missing", "the row names no frame", where, _LOST))
        defect_map = self._piece(row.map_path, row.map_sha256)
        for name, words, piece in (
            ("raw", "frame", raw),
            ("prepared", "prepared input", prepared),
            ("map", "defect map", defect_map),
        ):
            if piece.match.is_fault:
                hint = _LOST if piece.match is EvidenceMatch.MISSING else _SWAPPED
                found.append(
                    EvidenceFault(f"{name}_{piece.match}", f"{words}: {piece.detail}", where, hint)
                )
        if row.prepared_sha256 is not None and raw.match is EvidenceMatch.SAME:
            found += self._again(row, raw, calibration(row.calibration_id), where)
        return found

    def _piece(self, relative: str | None, expected: str | None) -> EvidenceFile:
        piece = proof.hold(self.state, relative, expected)
        if piece.image is not None:
            with self._lock:
                self.images += 1
                self.bytes += piece.image.pixels.nbytes
        return piece

    def _again(
        self, row: EvidenceClaim, raw: EvidenceFile, record: Calibration | str, where: str
    ) -> list[EvidenceFault]:
        """The prepared input made from the frame once more."""
        if isinstance(record, str):
            return [
                EvidenceFault(
                    "calibration_missing", record, where, "restore the record from a backup"
                )
            ]
        parameters = parameters_of(record)
        if preprocess_id(parameters) != row.preprocess_id:
            words = (
                f"prepared by {row.preprocess_id}, this version knows {preprocess_id(parameters)}"
            )
            return [
                EvidenceFault(
                    "other_preprocessing",
                    words,
                    where,
                    "verify with the software that wrote the row",
                )
            ]
        assert raw.image is not None  # noqa: S101
        gray = proof.judged_gray(
            raw.image, row.pixel_format, row.bit_depth, own=row.original_name is None
        )
        digest = pixels_sha256(prepare(gray, parameters))
        if digest == row.prepared_sha256:
            return []
        words = (
            f"made from the frame it is {digest[:12]}, the row says "
            f"{(row.prepared_sha256 or '')[:12]}"
        )
        return [
            EvidenceFault(
                "prepared_differs",
                f"prepared input: {words}",
                where,
                "the model saw something else than this frame gives: report it with both files",
            )
        ]

    def _calibration(self, identity: str) -> Calibration | str:
        """The record, or why it cannot be had."""
        try:
            return load(self.calibration / identity.partition("Z-")[2] / f"{identity}.toml")
        except CalibrationError as fault:
            return fault.message


def parameters_of(record: Calibration) -> PrepareParameters:
    """How frames under this calibration are prepared."""
    return DEFAULT if record.roi is None else PrepareParameters(roi=record.roi)
