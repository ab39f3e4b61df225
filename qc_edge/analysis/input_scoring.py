"""One prepared input after the other through an engine; what has no score is counted by its
reason.
"""

from __future__ import annotations

from collections import Counter

from qc_edge.engine import Engine, Prepared
from qc_edge.errors import EngineError

_FAILURES_IN_A_ROW = 5


class InputScorer:
    """`skipped` says for how many inputs there is no score, by the reason in words.

    `named` is what the engine runs, and `hint` what to do when it fails again and again.
    """

    def __init__(self, engine: Engine, named: str, hint: str) -> None:
        self._engine = engine
        self._named = named
        self._hint = hint
        self._failures = 0
        self.skipped: Counter[str] = Counter()

    def score(self, prepared: Prepared | str) -> float | None:
        """The score (0..1) of an input (H x W, uint8); of one that is a reason not to, None.

        Raises EngineError if the model fails on several inputs in a row.
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
                    f"{self._named} failed on {self._failures} parts in a row, last: "
                    f"{fault.message}",
                    hint=self._hint,
                ) from fault
            self.skipped["the model failed"] += 1
            return None
        self._failures = 0
        if not 0.0 <= score <= 1.0:
            self.skipped["the score is no number in 0..1"] += 1
            return None
        return score
