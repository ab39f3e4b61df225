"""Scoring of prepared inputs one by one; inputs without a score are counted by their reason."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from qc_edge.engine import Engine, Prepared
from qc_edge.errors import EngineError

_FAILURES_IN_A_ROW = 5
"""A model that fails on this many inputs in a row is taken to fail on all: the run ends with an
error instead of skipping every input.
"""


class ScoringProgress(Protocol):
    """Whoever shows how far the scoring is. Called from the thread that scores."""

    def start(self, model: str, total: int, kept: int = 0) -> None:
        """Scoring with `model` begins on `total` inputs, of which `kept` have a score already."""

    def advance(self) -> None:
        """One more input of the model that was started last is done."""


class InputScorer:
    """Runs an engine on one prepared input after the other.

    `model` names what the engine runs in messages, and `hint` says what to do when it fails again
    and again. `skipped` counts the inputs without a score, by the reason in words.
    """

    def __init__(self, engine: Engine, model: str, hint: str) -> None:
        self._engine = engine
        self._model = model
        self._hint = hint
        self._failures = 0
        self.skipped: Counter[str] = Counter()

    def score(self, prepared: Prepared | str) -> float | None:
        """The score (0..1) of an input (H x W, uint8); None if it has none, which is then counted.

        A text is the reason why the input could not be had. Raises EngineError if the model fails
        on several inputs in a row.
        """
        if isinstance(prepared, str):
            self.skipped[prepared] += 1
            return None
        try:
            score = self._engine.infer(prepared[None])[0].value
        except EngineError as fault:
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                raise EngineError(
                    f"{self._model} failed on {self._failures} parts in a row, last: "
                    f"{fault.message}",
                    hint=self._hint,
                ) from fault
            self.skipped["the model failed"] += 1
            return None
        self._failures = 0
        if not 0.0 <= score <= 1.0:  # NaN too: no comparison with it is true
            self.skipped["the score is no number in 0..1"] += 1
            return None
        return score
