"""Scoring of stored prepared inputs with another model, each input at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from qc_edge.analysis.replay.score_file import ScoreFile
from qc_edge.analysis.scoring import InputScorer, ScoringProgress
from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.history import StoredInput
from qc_edge.engine import Engine
from qc_edge.query.evidence import read_stored_input


@dataclass(frozen=True, slots=True)
class RescoredPart:
    """One part as it is stored, and its `new_score` (0..1) by the other model."""

    part: StoredInput
    new_score: float

    def flips(self, threshold: float) -> bool:
        """True if the other model with `threshold` would have given the other verdict."""
        return (self.new_score >= threshold) != (self.part.verdict == "FAIL")


class Rescorer:
    """Scores stored inputs with another model and keeps each score in a file as it comes.

    `state` is the station's state directory, under which the inputs lie. `scored` counts the
    inputs that were scored by this run, not by an earlier one.
    """

    def __init__(self, engine: Engine, bundle: Bundle, state: Path, scores: ScoreFile) -> None:
        self._scorer = InputScorer(
            engine, bundle.reference, "what was scored is kept; the same command goes on from there"
        )
        self._bundle = bundle
        self._state = state
        self._scores = scores
        self.scored = 0

    @property
    def skipped(self) -> Counter[str]:
        """Parts without a new score, by the reason in words."""
        return self._scorer.skipped

    def score_all(
        self, portions: Iterable[list[StoredInput]], progress: ScoringProgress
    ) -> list[RescoredPart]:
        """Every part that has a score by both models; `progress` must have been started.

        Raises EngineError if the model fails on several parts in a row, StoreError if a score
        cannot be kept.
        """
        rescored = []
        for portion in portions:
            for part in portion:
                score = self._scores.scores.get(part.frame_id)
                if score is None:
                    score = self._score(part)
                if score is not None:
                    rescored.append(RescoredPart(part, score))
                progress.advance()
        return rescored

    def _score(self, part: StoredInput) -> float | None:
        score = self._scorer.score(read_stored_input(self._state, part, self._bundle))
        if score is not None:
            self._scores.add(part.frame_id, score)
            self.scored += 1
        return score
