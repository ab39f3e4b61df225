"""Score stored prepared inputs with another model: each held to its digest, each at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from qc_edge.analysis.input_scoring import InputScorer
from qc_edge.analysis.rescored import RescoredPart, ScoreFile
from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.history import StoredInput
from qc_edge.engine import Engine
from qc_edge.query.stored_input import stored_input


class Rescorer:
    """`skipped` says for how many parts there is no new score, by the reason in words."""

    def __init__(self, engine: Engine, bundle: Bundle, state: Path, scores: ScoreFile) -> None:
        self._scorer = InputScorer(
            engine, bundle.reference, "what was scored is kept; the same command goes on from there"
        )
        self._shape = bundle.input_shape
        self._state = state
        self._scores = scores
        self.scored = 0

    @property
    def skipped(self) -> Counter[str]:
        """Parts without a new score, by the reason in words."""
        return self._scorer.skipped

    def run(
        self, portions: Iterable[list[StoredInput]], advance: Callable[[int], object]
    ) -> list[RescoredPart]:
        """A pair for each part that has both scores. `advance` hears how many more are done.

        Raises EngineError if the model fails on several parts in a row, StoreError if the disk
        refuses.
        """
        pairs = []
        for portion in portions:
            for part in portion:
                after = self._scores.known.get(part.frame_id)
                if after is None:
                    after = self._score(part)
                if after is not None:
                    pairs.append(RescoredPart(part, after))
                advance(1)
        return pairs

    def _score(self, part: StoredInput) -> float | None:
        score = self._scorer.score(stored_input(self._state, part, self._shape))
        if score is not None:
            self._scores.add(part.frame_id, score)
            self.scored += 1
        return score
