"""From a prepared frame to a score with evidence: part ids, the model, what is kept. Never decides."""

from __future__ import annotations

import math
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.domain.verdict import Reason
from qc_edge.engine import Engine, Score
from qc_edge.errors import EngineError
from qc_edge.line.preparer import Candidate
from qc_edge.line.record import Judged
from qc_edge.service.logs import LOG
from qc_edge.store.evidence import Evidence
from qc_edge.store.spool import Spool

_FAILURES_IN_A_ROW = 5

_SUFFIXES = {"png", "jpg", "jpeg", "tif", "tiff", "bmp", "pgm", "ppm"}


@dataclass(slots=True)
class _Kept:
    """Evidence on its way to the disk."""

    judged: Judged
    stem: Path
    files: Future[tuple[Path | None, Path | None]]
    map: Future[tuple[Path, str]] | None = None
    names: Future[None] | None = None
    """The names of `files` made durable, which the first frame of a batch begins beside the model."""


class Judge:
    """Used by the inspector's thread; evidence is written beside the model by a thread of its own.

    Parts without an id are counted for each camera: `top-7`, or `7` of the camera `counted_plainly`.
    """

    def __init__(
        self,
        engine: Engine,
        spool: Spool,
        evidence: Evidence,
        counters: dict[str, int],
        counted_plainly: str | None,
    ) -> None:
        self._engine = engine
        self._spool = spool
        self._evidence = evidence
        self._counters = counters
        self._counted_plainly = counted_plainly
        self._keeper = ThreadPoolExecutor(1, "keeper")
        self._kept: list[_Kept] = []
        self._failures = 0

    def judge(self, found: Candidate) -> Judged:
        """Score the frame and start to keep its evidence; `finish` before anything relies on that.

        Raises EngineError when the model has failed on several frames in a row.
        """
        part, source = self._part(found)
        judged = Judged(found, part, source)
        stem = self._evidence.stem(found.frame.frame_id, part)
        kept = _Kept(judged, stem, self._keeper.submit(self._keep, stem, found))
        if not self._kept:
            kept.names = self._keeper.submit(self._sync, kept)
        self._kept.append(kept)
        if found.refusal is None and found.prepared is not None:
            score = self._infer(found)
            if score is not None:
                judged.score = score.value
                rules = found.rules
                if score.value >= rules.threshold.value - rules.threshold.review_band:
                    kept.map = self._keeper.submit(self._evidence.keep_map, stem, score.defect_map)
        return judged

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

    def forget(self, judged: list[Judged]) -> None:
        """These will be judged again: wait for what is being written, and take back their counts."""
        for each in self._kept:
            each.files.exception()
            if each.names is not None:
                each.names.exception()
        self._kept.clear()
        for one in judged:
            if one.part_source == "counter":
                key = one.found.frame.camera
                self._counters[key] = min(self._counters[key], int(one.part_id.rpartition("-")[2]) - 1)

    def close(self) -> None:
        """Let the keeper and the engine go."""
        self._keeper.shutdown(wait=True, cancel_futures=True)
        self._engine.close()

    def _part(self, found: Candidate) -> tuple[str, str]:
        if found.frame.part_id and found.part_source:
            return found.frame.part_id, found.part_source
        key = found.frame.camera
        count = self._counters.get(key, 0) + 1
        self._counters[key] = count
        return (str(count) if key == self._counted_plainly else f"{key}-{count}"), "counter"

    def _infer(self, found: Candidate) -> Score | None:
        assert found.prepared is not None  # noqa: S101
        begun = time.perf_counter()
        try:
            score = self._engine.infer(found.prepared[None])[0]
        except EngineError as fault:
            self._failures += 1
            LOG.error("frame %s: %s", found.frame.frame_id, fault)
            if self._failures >= _FAILURES_IN_A_ROW:
                raise EngineError(
                    f"the model failed on {self._failures} frames in a row, last: {fault.message}",
                    hint="the station restarts with a fresh engine; if it goes on, qc-edge check",
                ) from fault
            found.refusal = (Reason.ENGINE_FAILED, fault.message)
            return None
        found.times_ms["infer"] = (time.perf_counter() - begun) * 1e3
        self._failures = 0
        if not (math.isfinite(score.value) and 0.0 <= score.value <= 1.0):
            found.refusal = (
                Reason.BAD_SCORE, f"the model returned {score.value!r}, expected a number in 0..1",
            )  # fmt: skip
            return None
        return score

    def _keep(self, stem: Path, found: Candidate) -> tuple[Path | None, Path | None]:
        begun = time.perf_counter()
        waiting, prepared = found.waiting, None
        if found.image is None:
            reason, detail = found.refusal or (Reason.UNREADABLE, "")
            return self._spool.quarantine(waiting, reason, detail), None
        if waiting.original_name is None:
            raw = self._evidence.keep_own(stem, self._spool.path(waiting))
        else:
            raw = self._evidence.keep_foreign(stem, found.data or b"", _suffix(waiting.original_name))
        if found.prepared is not None and found.rules.settings.inspect.keep_prepared:
            prepared = self._evidence.keep_prepared(stem, found.prepared)
        found.times_ms["evidence"] = (time.perf_counter() - begun) * 1e3
        return raw, prepared


def _suffix(name: str) -> str:
    suffix = name.rpartition(".")[2].lower()
    return suffix if suffix in _SUFFIXES else "img"
