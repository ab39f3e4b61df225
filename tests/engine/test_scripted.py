"""The scripted engine does what its script says, and a hang ends when it is released."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError

FRAME = np.zeros((1, 512, 512), np.uint8)


def test_the_script_goes_round_and_round() -> None:
    engine = ScriptedEngine("0.1 0.9")
    assert [engine.infer(FRAME)[0].value for _ in range(5)] == [0.1, 0.9, 0.1, 0.9, 0.1]


def test_raise_raises_and_the_next_frame_goes_on() -> None:
    engine = ScriptedEngine(["raise", 0.25])
    with pytest.raises(EngineError):
        engine.infer(FRAME)
    assert engine.infer(FRAME)[0].value == 0.25


def test_nan_is_a_score_that_is_no_number() -> None:
    assert math.isnan(ScriptedEngine("nan").infer(FRAME)[0].value)


def test_a_function_may_look_at_the_frame() -> None:
    engine = ScriptedEngine(lambda frame: float(frame.max()) / 255)
    assert engine.infer(np.full_like(FRAME, 255))[0].value == 1.0


def test_an_unknown_step_is_refused_at_once() -> None:
    with pytest.raises(ValueError, match="explode"):
        ScriptedEngine("0.1 explode")


def test_a_hang_blocks_until_it_is_released() -> None:
    engine = ScriptedEngine("hang")
    ended = threading.Event()

    def work() -> None:
        with pytest.raises(EngineError, match="released"):
            engine.infer(FRAME)
        ended.set()

    threading.Thread(target=work, daemon=True).start()
    assert engine.hanging.wait(30)
    assert not ended.is_set()
    engine.release.set()
    assert ended.wait(30)
