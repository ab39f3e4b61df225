"""Frames that are at another engine than the one on whose thread the inspector works.

An engine keeps its thread, so frames of a view with another bundle go there and come back, while
the inspector goes on with those of the other views (decision 0043). Used by the inspector's thread.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from functools import partial

from qc_edge.engine import Engine
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import EngineError
from qc_edge.inspection.frames import PreparedFrame
from qc_edge.inspection.scoring.inference import FrameInference, FrameScore
from qc_edge.intake.lanes import Lane

_SILENT_S = 15.0
"""An engine that does not answer for so long is stuck, as a worker is that is silent as long."""


@dataclass(slots=True)
class HandedOver:
    """Frames of one lane at an engine since `begun_at` (seconds of the monotonic clock)."""

    engine_thread: EngineThread
    lane: Lane
    frames: list[PreparedFrame]
    scores: Future[list[FrameScore]]
    begun_at: float = field(default_factory=time.monotonic)


class OtherEngines:
    """True while frames are at another engine. Each has one group of frames at a time: what comes
    meanwhile waits where it can still be overtaken.
    """

    def __init__(self) -> None:
        self._groups: dict[EngineThread, HandedOver] = {}
        self._inference: dict[EngineThread, FrameInference] = {}

    def __bool__(self) -> bool:
        return bool(self._groups)

    def is_busy(self, engine_thread: EngineThread) -> bool:
        """True if frames are at this engine."""
        return engine_thread in self._groups

    def hold_up(self, preparation: Future[PreparedFrame]) -> bool:
        """True if this frame is prepared and its engine busy."""
        if not (self and preparation.done()) or preparation.exception() is not None:
            return False
        return self.is_busy(preparation.result().view.engine_thread)

    def infer(
        self, engine_thread: EngineThread, frames: Sequence[PreparedFrame]
    ) -> Future[list[FrameScore]]:
        """What the model of this engine says of the frames, as `FrameInference.infer`."""
        return engine_thread.run(partial(self._infer, engine_thread, frames))

    def hand_over(
        self, engine_thread: EngineThread, lane: Lane, frames: list[PreparedFrame]
    ) -> None:
        """Have an engine that is not busy score these; nobody waits for it."""
        scores = self.infer(engine_thread, frames)
        self._groups[engine_thread] = HandedOver(engine_thread, lane, frames, scores)

    def take_back(self) -> HandedOver | None:
        """A group that is scored, the oldest first; None if there is none.

        Raises EngineError if an engine does not answer any more.
        """
        for engine_thread, group in self._groups.items():
            if group.scores.done():
                return self._groups.pop(engine_thread)
            if time.monotonic() - group.begun_at > _SILENT_S:
                raise EngineError(
                    f"{engine_thread.bundle.reference} gave no answer for {_SILENT_S:g} s",
                    hint="the station restarts with fresh engines; if it goes on, qc-edge check",
                )
        return None

    def wait(self, timeout_s: float) -> None:
        """Until a group is scored, at most so long."""
        wait(
            [group.scores for group in self._groups.values()],
            timeout_s,
            return_when=FIRST_COMPLETED,
        )

    def _infer(
        self, engine_thread: EngineThread, frames: Sequence[PreparedFrame], engine: Engine
    ) -> list[FrameScore]:
        if engine_thread not in self._inference:
            self._inference[engine_thread] = FrameInference(engine)
        return self._inference[engine_thread].infer(frames)
