"""From a prepared frame to a score with evidence: part ids, the model, what is kept. Never
decides.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.domain.verdict import Reason
from qc_edge.engine import Engine, Prepared, Score
from qc_edge.errors import EngineError, EngineLostError
from qc_edge.inspection.inspection_row import ScoredFrame
from qc_edge.inspection.preparer import Candidate
from qc_edge.service.logs import LOG
from qc_edge.store.evidence import Evidence
from qc_edge.store.spool import Spool

_FAILURES_IN_A_ROW = 5

_SUFFIXES = {"png", "jpg", "jpeg", "tif", "tiff", "bmp", "pgm", "ppm"}


@dataclass(slots=True)
class _Kept:
    """Evidence on its way to the disk."""

    judged: ScoredFrame
    stem: Path
    files: Future[tuple[Path | None, Path | None]]
    map: Future[tuple[Path, str]] | None = None
    names: Future[None] | None = None
    """The names of `files` made durable, which the first frame of a batch begins beside the model.
    """

    @property
    def is_scorable(self) -> bool:
        """The gates let it through."""
        return self.judged.found.refusal is None and self.judged.found.prepared is not None

    @property
    def prepared(self) -> Prepared:
        """H x W uint8; only of a frame that is scorable."""
        prepared = self.judged.found.prepared
        assert prepared is not None  # noqa: S101
        return prepared


class FrameScorer:
    """Used by the inspector's thread; evidence is written beside the model by a thread of its own.

    Parts without an id are counted for each camera: `top-7`, or `7` of the camera
    `counted_plainly`.
    """

    def __init__(
        self,
        spool: Spool,
        evidence: Evidence,
        counters: dict[str, int],
        counted_plainly: str | None,
    ) -> None:
        self._spool = spool
        self._evidence = evidence
        self._counters = counters
        self._counted_plainly = counted_plainly
        self._keeper = ThreadPoolExecutor(1, "keeper")
        self._kept: list[_Kept] = []
        self._failures = 0
        self._stack: Prepared | None = None

    def use(self, engine: Engine) -> None:
        """From now on `engine` scores; called on its own thread."""
        self._engine = engine

    @property
    def max_batch(self) -> int:
        """More frames than this at once gain nothing."""
        return self._engine.info.max_batch

    def judge(self, frames: Sequence[Candidate]) -> list[ScoredFrame]:
        """Score the frames, together where the engine can, and start to keep their evidence.

        `finish` before anything relies on that. Raises EngineError when the model has failed on
        several frames in a row, EngineLostError as soon as the device is gone.
        """
        kept = [self._begin(found) for found in frames]
        scorable = [each for each in kept if each.is_scorable]
        most = self.max_batch
        for start in range(0, len(scorable), most):
            chunk = scorable[start : start + most]
            for each, score in zip(chunk, self._infer(chunk), strict=True):
                if score is not None:
                    self._take_score(each, score)
        return [each.judged for each in kept]

    def finish(self) -> None:
        """All evidence of the frames judged since the last time is durable when this returns.

        Raises StoreError or DiskFullError; then none of these frames may have a row.
        """
        kept, self._kept = self._kept, []
        writing: list[Future[Any]] = [
            future for each in kept for future in (each.files, each.map, each.names) if future
        ]
        wait(writing)
        for each in kept:
            raw, prepared = each.files.result()
            each.judged.raw_path = self._evidence.relative(raw) if raw else None
            each.judged.prepared_path = self._evidence.relative(prepared) if prepared else None
            if each.map is not None:
                path, each.judged.map_sha256 = each.map.result()
                each.judged.map_path = self._evidence.relative(path)
            if each.names is not None:
                each.names.result()
        self._sync(*(each for each in kept if each.map is not None or each.names is None))

    def _sync(self, *kept: _Kept) -> None:
        """Make the names of these files durable; they are written already."""
        paths = [path for each in kept for path in each.files.result() if path is not None]
        self._evidence.sync({path.parent for path in paths})

    def forget(self, judged: list[ScoredFrame]) -> None:
        """These will be judged again: wait for what is being written, and take back their
        counts.
        """
        for each in self._kept:
            each.files.exception()
            if each.names is not None:
                each.names.exception()
        self._kept.clear()
        for one in judged:
            if one.part_source == "counter":
                key = one.found.frame.camera
                self._counters[key] = min(
                    self._counters[key], int(one.part_id.rpartition("-")[2]) - 1
                )

    def close(self) -> None:
        """Let the keeper go."""
        self._keeper.shutdown(wait=True, cancel_futures=True)

    def _part(self, found: Candidate) -> tuple[str, str]:
        if found.frame.part_id and found.part_source:
            return found.frame.part_id, found.part_source
        key = found.frame.camera
        count = self._counters.get(key, 0) + 1
        self._counters[key] = count
        return (str(count) if key == self._counted_plainly else f"{key}-{count}"), "counter"

    def _begin(self, found: Candidate) -> _Kept:
        part, source = self._part(found)
        stem = self._evidence.stem(found.frame.frame_id, part)
        kept = _Kept(
            ScoredFrame(found, part, source), stem, self._keeper.submit(self._keep, stem, found)
        )
        if not self._kept:
            kept.names = self._keeper.submit(self._sync, kept)
        self._kept.append(kept)
        return kept

    def _take_score(self, kept: _Kept, score: Score) -> None:
        found, threshold = kept.judged.found, kept.judged.found.rules.threshold
        if not (math.isfinite(score.value) and 0.0 <= score.value <= 1.0):
            found.refusal = (
                Reason.BAD_SCORE,
                f"the model returned {score.value!r}, expected a number in 0..1",
            )
            return
        kept.judged.score = score.value
        if score.value >= threshold.value - threshold.review_band:
            kept.map = self._keeper.submit(self._evidence.keep_map, kept.stem, score.defect_map)

    def _infer(self, chunk: Sequence[_Kept]) -> Sequence[Score | None]:
        """A score for each, None where the model failed on it; a batch that fails is taken one by
        one.
        """
        begun = time.perf_counter()
        try:
            scores = self._engine.infer(self._stacked([each.prepared for each in chunk]))
        except EngineLostError:
            raise
        except EngineError as fault:
            if len(chunk) > 1:
                LOG.error("%d frames together: %s; now one by one", len(chunk), fault)
                return [score for each in chunk for score in self._infer([each])]
            found = chunk[0].judged.found
            self._failures += 1
            LOG.error("frame %s: %s", found.frame.frame_id, fault)
            if self._failures >= _FAILURES_IN_A_ROW:
                raise EngineError(
                    f"the model failed on {self._failures} frames in a row, last: {fault.message}",
                    hint="the station restarts with a fresh engine; if it goes on, qc-edge check",
                ) from fault
            found.refusal = (Reason.ENGINE_FAILED, fault.message)
            return [None]
        took_ms = (time.perf_counter() - begun) * 1e3
        for each in chunk:
            each.judged.found.times_ms["infer"] = took_ms
        self._failures = 0
        return scores

    def _stacked(self, frames: Sequence[Prepared]) -> Prepared:
        """N x H x W: the frame itself if it is alone, else copies in a place that is used again."""
        if len(frames) == 1:
            return frames[0][None]
        shape = (self.max_batch, *frames[0].shape)
        if self._stack is None or self._stack.shape != shape:
            self._stack = np.empty(shape, np.uint8)
        return np.stack(frames, out=self._stack[: len(frames)])

    def _keep(self, stem: Path, found: Candidate) -> tuple[Path | None, Path | None]:
        begun = time.perf_counter()
        waiting, prepared = found.waiting, None
        if found.image is None:
            reason, detail = found.refusal or (Reason.UNREADABLE, "")
            return self._spool.quarantine(waiting, reason, detail), None
        if waiting.original_name is None:
            raw = self._evidence.keep_own(stem, self._spool.path(waiting))
        else:
            raw = self._evidence.keep_foreign(
                stem, found.data or b"", _suffix(waiting.original_name)
            )
        if found.prepared is not None and found.rules.settings.inspect.keep_prepared:
            prepared = self._evidence.keep_prepared(stem, found.prepared)
        found.times_ms["evidence"] = (time.perf_counter() - begun) * 1e3
        return raw, prepared


def _suffix(name: str) -> str:
    suffix = name.rpartition(".")[2].lower()
    return suffix if suffix in _SUFFIXES else "img"
