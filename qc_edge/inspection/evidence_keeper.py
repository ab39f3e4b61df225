"""Evidence of the frames in hand, written while the model works. Never removes any."""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.domain.verdict import Reason
from qc_edge.engine import DefectMap
from qc_edge.inspection.frames import FrameRefusal, PreparedFrame, ScoredFrame
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.store.evidence import Evidence
from qc_edge.store.spool import Spool

_POLL_S = 1.0
_SUFFIXES = {"png", "jpg", "jpeg", "tif", "tiff", "bmp", "pgm", "ppm"}


@dataclass(slots=True)
class PendingEvidence:
    """The evidence of one frame on its way to the disk.

    `stem` is its path without the suffix that tells raw, prepared and map apart. `files` gives the
    paths of the raw frame and of the model's input, `map` that of the defect map and its sha256.
    `synced` is done when the names of `files` are durable; only the first frame of a batch has it.
    """

    scored: ScoredFrame
    stem: Path
    files: Future[tuple[Path | None, Path | None]]
    map: Future[tuple[Path, str]] | None = None
    synced: Future[None] | None = None


class EvidenceKeeper:
    """Writes evidence on one thread of its own; called from the inspector's thread.

    Evidence is durable only after `finish`: no row may point at it before.
    """

    def __init__(self, spool: Spool, evidence: Evidence) -> None:
        self._spool = spool
        self._evidence = evidence
        # One thread: `Evidence.sync` is for one at a time, and a sync that was submitted after the
        # files that it waits for runs after them.
        self._thread = ThreadPoolExecutor(1, "keeper")
        self._pending: list[PendingEvidence] = []
        self._pieces = 0  # of large files, read so far: counted by the thread alone

    def begin(self, scored: ScoredFrame) -> PendingEvidence:
        """Start to keep the raw frame and the model's input."""
        prepared = scored.prepared
        stem = self._evidence.stem(prepared.frame.frame_id, scored.part_id)
        pending = PendingEvidence(
            scored, stem, self._thread.submit(self._write_files, stem, prepared)
        )
        if not self._pending:
            # The first frame's directory is synced beside the model: under light load, where a
            # batch is one frame, nothing is left to sync when the model is done.
            pending.synced = self._thread.submit(self._sync, pending)
        self._pending.append(pending)
        return pending

    def keep_map(self, pending: PendingEvidence, defect_map: DefectMap) -> None:
        """Start to keep the model's defect map (h x w float32, 0..1) too."""
        pending.map = self._thread.submit(self._evidence.keep_map, pending.stem, defect_map)

    def finish(self, heartbeat: Heartbeat) -> None:
        """Wait until all evidence that was begun is durable, and put its paths into the frames.

        Beats as long as a large file is being read; a disk that hangs shows as a silent inspector.
        Raises StoreError or DiskFullError; then none of these frames may have a row.
        """
        pending, self._pending = self._pending, []
        writing: list[Future[Any]] = [
            future
            for evidence in pending
            for future in (evidence.files, evidence.map, evidence.synced)
            if future
        ]
        # All, before the first fault is raised: nothing may be written afterwards.
        pieces = self._pieces
        while wait(writing, _POLL_S).not_done:
            if self._pieces != pieces:
                pieces = self._pieces
                heartbeat.beat()
        for evidence in pending:
            self._take_paths(evidence)
        # One sync of a directory serves all frames of the batch, after the last file is in it.
        self._sync(*(late for late in pending if late.map is not None or late.synced is None))

    def abandon(self) -> None:
        """The frames in hand get no row now: wait for what is being written, whatever its fault."""
        for evidence in self._pending:
            evidence.files.exception()
            if evidence.synced is not None:
                evidence.synced.exception()
        self._pending.clear()

    def close(self) -> None:
        """End the thread; what it has not begun is not written."""
        self._thread.shutdown(wait=True, cancel_futures=True)

    def _write_files(self, stem: Path, prepared: PreparedFrame) -> tuple[Path | None, Path | None]:
        begun = time.perf_counter()
        file = prepared.file
        if prepared.image is None:
            refusal = prepared.refusal or FrameRefusal(Reason.UNREADABLE, "")
            kept = self._spool.quarantine(file, refusal.reason, refusal.detail, self._count_piece)
            return kept, None
        if file.original_name is None:
            with self._spool.server.call():  # linked, or copied from there
                raw = self._evidence.keep_own(stem, self._spool.path(file))
        else:
            data, suffix = prepared.data or b"", _suffix(file.original_name)
            raw = self._evidence.keep_foreign(stem, data, suffix)
        model_input = None
        if prepared.model_input is not None and prepared.rules.settings.inspect.keep_prepared:
            model_input = self._evidence.keep_prepared(stem, prepared.model_input)
        prepared.times_ms["evidence"] = (time.perf_counter() - begun) * 1e3
        return raw, model_input

    def _count_piece(self) -> None:
        self._pieces += 1

    def _take_paths(self, evidence: PendingEvidence) -> None:
        """Raises what writing this evidence raised."""
        scored = evidence.scored
        raw, model_input = evidence.files.result()
        scored.raw_path = self._evidence.relative(raw) if raw else None
        scored.prepared_path = self._evidence.relative(model_input) if model_input else None
        if evidence.map is not None:
            path, scored.map_sha256 = evidence.map.result()
            scored.map_path = self._evidence.relative(path)
        if evidence.synced is not None:
            evidence.synced.result()

    def _sync(self, *pending: PendingEvidence) -> None:
        """Make the names of these files durable; they are written already."""
        paths = [path for evidence in pending for path in evidence.files.result() if path]
        self._evidence.sync({path.parent for path in paths})


def _suffix(name: str) -> str:
    suffix = name.rpartition(".")[2].lower()
    return suffix if suffix in _SUFFIXES else "img"
