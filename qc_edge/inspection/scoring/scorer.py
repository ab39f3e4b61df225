"""From a prepared frame to a score, and its evidence on the way.

Never decides: that is `inspection_row.decide_frame`.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

from qc_edge.domain.verdict import Reason
from qc_edge.engine import DefectMap, Engine, Score
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError
from qc_edge.inspection.evidence_keeper import EvidenceKeeper, PendingEvidence
from qc_edge.inspection.frames import FrameRefusal, PreparedFrame, ScoredFrame
from qc_edge.inspection.parts.assembly import Assembly
from qc_edge.inspection.scoring.inference import FrameInference, FrameScore
from qc_edge.service.logs import LOG

_FAILURES_IN_A_ROW = 5


class FrameScorer:
    """Scores frames with the engine on whose own thread the inspector works, and takes the scores
    that other engines gave.
    """

    def __init__(self, parts: Assembly, evidence: EvidenceKeeper) -> None:
        self._parts = parts
        self._evidence = evidence
        self._failures: Counter[EngineThread] = Counter()

    def use(self, engine: Engine) -> None:
        """From now on `engine` scores; called on its own thread."""
        self._engine = engine
        self._inference = FrameInference(engine)

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
        return self._take(pending, self._inference.infer(frames))

    def take(
        self, frames: Sequence[PreparedFrame], scores: Sequence[FrameScore]
    ) -> list[ScoredFrame]:
        """As `score`, of frames that another engine has scored."""
        return self._take([self._begin(prepared) for prepared in frames], scores)

    def _begin(self, prepared: PreparedFrame) -> PendingEvidence:
        return self._evidence.begin(self._parts.place(prepared))

    def _take(
        self, pending: Sequence[PendingEvidence], scores: Sequence[FrameScore]
    ) -> list[ScoredFrame]:
        for evidence, score in zip(pending, scores, strict=True):
            prepared = evidence.scored.prepared
            if isinstance(score, EngineError):
                self._refuse(prepared, score)
            elif score is not None:
                self._failures[prepared.view.engine_thread] = 0
                self._take_score(evidence, score)
        return [evidence.scored for evidence in pending]

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

    def _refuse(self, prepared: PreparedFrame, fault: EngineError) -> None:
        """One failure is the frame's; several in a row are the station's, and it starts again."""
        failed = self._failures
        failed[prepared.view.engine_thread] += 1
        LOG.error("frame %s: %s", prepared.frame.frame_id, fault)
        if failed[prepared.view.engine_thread] >= _FAILURES_IN_A_ROW:
            raise EngineError(
                f"the model failed on {failed[prepared.view.engine_thread]} frames in a row, last: "
                f"{fault.message}",
                hint="the station restarts with a fresh engine; if it goes on, qc-edge check",
            ) from fault
        prepared.refusal = FrameRefusal(Reason.ENGINE_FAILED, fault.message)


def _highest(defect_map: DefectMap) -> float | None:
    """The highest value of the map, within 0..1 as it is kept; None if it is no number."""
    highest = float(defect_map.max(initial=0.0))
    return min(max(highest, 0.0), 1.0) if math.isfinite(highest) else None
