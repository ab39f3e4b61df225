"""An engine belongs to one thread, which loads, proves, uses and closes it."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError
from dataclasses import dataclass, field

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Engine, Prepared, Score
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.engine.scripted import ScriptedEngine
from qc_edge.errors import EngineError, ModelError

FRAME = np.zeros((1, 512, 512), np.uint8)
WAIT_S = 10.0


@dataclass
class Witness:
    """An engine that notes which thread did what to it."""

    inner: ScriptedEngine
    threads: list[tuple[str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.info = self.inner.info
        self._seen("load")

    def infer(self, prepared: Prepared) -> list[Score]:
        """As the inner one."""
        self._seen("infer")
        return self.inner.infer(prepared)

    def close(self) -> None:
        """As the inner one."""
        self._seen("close")
        self.inner.close()

    def _seen(self, what: str) -> None:
        self.threads.append((what, threading.get_ident()))


def test_one_thread_loads_proves_uses_and_closes_the_engine(bundle: Bundle) -> None:
    made: list[Witness] = []

    def load() -> Engine:
        made.append(Witness(ScriptedEngine("0.1 0.2", bundle.golden_frames)))
        return made[0]

    engine_thread = EngineThread(bundle, load)
    assert engine_thread.ready.result(WAIT_S).backend == "scripted"
    first, second = engine_thread.infer(FRAME), engine_thread.infer(FRAME)
    assert [future.result(WAIT_S)[0].value for future in (first, second)] == [0.1, 0.2]
    engine_thread.close()
    engine_thread.close()
    assert engine_thread.closed.wait(WAIT_S)
    done = [what for what, _ in made[0].threads]
    assert done == ["load", *["infer"] * len(bundle.golden_frames), "infer", "infer", "close"]
    (thread,) = {thread for _, thread in made[0].threads}
    assert thread != threading.get_ident()


def test_what_was_handed_over_before_the_close_is_scored_and_nothing_after(bundle: Bundle) -> None:
    engine_thread = EngineThread(bundle, lambda: ScriptedEngine("0.3", bundle.golden_frames))
    before = engine_thread.infer(FRAME)
    engine_thread.close()
    with pytest.raises(EngineError, match="closed"):
        engine_thread.infer(FRAME).result(WAIT_S)
    assert before.result(WAIT_S)[0].value == 0.3


def test_an_engine_that_does_not_load_is_said_to_everyone_who_waits(bundle: Bundle) -> None:
    may_load = threading.Event()

    def load() -> Engine:
        assert may_load.wait(WAIT_S)
        raise ModelError("no such model", hint="another one")

    engine_thread = EngineThread(bundle, load)
    early = engine_thread.infer(FRAME)
    may_load.set()
    with pytest.raises(ModelError, match="no such model"):
        engine_thread.ready.result(WAIT_S)
    with pytest.raises(EngineError, match="never ready"):
        early.result(WAIT_S)
    assert engine_thread.closed.wait(WAIT_S)


def test_an_engine_that_fails_its_self_test_is_not_ready_and_is_closed(bundle: Bundle) -> None:
    made = [ScriptedEngine("0.1")]
    engine_thread = EngineThread(bundle, lambda: made[0])
    with pytest.raises(ModelError, match="golden frames moved"):
        engine_thread.ready.result(WAIT_S)
    assert engine_thread.closed.wait(WAIT_S)
    with pytest.raises(EngineError, match="closed"):
        made[0].infer(FRAME)


def test_a_frame_that_fails_does_not_end_the_engine_thread(bundle: Bundle) -> None:
    engine_thread = EngineThread(bundle, lambda: ScriptedEngine("raise 0.4", bundle.golden_frames))
    with pytest.raises(EngineError, match="the script says raise"):
        engine_thread.infer(FRAME).result(WAIT_S)
    assert engine_thread.infer(FRAME).result(WAIT_S)[0].value == 0.4
    engine_thread.close()


def test_work_that_waits_can_be_taken_back(bundle: Bundle) -> None:
    engine = ScriptedEngine("hang 0.5 0.6", bundle.golden_frames)
    engine_thread = EngineThread(bundle, lambda: engine)
    hanging, dropped, kept = (engine_thread.infer(FRAME) for _ in range(3))
    assert engine.hanging.wait(WAIT_S)
    assert dropped.cancel()
    engine.release.set()
    with pytest.raises(EngineError, match="released"):
        hanging.result(WAIT_S)
    with pytest.raises(CancelledError):
        dropped.result(WAIT_S)
    assert kept.result(WAIT_S)[0].value == 0.5, "a frame that was taken back was scored"
    engine_thread.close()
