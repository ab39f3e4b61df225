"""What every engine promises, whichever it is."""

from __future__ import annotations

import numpy as np
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.golden import coarse_maxima
from qc_edge.engine import BACKENDS, Engine, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError
from qc_edge.settings import EngineSettings
from tests.engine.conftest import loaded_here


def test_an_engine_passes_the_self_test_of_its_bundle(engine: Engine, bundle: Bundle) -> None:
    self_test(engine, bundle)


def test_an_engine_scores_a_batch_in_order(engine: Engine, bundle: Bundle) -> None:
    frames = bundle.golden_frames
    scores = engine.infer(np.concatenate([frame.prepared for frame in frames]))
    assert [score.value for score in scores] == pytest.approx(
        [f.score for f in frames], abs=bundle.tolerance
    )


def test_a_defect_map_is_a_plane_of_shares(engine: Engine, bundle: Bundle) -> None:
    for frame in bundle.golden_frames:
        found = engine.infer(frame.prepared)[0].defect_map
        assert found is not None
        assert found.dtype == np.float32
        assert found.shape == bundle.manifest.outputs.map_shape
        assert 0 <= found.min() <= found.max() <= 1
        assert coarse_maxima(found, 8) == pytest.approx(frame.map_coarse, abs=bundle.tolerance)


def test_no_frames_give_no_scores(engine: Engine) -> None:
    assert engine.infer(np.empty((0, 512, 512), np.uint8)) == []


def test_a_closed_engine_says_so(engine: Engine, bundle: Bundle) -> None:
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        engine.infer(bundle.golden_frames[0].prepared)


@pytest.mark.parametrize("backend", sorted(BACKENDS))
def test_an_engine_says_that_the_settings_name_it(backend: str, bundle: Bundle) -> None:
    info = loaded_here(backend, bundle).info
    assert info.reason.startswith(f"{backend}: the settings name it")


def test_auto_says_why_it_took_what_it_took(bundle: Bundle) -> None:
    info = load_engine(bundle, EngineSettings(backend="auto", threads=2)).info
    assert info.backend == "onnx-cpu"
    assert info.reason.startswith("auto: onnx")
    assert info.reason.endswith("; 2 threads")
