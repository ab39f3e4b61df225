"""Context, buffers, copies, streams and graphs as the driver demands, by the real pycuda. No GPU is
in it.
"""

from __future__ import annotations

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import Prepared
from qc_edge.engine import tensorrt as module
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError, EngineLostError, EngineUnavailableError
from tests.standin.conftest import Library, Load

pytestmark = [pytest.mark.standin, pytest.mark.serial]

LAUNCH_FAILED = 719


def golden(bundle: Bundle) -> Prepared:
    return np.concatenate([frame.prepared for frame in bundle.golden_frames])


@pytest.mark.parametrize("integrated", [False, True], ids=["discrete", "integrated"])
@pytest.mark.parametrize("graphs", [False, True], ids=["launched", "recorded"])
def test_scores_and_maps_are_those_of_the_bundle_and_all_is_given_back(
    library: Library,
    bundle: Bundle,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    graphs: bool,
    integrated: bool,
) -> None:
    monkeypatch.setenv("STANDIN_INTEGRATED", str(int(integrated)))
    engine = load(cuda_graph=graphs)
    self_test(engine, bundle)
    frames = golden(bundle)
    for count in (1, 2, 3, 4, 9):
        scores = engine.infer(frames[:count])
        expected = [frame.score for frame in bundle.golden_frames[:count]]
        assert [score.value for score in scores] == pytest.approx(expected, abs=bundle.tolerance)
    taken = library.left()
    assert taken["host memory"] == 3
    assert taken.get("device memory", 0) == (0 if integrated else 3)
    assert taken.get("graphs", 0) == (3 if graphs else 0)
    engine.close()
    engine.close()
    assert library.left() == {}


def test_no_frame_takes_anything_of_the_device(
    library: Library, bundle: Bundle, load: Load
) -> None:
    engine = load()
    before = library.left()
    for count in (1, 4, 9, 2):
        engine.infer(golden(bundle)[:count])
    assert library.left() == before
    engine.close()


def test_two_engines_at_a_time_and_the_first_goes(
    library: Library, bundle: Bundle, load: Load
) -> None:
    engine_threads = [EngineThread(bundle, load, name) for name in ("first", "second")]
    for engine_thread in engine_threads:
        assert (
            engine_thread.ready.result(60).device
            == "Stand-in, compute capability 8.9, driver CUDA 13.0"
        )
    frame = bundle.golden_frames[0]
    assert library.left()["contexts"] == 2
    assert "contexts on this thread" not in library.left(), (
        "a context is current where nobody works with it"
    )
    engine_threads[0].close()
    assert engine_threads[0].closed.wait(30)
    (score,) = engine_threads[1].infer(frame.prepared).result(10)
    assert score.value == pytest.approx(frame.score, abs=bundle.tolerance)
    engine_threads[1].close()
    assert engine_threads[1].closed.wait(30)
    assert library.left() == {}


def test_memory_that_is_used_up_is_said_and_given_back(
    library: Library, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STANDIN_MEMORY_MB", "1")
    with pytest.raises(
        EngineLostError, match=r"no memory on the GPU: the GPU's memory is used up"
    ) as raised:
        load(max_batch=8)
    assert "lower engine.max_batch" in raised.value.hint
    assert library.left() == {}


@pytest.mark.parametrize("graphs", [False, True], ids=["launched", "recorded"])
def test_a_lost_device_gives_no_score_and_still_closes(
    library: Library, bundle: Bundle, load: Load, graphs: bool
) -> None:
    engine = load(cuda_graph=graphs)
    library.fail(LAUNCH_FAILED)
    for _ in range(2):
        with pytest.raises(EngineLostError) as raised:
            engine.infer(golden(bundle)[:2])
        assert raised.value.exit_code == 70
    engine.close()


def test_work_that_is_refused_while_it_is_recorded_leaves_the_stream_usable(
    library: Library,
) -> None:
    from qc_edge.engine.cuda import open_gpu

    gpu = open_gpu(0)
    pair = gpu.allocate((4,), np.uint8)

    def refused() -> None:
        gpu.upload(pair, 4)
        raise EngineError("it refuses", "test")

    with pytest.raises(EngineError, match="it refuses"):
        gpu.capture_graph(refused)
    pair.host[:] = 9
    gpu.upload(pair, 4)
    gpu.synchronize()
    assert library.at(pair.device, (4,), np.uint8).tolist() == [9] * 4
    gpu.close()
    assert library.left() == {}


def test_an_engine_that_cannot_be_made_gives_all_back(
    library: Library, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise EngineError("it refuses", "test")

    monkeypatch.setattr("tests.standin.conftest.HostRunner.enqueue", refuses)
    with pytest.raises(EngineError, match="it refuses") as raised:
        load()
    assert raised.traceback, "what still refers to the engine's memory"
    assert library.left() == {}


@pytest.mark.parametrize(
    "at", ["qc_edge.engine.cuda.cuda.Stream", "qc_edge.engine.cuda._driver_version"]
)
def test_a_context_that_cannot_be_used_is_given_back(
    library: Library, load: Load, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    from pycuda.driver import MemoryError as UsedUp

    def fails(*_: object, **__: object) -> None:
        raise UsedUp("test")

    monkeypatch.setattr(at, fails)
    with pytest.raises(EngineLostError, match="no context on the GPU"):
        load()
    assert library.left() == {}


def test_a_toolkit_that_does_not_start_leaves_no_context(
    library: Library, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> None:
        raise EngineError("it does not start", "test")

    monkeypatch.setattr(module, "InstalledToolkit", fails)
    with pytest.raises(EngineError, match="it does not start"):
        load()
    assert library.left() == {}


@pytest.mark.parametrize(
    ("setting", "value", "said"),
    [
        ("DEVICES", "0", "engine.device = 0, but this machine has 0 NVIDIA GPUs"),
        ("INIT", "100", "the NVIDIA driver does not start"),
    ],
)
def test_a_device_that_is_not_there_is_reported(
    library: Library,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    setting: str,
    value: str,
    said: str,
) -> None:
    monkeypatch.setenv(f"STANDIN_{setting}", value)
    with pytest.raises(EngineUnavailableError, match=said):
        load()
    assert library.left() == {}
