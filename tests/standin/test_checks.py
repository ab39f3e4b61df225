"""What `make gpu` tries on a GPU, tried on the stand-in: so that it works on the day when there is
a GPU.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from tests.standin.conftest import HostToolkit, HostWork, Library

pytestmark = [pytest.mark.standin, pytest.mark.serial]


@pytest.fixture
def subject(library: Library, bundle: Bundle, tmp_path: Path) -> Any:
    """As `make gpu` has TensorRT, but of 8 frames at a time: an engine begins in a third of the
    time.
    """
    from tests.gpu.subject import SETTINGS, Subject

    return Subject(
        "stand-in",
        bundle,
        lambda gpu: HostToolkit(gpu, library=library),  # type: ignore[arg-type]
        tmp_path / "plans",
        lambda plan, _size, _graph: HostWork(library, plan, bundle),
        SETTINGS.model_copy(update={"max_batch": 8}),
    )


def test_scores_are_those_of_onnx_runtime(subject: Any) -> None:
    from tests.gpu.checks import parity

    figures = parity(subject, 40)
    assert figures["batch_32"]["verdicts_turned"] == 0


def test_a_score_that_is_off_is_found(subject: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.gpu import checks
    from tests.gpu.subject import on_the_cpu, rendered

    scores, maps = on_the_cpu(subject.bundle, rendered(8))
    monkeypatch.setattr(checks, "on_the_cpu", lambda *_: (scores + 0.01, maps))
    with pytest.raises(checks.MissedError, match=r"scores are off by up to 0\.01"):
        checks.parity(subject, 8)
    monkeypatch.setattr(checks, "on_the_cpu", lambda *_: (scores, maps + 0.5 * np.ptp(maps)))
    with pytest.raises(checks.MissedError, match=r"maps are off by up to"):
        checks.parity(subject, 8)


def test_every_batch_is_timed_beside_the_bare_loop(
    subject: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.gpu import checks

    monkeypatch.setattr(checks, "ROUNDS", {1: 4, 8: 4})
    monkeypatch.setattr(checks, "SLACK", 1000.0)
    figures = checks.timing(subject)
    assert set(figures) == {"batch_1", "batch_8", "batch_1_graph", "batch_8_graph"}
    for each in figures.values():
        assert 0 < each["bare_p50_ms"] <= each["bare_p99_ms"]
        assert 0 < each["infer_p50_ms"] <= each["infer_p99_ms"]
        assert each["p50_ratio"] == each["infer_p50_ms"] / each["bare_p50_ms"]
    monkeypatch.setattr(checks, "SLACK", 0.0)
    monkeypatch.setattr(checks, "ROUNDS", {1: 2})
    with pytest.raises(checks.MissedError, match="batch_1_graph") as raised:
        checks.timing(subject)
    assert set(raised.value.figures) == {"batch_1", "batch_1_graph"}, "it is kept all the same"


def test_the_figures_are_kept_after_every_check_and_a_failure_stops_no_other(
    tmp_path: Path,
) -> None:
    from tests.gpu.checks import MissedError
    from tests.gpu.record import Record

    path = tmp_path / "gpu.json"
    result: dict[str, Any] = {"subjects": {}, "failed": 0}
    record = Record(result, path)

    def misses() -> None:
        assert json.loads(path.read_text())["running"] == "small: timing"
        raise MissedError("too slow", {"p50": 2.0})

    record.try_out("small: timing", result["subjects"], "timing", misses)
    record.try_out("small: copies", result["subjects"], "copies", lambda: {"gb_s": 20.0})
    kept = json.loads(path.read_text())
    assert kept == {
        "subjects": {
            "timing": {"failed": "MissedError: too slow", "p50": 2.0},
            "copies": {"gb_s": 20.0},
        },
        "failed": 1,
    }


def test_copies_and_memory(subject: Any) -> None:
    from tests.gpu.checks import copies, memory

    assert copies(subject)["up_32_gb_s"] > 0
    figures = memory(subject, engines=3)
    assert 2 < figures["engine_mb"] < 4, "the buffers of 8 frames"
    assert figures["left_mb"] == 0


def test_plans_are_built_once_and_damaged_ones_anew(subject: Any) -> None:
    from tests.gpu.checks import builds
    from tests.gpu.faults import plans

    figures = builds(subject)
    assert figures["device"] == "Stand-in, compute capability 8.9, driver CUDA 13.0"
    assert figures["plan_bytes"] > 100_000
    assert set(plans(subject)) == {"torn", "emptied", "refused by the runtime"}


def test_station_and_soak(subject: Any) -> None:
    from tests.gpu.checks import soak, station

    assert station(subject, 12)["engine"] == "stand-in"
    assert soak(subject, 0.5)["frames"] > 0
