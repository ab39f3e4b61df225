"""The reference model on parts that it has never seen: measured, not remembered."""

from __future__ import annotations

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import load_engine
from qc_edge.rendered import plan_series, render
from qc_edge.settings import EngineSettings
from qc_edge.vision.prepare import prepare


def test_the_reference_model_ranks_fresh_parts_by_defect(bundle: Bundle) -> None:
    engine = load_engine(bundle, EngineSettings(threads=1))
    plan = plan_series(seed=20_261_123, count=60, defect_share=0.5, fault_share=0.0)
    scores = np.array(
        [
            engine.infer(prepare(render(seed, defect).pixels)[None])[0].value
            for seed, defect, _ in plan
        ]
    )
    defective = np.array([defect is not None for _, defect, _ in plan])
    good, bad = scores[~defective], scores[defective]
    assert (bad[:, None] > good[None, :]).mean() + 0.5 * (
        bad[:, None] == good[None, :]
    ).mean() >= 0.98
    assert (good >= bundle.threshold).mean() <= 0.1
    assert (bad < bundle.threshold).mean() <= 0.1


def test_the_defect_map_lights_up_where_the_defect_is(bundle: Bundle) -> None:
    engine = load_engine(bundle, EngineSettings(threads=1))
    plan = plan_series(seed=77, count=10, defect_share=1.0, fault_share=0.0)
    hits = 0
    for seed, defect, _ in plan:
        part = render(seed, defect, severity=0.6)
        found = engine.infer(prepare(part.pixels)[None])[0].defect_map
        assert found is not None
        row, column = np.unravel_index(int(found.argmax()), found.shape)
        height, width = part.mask.shape
        rows = slice(max(0, (int(row) - 1) * height // 64), (int(row) + 2) * height // 64)
        columns = slice(max(0, (int(column) - 1) * width // 64), (int(column) + 2) * width // 64)
        hits += bool(part.mask[rows, columns].any())
    assert hits >= 9
