"""From a prepared frame to a score: the model on the frames in hand, together where it can.

Starts to keep their evidence on the way. Never decides: that is `inspection_row.decide_frame`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import numpy as np

from qc_edge.domain.verdict import Reason
from qc_edge.engine import DefectMap, Engine, Prepared, Score
from qc_edge.errors import EngineError, EngineLostError
from qc_edge.inspection.evidence_keeper import EvidenceKeeper, PendingEvidence
from qc_edge.inspection.frames import FrameRefusal, PreparedFrame, ScoredFrame
from qc_edge.inspection.part_numbers import PartNumbers
from qc_edge.service.logs import LOG

_FAILURES_IN_A_ROW = 5


class FrameScorer:
    """Scores frames with one engine, on that engine's own thread, where the inspector works."""

    def __init__(self, part_numbers: PartNumbers, evidence: EvidenceKeeper) -> None:
        self._part_numbers = part_numbers
        self._evidence = evidence
        self._failures = 0
        self._stack: Prepared | None = None

    def use(self, engine: Engine) -> None:
        """From now on `engine` scores; called on its own thread."""
        self._engine = engine

    @property
    def max_batch(self) -> int:
        """More frames than this at once gain nothing."""
        return self._engine.info.max_batch

    def score(self, frames: Sequence[PreparedFrame]) -> list[ScoredFrame]:
        """Score the frames, together where the engine can, and start to keep their evidence.

        The evidence is durable only after `finish`. Raises EngineError when the model has failed on
        several frames in a row, EngineLostError as soon as the device is gone.
        """
        pending = [self._begin(prepared) for prepared in frames]
        scorable = [
            (evidence, model_input)
            for evidence in pending
            if evidence.scored.prepared.refusal is None
            and (model_input := evidence.scored.prepared.model_input) is not None
        ]
        most = self.max_batch
        for start in range(0, len(scorable), most):
            chunk = scorable[start : start + most]
            for (evidence, _), score in zip(chunk, self._infer(chunk), strict=True):
                if score is not None:
                    self._take_score(evidence, score)
        return [evidence.scored for evidence in pending]

    def _begin(self, prepared: PreparedFrame) -> PendingEvidence:
        part_id, source = self._part_numbers.assign(prepared)
        return self._evidence.begin(ScoredFrame(prepared, part_id, source))

    def _take_score(self, evidence: PendingEvidence, score: Score) -> None:
        prepared, threshold = evidence.scored.prepared, evidence.scored.prepared.view.threshold
        if not (math.isfinite(score.value) and 0.0 <= score.value <= 1.0):
            detail = (
                score.detail or f"the model returned {score.value!r}, expected a number in 0..1"
            )
            prepared.refusal = FrameRefusal(Reason.BAD_SCORE, detail)
            return
        evidence.scored.score = score.value
        evidence.scored.class_scores = score.class_scores
        evidence.scored.defect_class = score.defect_class
        if score.defect_map is not None:
            evidence.scored.map_max = _highest(score.defect_map)
        # Maps are for people, who look at what fails or nearly fails.
        nearly_fails = score.value >= threshold.value - threshold.review_band
        if nearly_fails and score.defect_map is not None:
            self._evidence.keep_map(evidence, score.defect_map)

    def _infer(self, chunk: Sequence[tuple[PendingEvidence, Prepared]]) -> Sequence[Score | None]:
        """The score of each frame, None where the model failed on it.

        A batch that fails is taken one by one, so that one bad frame does not refuse the others.
        """
        begun = time.perf_counter()
        try:
            scores = self._engine.infer(self._stacked([model_input for _, model_input in chunk]))
        except EngineLostError:
            raise
        except EngineError as fault:
            if len(chunk) > 1:
                LOG.error("%d frames together: %s; now one by one", len(chunk), fault)
                return [score for single in chunk for score in self._infer([single])]
            self._refuse(chunk[0][0].scored.prepared, fault)
            return [None]
        taken_ms = (time.perf_counter() - begun) * 1e3
        for evidence, _ in chunk:
            evidence.scored.prepared.times_ms["infer"] = taken_ms
        self._failures = 0
        return scores

    def _refuse(self, prepared: PreparedFrame, fault: EngineError) -> None:
        """One failure is the frame's; several in a row are the station's, and it starts again."""
        self._failures += 1
        LOG.error("frame %s: %s", prepared.frame.frame_id, fault)
        if self._failures >= _FAILURES_IN_A_ROW:
            raise EngineError(
                f"the model failed on {self._failures} frames in a row, last: {fault.message}",
                hint="the station restarts with a fresh engine; if it goes on, qc-edge check",
            ) from fault
        prepared.refusal = FrameRefusal(Reason.ENGINE_FAILED, fault.message)

    def _stacked(self, model_inputs: Sequence[Prepared]) -> Prepared:
        """N x H x W (x 3) uint8: a frame that is alone as a view, several copied into one array.

        The array is used again for each batch: a new one would be paged in, batch after batch.
        """
        if len(model_inputs) == 1:
            return model_inputs[0][None]
        shape = (self.max_batch, *model_inputs[0].shape)
        if self._stack is None or self._stack.shape != shape:
            self._stack = np.empty(shape, np.uint8)
        return np.stack(model_inputs, out=self._stack[: len(model_inputs)])


def _highest(defect_map: DefectMap) -> float | None:
    """The highest value of the map, within 0..1 as it is kept; None if it is no number."""
    highest = float(defect_map.max(initial=0.0))
    return min(max(highest, 0.0), 1.0) if math.isfinite(highest) else None
