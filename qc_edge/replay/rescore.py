"""Score stored prepared inputs with another model: each held to its digest, each at most once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

from qc_edge.domain.history import Stored
from qc_edge.engine import Engine, Prepared
from qc_edge.engine.bundle import Bundle
from qc_edge.errors import EngineError
from qc_edge.replay.rescored import Pair, Scores
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import decode, pixels_sha256

_FAILURES_IN_A_ROW = 5


class Rescorer:
    """`skipped` says for how many parts there is no new score, by the reason in words."""

    def __init__(self, engine: Engine, bundle: Bundle, state: Path, scores: Scores) -> None:
        self._engine = engine
        self._bundle = bundle
        self._state = state
        self._scores = scores
        self._failures = 0
        self.skipped: Counter[str] = Counter()
        self.scored = 0

    def run(self, portions: Iterable[list[Stored]], advance: Callable[[int], object]) -> list[Pair]:
        """A pair for each part that has both scores. `advance` hears how many more are done.

        Raises EngineError if the model fails on several parts in a row, StoreError if the disk refuses.
        """
        pairs = []
        for portion in portions:
            for part in portion:
                after = self._scores.known.get(part.frame_id)
                if after is None:
                    after = self._score(part)
                if after is not None:
                    pairs.append(Pair(part, after))
                advance(1)
        return pairs

    def _score(self, part: Stored) -> float | None:
        prepared = self._read(part)
        if prepared is None:
            return None
        try:
            score = self._engine.infer(prepared[None])[0].value
        except EngineError as fault:
            self._failures += 1
            if self._failures >= _FAILURES_IN_A_ROW:
                raise EngineError(
                    f"{self._bundle.reference} failed on {self._failures} parts in a row, "
                    f"last: {fault.message}",
                    hint="what was scored is kept; the same command goes on from there",
                ) from fault
            self.skipped["the model failed"] += 1
            return None
        self._failures = 0
        if not 0.0 <= score <= 1.0:
            self.skipped["the score is no number in 0..1"] += 1
            return None
        self._scores.add(part.frame_id, score)
        self.scored += 1
        return score

    def _read(self, part: Stored) -> Prepared | None:
        """The prepared input (H x W), None and a reason if it is not what was judged."""
        file = self._state / part.prepared_path
        height, width = self._bundle.input_shape
        try:
            gray = decode(file.read_bytes(), max_pixels=4 * height * width).gray
        except FileNotFoundError:
            self.skipped["the prepared input is gone"] += 1
        except (OSError, UnreadableFrameError):
            self.skipped["the prepared input does not read"] += 1
        else:
            if pixels_sha256(gray) != part.prepared_sha256:
                self.skipped["the prepared input is not what was judged"] += 1
            elif gray.shape != (height, width):
                self.skipped["the model takes another size"] += 1
            else:
                return gray
        return None
