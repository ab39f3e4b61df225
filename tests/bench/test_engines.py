"""The engine table measures what it says, and names what is not here."""

from __future__ import annotations

import sys

import pytest

from qc_edge.vision.image import Gray
from qc_edge.vision.prepare import prepare
from tests.bench import engines
from tests.bench.measures import frames_of

SMALL = (640, 512)


def test_onnx_runtime_on_one_thread_and_tensorrt_are_always_in_the_table() -> None:
    found = {each.name: each.values for each in engines.candidates()}
    assert found["onnx, CPU, 1 thread"] == {"backend": "onnx", "threads": 1}
    assert list(found)[-1] == "tensorrt"


def test_preparing_is_part_of_the_second_figure_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    prepared = 0

    def counted(frame: Gray) -> Gray:
        nonlocal prepared
        prepared += 1
        return prepare(frame)

    monkeypatch.setattr(engines, "prepare", counted)
    found = engines.alone_and_prepared({"backend": "onnx", "threads": 1}, SMALL, 20)
    assert found["engine"].startswith("onnx-cpu ")
    assert 0 < found["infer_p50_ms"] <= found["infer_p99_ms"]
    assert 0 < found["prepare_infer_p50_ms"] <= found["prepare_infer_p99_ms"]
    assert prepared == len(frames_of(SMALL)) + engines.WARM_UP + 20


def test_an_engine_that_is_not_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings", "pycuda"):
        monkeypatch.setitem(sys.modules, name, None)
    found = engines.alone_and_prepared({"backend": "tensorrt"}, SMALL, 1)
    assert set(found) == {"why_not"}
    assert found["why_not"]


def test_in_a_station_every_verdict_is_timed() -> None:
    found = engines.in_a_station(
        {"backend": "onnx", "threads": 1, "providers": ["CPU"]}, SMALL, 15, 20.0
    )
    assert 0 < found["station_p50_ms"] <= found["station_p99_ms"]
