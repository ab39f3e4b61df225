"""The backend `scripted`: a twin that does what a script says, faults on demand among it.

Never looks at the pixels, unless they are a golden frame's or the script is a function of them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import cycle

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.golden import GoldenFrame
from qc_edge.engine import BuildContext, DefectMap, EngineInfo, Prepared, Score
from qc_edge.engine.adapter import Adapter
from qc_edge.errors import EngineError
from qc_edge.settings import EngineSettings

Step = float | str
Script = str | Sequence[Step] | Callable[[Prepared], Step]
"""`"0.1 0.9 raise nan hang"` or the steps as a sequence: one a frame, round and round. Or a
function from one prepared frame (1 x H x W) to the step.
"""

BENIGN = "0.02 0.03 0.05 0.02 0.97"
"""What settings with `backend = "scripted"` get: mostly good parts."""

_MAP_SIDE = 64


def load(
    bundle: Bundle,
    settings: EngineSettings,  # noqa: ARG001 (what every backend is given)
    reason: str,
    build_context: BuildContext,  # noqa: ARG001
) -> ScriptedEngine:
    """A benign engine that passes the bundle's self-test."""
    return ScriptedEngine(BENIGN, bundle.golden_frames, reason, Adapter(bundle))


class ScriptedEngine:
    """Scores by script. A step is a score, `raise` (EngineError), `nan`, or `hang`.

    `hang` blocks `infer` until `release` is set, and then raises EngineError; `hanging` is set
    while it blocks, so that a test can wait for it. Golden frames get their own scores and use up
    no step. With an `adapter` its scores are such as the bundle's model gives.
    """

    def __init__(
        self,
        script: Script = BENIGN,
        golden: Sequence[GoldenFrame] = (),
        reason: str = "test",
        adapter: Adapter | None = None,
    ) -> None:
        """Raises ValueError on a step that is no number, `raise`, `nan` or `hang`."""
        steps = script.split() if isinstance(script, str) else script
        self._next: Callable[[Prepared], Step]
        if callable(steps):
            self._next = steps
        else:
            for step in steps:
                if step not in {"raise", "hang"}:
                    float(step)
            rounds: Iterator[Step] = cycle(steps)
            self._next = lambda _: next(rounds)
        # Golden frames are known by their bytes: the self-test must pass whatever the script says.
        self._golden = {frame.prepared.tobytes(): frame for frame in golden}
        self._adapter = adapter
        self._closed = False
        self.release = threading.Event()
        self.hanging = threading.Event()
        self.frames = 0
        self.info = EngineInfo("scripted", "1", "none", f"{reason}; a script answers, no model")

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames. Raises EngineError by script."""
        if self._closed:
            raise EngineError("the scripted engine is closed", hint="load it again")
        if self._adapter is not None:
            self._adapter.tensor(prepared)  # refuses what the model would
        return [self._infer_one(prepared[i : i + 1]) for i in range(len(prepared))]

    def close(self) -> None:
        """Close it; a call that hangs is released. May be called twice."""
        self._closed = True
        self.release.set()

    def _infer_one(self, frame: Prepared) -> Score:
        golden = self._golden.get(frame.tobytes()) if self._golden else None
        if golden is not None:
            score = self._score(golden.score, golden.expand_map((_MAP_SIDE, _MAP_SIDE)))
            if self._adapter is None or not golden.class_scores:
                return score
            defect_class = self._adapter.surest_defect(golden.class_scores)
            return replace(score, class_scores=golden.class_scores, defect_class=defect_class)
        self.frames += 1
        step = self._next(frame)
        if step == "raise":
            raise EngineError("the script says raise", hint="this is a test")
        if step == "hang":
            self.hanging.set()
            self.release.wait()
            self.hanging.clear()
            raise EngineError("the script said hang and was released", hint="this is a test")
        value = float(step)
        return self._score(value, np.full((_MAP_SIDE, _MAP_SIDE), value, np.float32))

    def _score(self, value: float, defect_map: DefectMap) -> Score:
        if self._adapter is None:
            return Score(value, defect_map)
        return self._adapter.score_of(value, defect_map)
