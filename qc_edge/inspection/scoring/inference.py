"""The model on prepared frames, together where the engine can. Decides nothing."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from qc_edge.engine import Engine, Prepared, Score
from qc_edge.errors import EngineError, EngineLostError
from qc_edge.inspection.frames import PreparedFrame
from qc_edge.service.logs import LOG

FrameScore = Score | EngineError | None
"""What the model says of a frame, or why it failed on it; None of a frame that is not for it."""


class FrameInference:
    """Asks one engine about frames; used on that engine's own thread."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stack: Prepared | None = None

    def infer(self, frames: Sequence[PreparedFrame]) -> list[FrameScore]:
        """What the model says of each frame. Raises EngineLostError."""
        found: dict[int, FrameScore] = {}
        scorable = [
            (place, frame)
            for place, frame in enumerate(frames)
            if frame.refusal is None and frame.model_input is not None
        ]
        most = self._engine.info.max_batch
        for start in range(0, len(scorable), most):
            chunk = scorable[start : start + most]
            scores = self._infer([frame for _, frame in chunk])
            found |= dict(zip((place for place, _ in chunk), scores, strict=True))
        return [found.get(place) for place in range(len(frames))]

    def _infer(self, frames: Sequence[PreparedFrame]) -> Sequence[Score | EngineError]:
        """A batch that fails is taken one by one, so that one bad frame does not refuse the
        others.
        """
        begun = time.perf_counter()
        try:
            inputs = [frame.model_input for frame in frames if frame.model_input is not None]
            scores = self._engine.infer(self._stacked(inputs))
        except EngineLostError:
            raise
        except EngineError as fault:
            if len(frames) > 1:
                LOG.error("%d frames together: %s; now one by one", len(frames), fault)
                return [score for frame in frames for score in self._infer([frame])]
            return [fault]
        taken_ms = (time.perf_counter() - begun) * 1e3
        for frame in frames:
            frame.times_ms["infer"] = taken_ms
        return scores

    def _stacked(self, model_inputs: Sequence[Prepared]) -> Prepared:
        """N x H x W (x 3) uint8: a frame that is alone as a view, several copied into one array.

        The array is used again for each batch: a new one would be paged in, batch after batch.
        """
        if len(model_inputs) == 1:
            return model_inputs[0][None]
        shape = (self._engine.info.max_batch, *model_inputs[0].shape)
        if self._stack is None or self._stack.shape != shape:
            self._stack = np.empty(shape, np.uint8)
        return np.stack(model_inputs, out=self._stack[: len(model_inputs)])
