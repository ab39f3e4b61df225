"""A model tried on samples in a bundle that is gone afterwards."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from qc_edge.bundles.bundle import open_bundle
from qc_edge.dataset.item import DatasetItem
from qc_edge.engine import Engine, Score, load_engine
from qc_edge.errors import UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import EngineSettings
from qc_edge.training.bundle_files import BundleContent, GoldenSample, write_bundle
from qc_edge.training.model_plan import ModelPlan
from qc_edge.training.scoring import PreparedItem, prepared_for


@dataclass(frozen=True, slots=True)
class AdapterTrial:
    """How well a model tells the samples apart with an adapter of these `values`, and in words how
    they were found.
    """

    auc: float
    values: Mapping[str, Any]
    found: tuple[str, ...]


def scored_samples(
    model: bytes,
    plan: ModelPlan,
    adapter: Mapping[str, Any],
    samples: Sequence[DatasetItem],
    *,
    stretched: bool,
) -> list[tuple[bool, Score]]:
    """Truth (is it bad) and score of each sample that reads. Raises UsageError if none does."""
    with trial_engine(model, plan, adapter, stretched=stretched) as (engine, prepare):
        scored = []
        for item in samples:
            prepared = prepare(item)
            if not isinstance(prepared, str):
                scored.append((item.truth == "defect", engine.infer(prepared.pixels[None])[0]))
    if not scored:
        raise UsageError("none of the samples could be read", hint="PNG, JPEG, TIFF, BMP, PGM, PPM")
    return scored


@contextmanager
def trial_engine(
    model: bytes, plan: ModelPlan, adapter: Mapping[str, Any], *, stretched: bool
) -> Iterator[tuple[Engine, Callable[[DatasetItem], PreparedItem | str]]]:
    """An engine with the model in a bundle that is gone afterwards, and what prepares pictures for
    it. Raises ModelError with the reason for which a station would refuse it.
    """
    content = BundleContent(
        "trial", "0", "trial", utc_now().date(), "a trial", "none", adapter, stretched=stretched
    )
    with tempfile.TemporaryDirectory(prefix="qc-edge-pack-") as directory:
        shape = (plan.height, plan.width, 3) if plan.colour else (plan.height, plan.width)
        classes = dict.fromkeys(adapter.get("classes", ()), 0.0)
        score = Score(0.0, None, classes)
        plain = GoldenSample("plain.png", "plain", np.zeros(shape, np.uint8), score)
        write_bundle(Path(directory), model, plan, content, [plain], "trial")
        bundle = open_bundle(Path(directory))
        engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1))

        def prepare(item: DatasetItem) -> PreparedItem | str:
            return prepared_for(bundle, item)

        try:
            yield engine, prepare
        finally:
            engine.close()
