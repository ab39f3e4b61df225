"""One model on every engine of this machine: the engine alone, with preparing, and at work in a
station.

Each measure runs in a process of its own. An engine that is not here is in the table with the
reason.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.bundles.bundle import load_bundle
from qc_edge.engine import load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineUnavailableError
from qc_edge.settings import EngineSettings
from qc_edge.settings.paths import shipped
from qc_edge.settings.render import toml_value
from qc_edge.vision.prepare import prepare
from tests.bench.apart import SIZES, alone
from tests.bench.measures import Size, frames_of, scratch
from tests.bench.station import make_station, run_station

_COLUMNS = ("infer", "prepare_infer", "station")

WARM_UP = 20
"""Frames before the clock: the first ones pay for memory that later ones find."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine as the settings name it; `values` are those of the section [engine]."""

    name: str
    values: dict[str, Any]


def candidates() -> list[Candidate]:
    """ONNX Runtime on 1, 2, 4, ... threads up to the cores and on its other providers, and
    TensorRT.
    """
    import onnxruntime as ort

    cores, threads, found = len(os.sched_getaffinity(0)), 1, []
    while threads <= min(cores, 16):
        words = f"onnx, CPU, {threads} thread{'' if threads == 1 else 's'}"
        found.append(Candidate(words, {"backend": "onnx", "threads": threads}))
        threads *= 2
    for full in ort.get_available_providers():
        name = full.removesuffix("ExecutionProvider")
        if name not in {"CPU", "Azure"}:
            found.append(Candidate(f"onnx, {name}", {"backend": "onnx", "providers": [name]}))
    return [*found, Candidate("tensorrt", {"backend": "tensorrt"})]


def alone_and_prepared(values: dict[str, Any], size: Size, count: int) -> dict[str, Any]:
    """Milliseconds from a prepared frame in memory to its score, and from a frame in memory.

    `why_not` instead, if this machine does not have the engine.
    """
    bundle = load_bundle("reference@1", [shipped("models")])
    try:
        engine = load_engine(bundle, EngineSettings.model_validate(values))
    except EngineUnavailableError as fault:
        return {"why_not": " ".join(fault.message.split())}
    try:
        self_test(engine, bundle)
        frames = frames_of(size)
        ready = [prepare(frame) for frame in frames]
        only = _times_ms(lambda n: engine.infer(ready[n % len(ready)][None]), count)
        both = _times_ms(lambda n: engine.infer(prepare(frames[n % len(frames)])[None]), count)
        said = f"{engine.info.backend} {engine.info.version} on {engine.info.device}"
    finally:
        engine.close()
    return {"engine": said, **_spread("infer", only), **_spread("prepare_infer", both)}


def in_a_station(
    values: dict[str, Any], size: Size, count: int, rate_hz: float
) -> dict[str, float]:
    """Milliseconds from a frame in memory to its verdict announced, everything durable, at a steady
    rate.
    """
    with scratch() as root:
        paths = make_station(root)
        with paths.settings.open("a") as settings:
            settings.write(
                "\n[engine]\n" + "".join(f"{k} = {toml_value(v)}\n" for k, v in values.items())
            )
        watch = run_station(root, count, frames_of(size), rate_hz)
        return _spread("station", list(watch.ages_ms[min(WARM_UP, count // 10) :]))


def _times_ms(work: Callable[[int], object], count: int) -> list[float]:
    taken = []
    for number in range(WARM_UP + count):
        begun = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - begun) * 1e3)
    return taken[WARM_UP:]


def _spread(name: str, taken_ms: list[float]) -> dict[str, float]:
    p50, p99 = np.percentile(taken_ms, [50, 99])
    return {f"{name}_p50_ms": float(p50), f"{name}_p99_ms": float(p99)}


def engine(console: Console, long: bool) -> dict[str, Any]:
    """The reference model on every engine here: alone, with preparing, and at work in a station."""
    size, figures = SIZES["1.3 MP"], {}
    table = Table(title="Engines, one frame of 1.3 MP at a time: p50 / p99 (ms)")
    for heading in ("engine", "infer only", "prepare + infer", "end to end, 10 frames/s"):
        table.add_column(heading, justify="right" if table.columns else "left")
    for each in candidates():
        console.print(f"[dim]engine: {each.name}[/dim]")
        found: dict[str, Any] = alone(alone_and_prepared, each.values, size, 2000 if long else 300)
        if "why_not" in found:
            table.add_row(each.name, Text(f"not here: {found['why_not']}", "dim"))
        else:
            found |= alone(in_a_station, each.values, size, 1000 if long else 200, 10.0)
            shown = (f"{found[f'{n}_p50_ms']:.2f} / {found[f'{n}_p99_ms']:.2f}" for n in _COLUMNS)
            table.add_row(each.name, *shown)
        figures[each.name] = found
    console.print(table)
    return figures
