"""The TensorRT engine on a twin of the device: buffers, batches, plans, faults. tests/gpu has real
ones.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine, load_engine
from qc_edge.engine.gpu import PinnedBuffer
from qc_edge.engine.runner import Runner
from qc_edge.engine.self_test import self_test
from qc_edge.engine.tensorrt import load_first_supported, make
from qc_edge.engine.tensorrt_engine import batch_sizes
from qc_edge.errors import EngineError, EngineLostError, EngineUnavailableError, ModelError
from qc_edge.settings import EngineSettings
from tests.engine.twin_gpu import FACTS, TwinGpu, TwinToolkit, another

SETTINGS = EngineSettings(backend="tensorrt", max_batch=4)


def made(
    bundle: Bundle,
    build_context: BuildContext = DEFAULT_CONTEXT,
    settings: EngineSettings = SETTINGS,
) -> tuple[Engine, TwinToolkit]:
    toolkit = TwinToolkit(TwinGpu())
    return make(toolkit, toolkit.gpu, bundle, settings, "test", build_context), toolkit


def golden(bundle: Bundle) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.concatenate([frame.prepared for frame in bundle.golden_frames])


@pytest.mark.parametrize(
    ("most", "sizes"),
    [(1, (1,)), (2, (1, 2)), (6, (1, 2, 4, 6)), (8, (1, 2, 4, 8))],
)
def test_few_batch_sizes_are_ever_run(most: int, sizes: tuple[int, ...]) -> None:
    assert batch_sizes(most) == sizes


@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize("graphs", [False, True])
def test_any_number_of_frames_is_scored_in_order(
    bundle: Bundle, integrated: bool, graphs: bool
) -> None:
    gpu = another(TwinGpu(), integrated=integrated)
    settings = SETTINGS.model_copy(update={"cuda_graph": graphs})
    engine = make(TwinToolkit(gpu), gpu, bundle, settings, "test", DEFAULT_CONTEXT)
    frames = golden(bundle)
    alone = [engine.infer(frame[None])[0] for frame in frames]
    expected = [frame.score for frame in bundle.golden_frames]
    assert [score.value for score in alone] == pytest.approx(expected, abs=bundle.tolerance)
    for count in (1, 2, 3, 4, 5, 9):
        for order in (slice(None, -count - 1, -1), slice(count)):
            scores = engine.infer(frames[order])
            assert [score.value for score in scores] == pytest.approx(
                [one.value for one in alone[order]], abs=1e-6
            )
            for score, one in zip(scores, alone[order], strict=True):
                assert score.defect_map is not None and one.defect_map is not None
                assert np.abs(score.defect_map - one.defect_map).max() <= 1e-6
    self_test(engine, bundle)


def test_an_engine_that_is_wrong_only_in_batches_fails_the_self_test(bundle: Bundle) -> None:
    engine, toolkit = made(bundle)
    self_test(engine, bundle)
    memory, download = toolkit.gpu.pairs[1], toolkit.gpu.download
    assert memory.host.shape == (4,), "the scores"

    def mix_up(buffer: PinnedBuffer, rows: int) -> None:
        download(buffer, rows)
        if buffer is memory and rows > 1:
            toolkit.gpu.later(buffer.host[:rows].sort)

    toolkit.gpu.download = mix_up  # type: ignore[method-assign]
    with pytest.raises(ModelError, match="golden frames moved"):
        self_test(engine, bundle)


def test_a_discrete_device_is_copied_to_and_from_and_an_integrated_one_is_not(
    bundle: Bundle,
) -> None:
    for integrated, copies in (
        (False, [("up", 512 * 512), ("down", 4), ("down", 64 * 64 * 4)]),
        (True, []),
    ):
        gpu = another(TwinGpu(), integrated=integrated)
        engine = make(TwinToolkit(gpu), gpu, bundle, SETTINGS, "test", DEFAULT_CONTEXT)
        gpu.copied.clear()
        engine.infer(bundle.golden_frames[0].prepared)
        assert gpu.copied == copies


def test_no_frame_allocates_on_the_device(bundle: Bundle) -> None:
    engine, toolkit = made(bundle)
    before = len(toolkit.gpu.pairs)
    for count in (1, 4, 9, 2):
        engine.infer(golden(bundle)[:count])
    assert len(toolkit.gpu.pairs) == before == 3


def test_a_map_that_was_handed_out_does_not_change_with_the_next_frame(bundle: Bundle) -> None:
    engine, _ = made(bundle)
    first, last = bundle.golden_frames[0], bundle.golden_frames[-1]
    handed = engine.infer(last.prepared)[0].defect_map
    assert handed is not None
    before = handed.copy()
    engine.infer(first.prepared)
    assert np.array_equal(handed, before)


def test_a_recorded_pass_is_played_back_without_asking_tensorrt_again(bundle: Bundle) -> None:
    settings = SETTINGS.model_copy(update={"cuda_graph": True})
    engine, toolkit = made(bundle, settings=settings)
    asked = len(toolkit.runners[0].sizes)
    engine.infer(golden(bundle))
    assert len(toolkit.runners[0].sizes) == asked


class _Forgetful(TwinGpu):
    """Plays back nothing of the captures before the last."""

    def capture_graph(self, work: Callable[[], None]) -> Callable[[], None]:
        """The one that counts is the newest."""
        self._newest = launch = super().capture_graph(work)
        return lambda: launch() if self._newest is launch else self.later(lambda: None)


def test_a_recorded_pass_that_computes_something_else_is_refused(bundle: Bundle) -> None:
    gpu = _Forgetful()
    settings = SETTINGS.model_copy(update={"cuda_graph": True})
    with pytest.raises(EngineError, match=r"a recorded batch of 1 does not repeat") as raised:
        make(TwinToolkit(gpu), gpu, bundle, settings, "test", DEFAULT_CONTEXT)
    assert raised.value.hint == "set engine.cuda_graph = false"


def test_work_that_a_lost_device_refuses_is_the_device_s_fault_at_the_first_part(
    bundle: Bundle,
) -> None:
    gpu = another(TwinGpu(), integrated=True)
    toolkit = TwinToolkit(gpu)
    engine = make(toolkit, gpu, bundle, SETTINGS, "test", DEFAULT_CONTEXT)
    toolkit.runners[0].refuses = True
    with pytest.raises(EngineError, match="it refuses") as raised:
        engine.infer(golden(bundle)[:1])
    assert not isinstance(raised.value, EngineLostError)
    gpu.lost = True
    with pytest.raises(EngineLostError, match="unspecified launch failure"):
        engine.infer(golden(bundle)[:1])


def test_a_plan_is_kept_and_taken_again(bundle: Bundle, tmp_path: Path) -> None:
    first, toolkit = made(bundle, BuildContext(tmp_path))
    assert "made here in" in first.info.reason
    assert "because no plan of this model yet" in first.info.reason
    again = TwinToolkit(TwinGpu())
    second = make(again, again.gpu, bundle, SETTINGS, "test", BuildContext(tmp_path))
    assert (toolkit.built, again.built) == (1, 0)
    assert "kept from an earlier start" in second.info.reason
    assert first.info.plan_sha256 == second.info.plan_sha256


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        ({"driver": "601.9"}, "driver 600.1 -> 601.9"),
        ({"name": "Twin 5000"}, "gpu Twin 4000 -> Twin 5000"),
        ({"capability": (12, 0)}, "capability SM89 -> SM120"),
    ],
)
def test_another_device_or_driver_means_another_plan_and_says_so(
    bundle: Bundle, tmp_path: Path, facts: dict[str, object], said: str
) -> None:
    made(bundle, BuildContext(tmp_path))
    gpu = another(TwinGpu(), **facts)
    toolkit = TwinToolkit(gpu)
    engine = make(toolkit, gpu, bundle, SETTINGS, "test", BuildContext(tmp_path))
    assert toolkit.built == 1
    assert f"no plan fits ({said})" in engine.info.reason


@pytest.mark.parametrize(
    "changed",
    [{"max_batch": 2}, {"tf32": True}, {"precision": "fp16"}, {"workspace_mb": 256}],
    ids=lambda changed: next(iter(changed)),
)
def test_another_profile_flag_or_precision_means_another_plan(
    bundle: Bundle, tmp_path: Path, changed: dict[str, object]
) -> None:
    made(bundle, BuildContext(tmp_path))
    _, toolkit = made(bundle, BuildContext(tmp_path), SETTINGS.model_copy(update=changed))
    assert toolkit.built == 1
    _, toolkit = made(bundle, BuildContext(tmp_path))
    assert toolkit.built == 0, "the first plan is still there to go back to"


@pytest.mark.parametrize(
    "damage", ["torn", "altered", "emptied", "no note", "a note that does not read"]
)
def test_a_damaged_plan_is_built_anew(bundle: Bundle, tmp_path: Path, damage: str) -> None:
    made(bundle, BuildContext(tmp_path))
    (plan,), (note,) = tmp_path.glob("*.plan"), tmp_path.glob("*.json")
    data = plan.read_bytes()
    if damage == "torn":
        plan.write_bytes(data[: len(data) // 2])
    elif damage == "altered":
        plan.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    elif damage == "emptied":
        plan.write_bytes(b"")
    elif damage == "no note":
        note.unlink()
    else:
        note.write_text("{")
    engine, toolkit = made(bundle, BuildContext(tmp_path))
    assert toolkit.built == 1
    assert (
        "no plan of this model yet" if damage == "no note" else "the kept plan"
    ) in engine.info.reason
    self_test(engine, bundle)
    _, toolkit = made(bundle, BuildContext(tmp_path))
    assert toolkit.built == 0


def test_a_plan_of_another_gpu_under_this_ones_name_is_refused_and_built_anew(
    bundle: Bundle, tmp_path: Path
) -> None:
    gpu = another(TwinGpu(), name="Twin 5000")
    make(TwinToolkit(gpu), gpu, bundle, SETTINGS, "test", BuildContext(tmp_path / "foreign"))
    made(bundle, BuildContext(tmp_path / "own"))
    (own,), (foreign,) = (tmp_path / "own").glob("*.json"), (tmp_path / "foreign").glob("*.json")
    own.with_suffix(".plan").write_bytes(foreign.with_suffix(".plan").read_bytes())
    about = json.loads(own.read_bytes()) | {"sha256": json.loads(foreign.read_bytes())["sha256"]}
    own.write_text(json.dumps(about))
    engine, toolkit = made(bundle, BuildContext(tmp_path / "own"))
    assert toolkit.built == 1
    assert "made for another device" in engine.info.reason
    own.write_bytes(foreign.read_bytes())
    engine, toolkit = made(bundle, BuildContext(tmp_path / "own"))
    assert "of another key (gpu Twin 5000 -> Twin 4000)" in engine.info.reason


def test_a_tensorrt_that_refuses_its_own_plan_is_not_taken_and_keeps_none(
    bundle: Bundle, tmp_path: Path
) -> None:
    made(bundle, BuildContext(tmp_path))
    gpu = TwinGpu()
    for toolkit in (TwinToolkit(gpu, refuses=True), TwinToolkit(gpu, refuses=True)):
        with pytest.raises(EngineUnavailableError, match=f"it was made just now, for {FACTS}"):
            make(toolkit, gpu, bundle, SETTINGS, "test", BuildContext(tmp_path))
        assert toolkit.built == 1
        assert not list(tmp_path.iterdir())


def test_plans_not_used_for_longest_are_dropped(bundle: Bundle, tmp_path: Path) -> None:
    for most in (1, 2, 3, 4):
        made(
            bundle,
            BuildContext(tmp_path),
            SETTINGS.model_copy(update={"max_batch": most, "plans_kept": 2}),
        )
    kept = {json.loads(note.read_bytes())["key"]["max_batch"] for note in tmp_path.glob("*.json")}
    assert kept == {3, 4}
    assert len(list(tmp_path.iterdir())) == 4


def test_a_plan_that_cannot_be_kept_is_still_used_and_that_is_reported(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    engine, _ = made(bundle, BuildContext(tmp_path / "file"))
    assert "it cannot be kept" in engine.info.reason
    self_test(engine, bundle)


def test_a_build_tells_how_it_goes_and_how_long_the_last_one_took(
    bundle: Bundle, tmp_path: Path
) -> None:
    said: list[tuple[str, float]] = []
    build_context = BuildContext(tmp_path, lambda words, limit_s: said.append((words, limit_s)))
    made(bundle, build_context)
    assert said[0][0].startswith(
        "building engine plan, no build here yet to compare with, 0 s so far"
    )
    assert said[0][1] == SETTINGS.build_limit_s
    assert said[-1][0] == "warming up the engine"
    said.clear()
    made(bundle, build_context, SETTINGS.model_copy(update={"max_batch": 2}))
    assert "expected ~0 s" in said[0][0]


def test_a_build_ends_when_the_station_is_told_to_stop(bundle: Bundle, tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="stopped"):
        made(bundle, BuildContext(tmp_path, is_stopping=lambda: True))
    assert not list(tmp_path.iterdir())


def test_work_that_is_refused_fails_the_frame_and_the_next_goes_on(bundle: Bundle) -> None:
    engine, toolkit = made(bundle)
    frame = bundle.golden_frames[0]
    toolkit.runners[0].refuses = True
    with pytest.raises(EngineError, match="it refuses") as raised:
        engine.infer(frame.prepared)
    assert not isinstance(raised.value, EngineLostError)
    toolkit.runners[0].refuses = False
    assert engine.infer(frame.prepared)[0].value == pytest.approx(frame.score, abs=bundle.tolerance)


def test_an_engine_that_cannot_be_made_lets_its_plan_go(bundle: Bundle) -> None:
    toolkit = TwinToolkit(TwinGpu())
    load_plan = toolkit.load_plan

    def refusing(*plan: Any) -> Runner:
        runner = load_plan(*plan)
        toolkit.runners[0].refuses = True
        return runner

    toolkit.load_plan = refusing  # type: ignore[method-assign, assignment]
    with pytest.raises(EngineError, match="it refuses"):
        make(toolkit, toolkit.gpu, bundle, SETTINGS, "test", DEFAULT_CONTEXT)
    assert toolkit.runners[0].closed == 1


def test_a_lost_device_gives_no_score_and_still_closes(bundle: Bundle) -> None:
    engine, toolkit = made(bundle)
    toolkit.gpu.lost = True
    for frames in (golden(bundle)[:1], golden(bundle)):
        with pytest.raises(EngineLostError) as raised:
            engine.infer(frames)
        assert raised.value.exit_code == 70
    engine.close()
    engine.close()
    assert (toolkit.gpu.closed, toolkit.runners[0].closed) == (1, 1)


def test_memory_that_runs_out_in_a_build_is_no_fault_of_the_model(bundle: Bundle) -> None:
    toolkit = TwinToolkit(
        TwinGpu(), fault=EngineLostError("the GPU's memory ran out", "lower engine.max_batch")
    )
    with pytest.raises(EngineLostError, match="memory ran out"):
        load_first_supported([toolkit], [], toolkit.gpu, bundle, SETTINGS, "test", DEFAULT_CONTEXT)


def test_the_first_variant_that_takes_the_device_is_taken_and_the_others_are_reported(
    bundle: Bundle,
) -> None:
    gpu = TwinGpu()
    refusing = TwinToolkit(
        gpu, "first", fault=EngineUnavailableError("first 1.0 is not made for SM89")
    )
    engine = load_first_supported(
        [refusing, TwinToolkit(gpu, "second")],
        ["third is not installed"],
        gpu,
        bundle,
        SETTINGS,
        "auto: tensorrt",
        DEFAULT_CONTEXT,
    )
    assert engine.info.backend == "second"
    assert "third is not installed; first 1.0 is not made for SM89" in engine.info.reason
    assert engine.info.device == str(FACTS) == "Twin 4000, compute capability 8.9, driver 600.1"


@pytest.mark.parametrize(
    "fault", [EngineUnavailableError("not made for SM89"), ModelError("no such operator")]
)
def test_when_no_variant_fits_all_reasons_are_reported(
    bundle: Bundle, fault: EngineError | ModelError
) -> None:
    gpu = TwinGpu()
    with pytest.raises(type(fault), match=f"third is not installed; {fault.message}"):
        load_first_supported(
            [TwinToolkit(gpu, fault=fault)],
            ["third is not installed"],
            gpu,
            bundle,
            SETTINGS,
            "test",
            DEFAULT_CONTEXT,
        )


def test_auto_on_a_box_without_a_gpu_says_why_it_took_the_cpu(bundle: Bundle) -> None:
    info = load_engine(bundle, EngineSettings(backend="auto", threads=1)).info
    assert info.backend == "onnx-cpu"
    assert info.reason.startswith("auto: onnx; not tensorrt: ")
    assert "no NVIDIA driver" in info.reason or "not installed" in info.reason
