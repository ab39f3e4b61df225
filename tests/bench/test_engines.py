"""The engine table measures what it says, and names what is not here."""

from __future__ import annotations

import sys

import pytest

from tests.bench import engines

SMALL = (640, 512)


def test_onnx_runtime_on_one_thread_and_tensorrt_are_always_in_the_table() -> None:
    found = {each.name: each.values for each in engines.candidates()}
    assert found["onnx, CPU, 1 thread"] == {"backend": "onnx", "threads": 1}
    assert list(found)[-1] == "tensorrt"


def test_preparing_takes_its_time_too() -> None:
    found = engines.alone_and_prepared({"backend": "onnx", "threads": 1}, SMALL, 20)
    assert found["engine"].startswith("onnx-cpu ")
    assert 0 < found["infer_p50_ms"] < found["prepare_infer_p50_ms"]


def test_an_engine_that_is_not_here_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("tensorrt", "tensorrt_rtx", "tensorrt_rtx_bindings", "pycuda"):
        monkeypatch.setitem(sys.modules, name, None)
    found = engines.alone_and_prepared({"backend": "tensorrt"}, SMALL, 1)
    assert set(found) == {"why_not"}
    assert found["why_not"]


def test_in_a_station_a_verdict_takes_longer_than_its_inference() -> None:
    values = {"backend": "onnx", "threads": 1, "providers": ["CPU"]}
    found = engines.in_a_station(values, SMALL, 15, 20.0)
    alone = engines.alone_and_prepared(values, SMALL, 15)
    assert alone["infer_p50_ms"] < found["station_p50_ms"] <= found["station_p99_ms"]
