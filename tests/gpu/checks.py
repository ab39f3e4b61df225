"""The checks on one subject: each returns its figures, or raises AssertionError or the engine's
fault.
"""

from __future__ import annotations

import gc
import importlib.util
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pycuda.driver as cuda

from qc_edge.engine.cuda import open_gpu
from qc_edge.engine.self_test import self_test
from qc_edge.engine.tensorrt_engine import TensorRTEngine
from qc_edge.rendered import plan_series, render
from qc_edge.station.dependencies import Dependencies
from tests.gpu.bare import BareLoop, torch_loop
from tests.gpu.subject import Subject, on_the_cpu, rendered
from tests.station.audit import audit
from tests.station.harness import drop, make_station, running

Figures = dict[str, Any]
ROUNDS = {1: 2000, 8: 1000, 32: 400}
SLACK = 1.05
"""The goal: frame in host memory to score at most so much of the bare loop."""
MAP_SLACK = 0.01
"""A map may differ by so much of its range: it is looked at, and decides nothing."""


class MissedError(AssertionError):
    """A goal is missed; `figures` are kept all the same."""

    def __init__(self, words: str, figures: Figures) -> None:
        super().__init__(words)
        self.figures = figures


def builds(subject: Subject) -> Figures:
    """Built once, then taken from where it is kept; both score the golden frames as approved."""
    begun = time.perf_counter()
    with subject.engine() as first:
        built_s = time.perf_counter() - begun
        self_test(first, subject.bundle)
        info = first.info
    begun = time.perf_counter()
    with subject.engine() as second:
        kept_s = time.perf_counter() - begun
        self_test(second, subject.bundle)
        assert "kept from an earlier start" in second.info.reason, second.info.reason
        assert second.info.plan_sha256 == info.plan_sha256
    sizes = {file.name: file.stat().st_size for file in subject.plans.glob("*.plan")}
    return {
        "device": info.device,
        "version": info.version,
        "reason": info.reason,
        "start_with_build_s": built_s,
        "start_with_kept_plan_s": kept_s,
        "plan_bytes": max(sizes.values()),
    }


def parity(subject: Subject, count: int) -> Figures:
    """Scores and maps against ONNX Runtime, alone and in batches; how many verdicts would turn."""
    frames = rendered(count)
    scores, maps = on_the_cpu(subject.bundle, frames)
    figures: Figures = {"frames": count}
    with subject.engine() as engine:
        for batch in (1, 8, 32):
            got = [
                each
                for start in range(0, count, batch)
                for each in engine.infer(frames[start : start + batch])
            ]
            values = np.array([each.value for each in got])
            planes = np.stack([each.defect_map for each in got if each.defect_map is not None])
            turned = (values >= subject.bundle.threshold) != (scores >= subject.bundle.threshold)
            # Within the tolerance of the threshold either verdict is the approved model's.
            turned &= np.abs(scores - subject.bundle.threshold) > subject.bundle.tolerance
            figures[f"batch_{batch}"] = {
                "score_max_off": float(np.abs(values - scores).max()),
                "map_max_off": float(np.abs(planes - maps).max()),
                "verdicts_turned": int(turned.sum()),
            }
    worst = max(each["score_max_off"] for key, each in figures.items() if key.startswith("batch"))
    if worst > subject.bundle.tolerance:
        raise MissedError(f"scores are off by up to {worst:g}", figures)
    batches = [each for key, each in figures.items() if key.startswith("batch")]
    if any(each["verdicts_turned"] for each in batches):
        raise MissedError("verdicts turned", figures)
    far = max(each["map_max_off"] for each in batches)
    if far > MAP_SLACK * float(np.ptp(maps)):
        raise MissedError(f"maps are off by up to {far:g} of {float(np.ptp(maps)):g}", figures)
    return figures


def timing(subject: Subject) -> Figures:
    """Host memory to score (ms), taken in turns with the bare loop on the same plan; launched work
    against launched work, graphs against graphs. Raises MissedError where the goal is missed.
    """
    figures: Figures = {}
    for graphs in (False, True):
        for batch, rounds in ROUNDS.items():
            with subject.engine(cuda_graph=graphs) as engine:
                bare = subject.bare(batch, graph=graphs)
                try:
                    each = _in_turns(engine, bare, rendered(batch), rounds)
                finally:
                    bare.close()
            figures[f"batch_{batch}" + ("_graph" if graphs else "")] = each
    missed = [name for name, each in figures.items() if each["p50_ratio"] > SLACK]
    if missed:
        raise MissedError(f"beyond {SLACK:g} of the bare loop: {', '.join(missed)}", figures)
    return figures


def _in_turns(
    engine: TensorRTEngine, bare: BareLoop, frames: npt.NDArray[Any], rounds: int
) -> Figures:
    score = engine._adapter.outputs[0].name
    ours = np.array([each.value for each in engine.infer(frames)])
    off = np.abs(bare.once(frames)[score].reshape(-1) - ours).max()
    assert off <= 1e-6, f"the bare loop scores otherwise, by up to {off:g}"
    work: dict[str, Callable[[], object]] = {
        "bare": lambda: bare.once(frames),
        "infer": lambda: engine.infer(frames),
    }
    taken = timed_in_turns(work, rounds)
    p50, p99 = ({name: float(np.percentile(ms, q)) for name, ms in taken.items()} for q in (50, 99))
    figures = {f"{name}_p50_ms": value for name, value in p50.items()}
    figures |= {f"{name}_p99_ms": value for name, value in p99.items()}
    return figures | {"p50_ratio": p50["infer"] / p50["bare"]}


def timed_in_turns(work: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each call, one of each in turn, after a tenth of the rounds to warm up."""
    taken: dict[str, list[float]] = {name: [] for name in work}
    order = list(work.items())
    for number in range(-(rounds // 10), rounds):
        for name, once in order if number % 2 else reversed(order):
            begun = time.perf_counter()
            once()
            if number >= 0:
                taken[name].append((time.perf_counter() - begun) * 1e3)
    return taken


def pytorch(subject: Subject) -> Figures:
    """An engine that is not TensorRT on the same frames: PyTorch, where it is installed and the
    model is the small kernel's.
    """
    if importlib.util.find_spec("torch") is None:
        return {"not tried": "PyTorch is not installed here"}
    torch = importlib.import_module("torch")
    if not torch.cuda.is_available():
        return {"not tried": f"PyTorch {torch.__version__} finds no GPU"}
    figures: Figures = {"version": torch.__version__}
    once = torch_loop(torch, subject.cell)
    for batch, rounds in ROUNDS.items():
        frames = rendered(batch)
        with subject.engine() as engine:
            ours = np.array([each.value for each in engine.infer(frames)])
            off = float(np.abs(once(frames)[0] - ours).max())
            assert off <= subject.bundle.tolerance, f"PyTorch scores otherwise, by up to {off:g}"
            work: dict[str, Callable[[], object]] = {
                "pytorch": partial(once, frames),
                "infer": partial(engine.infer, frames),
            }
            taken = timed_in_turns(work, rounds)
        medians = {f"{name}_p50_ms": float(np.median(ms)) for name, ms in taken.items()}
        figures[f"batch_{batch}"] = {"score_max_off": off, **medians}
    return figures


def copies(subject: Subject) -> Figures:
    """Page-locked copies up and down, one frame and 32 at a time (GB/s)."""
    figures: Figures = {}
    gpu = open_gpu(subject.settings.device)
    try:
        pair = gpu.allocate((32, 512, 512), np.uint8)
        figures["mapped"] = pair.mapped
        for rows in (1, 32):
            for way, copy in (("up", gpu.upload), ("down", gpu.download)):
                begun = time.perf_counter()
                for _ in range(200):
                    copy(pair, rows)
                gpu.synchronize()
                seconds = time.perf_counter() - begun
                figures[f"{way}_{rows}_gb_s"] = 200 * rows * 512 * 512 / seconds / 1e9
        pair.host[:] = np.arange(256, dtype=np.uint8)[:32, None, None]
        gpu.upload(pair, 32)
        gpu.synchronize()
        before = pair.host.copy()
        if not pair.mapped:
            pair.host[:] = 0
        gpu.download(pair, 32)
        gpu.synchronize()
        assert np.array_equal(pair.host, before), "what came back is not what was sent"
    finally:
        gpu.close()
    return figures


def memory(subject: Subject, engines: int = 20) -> Figures:
    """So many engines, one after the other: what each takes on the device, and what stays (MB)."""
    free: list[float] = []
    taken = 0.0
    keeper = open_gpu(
        subject.settings.device
    )  # holds the context, so that only engines come and go
    try:
        before = _free_mb()
        for _ in range(engines):
            with subject.engine() as engine:
                engine.infer(rendered(1))
                taken = before - _free_mb()
            gc.collect()
            free.append(_free_mb())
    finally:
        keeper.close()
    left = free[0] - free[-1]
    assert left < 64, (
        f"{left:.0f} MB of device memory did not come back after {engines - 1} more engines"
    )
    return {"engine_mb": taken, "engines": engines, "left_mb": left, "process_mb": _resident_mb()}


def station(subject: Subject, count: int = 60) -> Figures:
    """A whole station on rendered parts: every score as ONNX Runtime has it, one plan in every
    row.
    """
    plan = plan_series(seed=20_261_202, count=count, defect_share=0.5, fault_share=0.0)
    with tempfile.TemporaryDirectory() as directory:
        paths = make_station(
            Path(directory),
            model={"bundle": subject.bundle.reference},
            engine={"backend": "tensorrt", "max_batch": subject.settings.max_batch},
            inspect={"batch_max": 64},
        )
        installed = paths.models / subject.bundle.name / subject.bundle.version
        installed.parent.mkdir(parents=True, exist_ok=True)
        installed.symlink_to(subject.bundle.directory)
        with running(paths, Dependencies(load_engine=subject.load, patience_s=60.0)) as run:
            begun = time.perf_counter()
            for number, (seed, defect, _) in enumerate(plan):
                drop(paths, f"{number:03}.png", render(seed, defect).pixels)
            run.wait_until_inspected(count)
            seconds = time.perf_counter() - begun
        log = audit(paths)
        rows = [row for row in log.inspections if row["score"] is not None]
        files = [paths.state / row["prepared_path"] for row in rows]
        stored = np.stack([np.asarray(cv2.imread(str(file), -1), np.uint8) for file in files])
        scores, _ = on_the_cpu(subject.bundle, stored)
        off = float(np.abs(scores - [row["score"] for row in rows]).max())
    assert off <= subject.bundle.tolerance, f"stored scores are off by up to {off:g}"
    assert len(rows) == count, f"{len(rows)} of {count} parts have a score"
    assert len({row["engine_plan_sha256"] for row in rows}) == 1
    return {
        "parts": count,
        "seconds": seconds,
        "score_max_off": off,
        "engine": rows[0]["engine_backend"],
    }


def soak(subject: Subject, seconds: float) -> Figures:
    """Batches of all sizes for `seconds`: the same frame always has the same score, and memory
    stays.
    """
    most = subject.settings.max_batch
    frames, sizes = rendered(most), range(1, most + 1)
    rng = np.random.default_rng(1)
    scored = batches = 0
    with subject.engine() as engine:
        known = {size: [one.value for one in engine.infer(frames[:size])] for size in sizes}
        free, resident = _free_mb(), _resident_mb()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            size = int(rng.integers(1, most + 1))
            got = [one.value for one in engine.infer(frames[:size])]
            assert got == known[size], f"after {scored} frames a batch of {size} scored otherwise"
            scored, batches = scored + size, batches + 1
        lost, grown = free - _free_mb(), _resident_mb() - resident
    assert lost < 64, f"{lost:.0f} MB of device memory went"
    assert grown < 64, f"the process grew by {grown:.0f} MB"
    return {
        "seconds": seconds,
        "frames": scored,
        "batches": batches,
        "frames_per_s": scored / seconds,
        "device_mb_lost": lost,
        "process_mb_grown": grown,
    }


def _free_mb() -> float:
    """On the device; a context must be current."""
    return float(cuda.mem_get_info()[0]) / 1e6


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
