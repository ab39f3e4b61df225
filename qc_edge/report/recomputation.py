"""The defect map of a part that has none on record, computed again for a report.

The station keeps a map only of what FAILs or nearly does. The model's input is kept, or can be made
again, and the bundle that judged may be installed still: then its model says once more what it saw.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.domain.inspection import Inspection
from qc_edge.engine import Engine, load_engine
from qc_edge.errors import ModelError, QcEdgeError
from qc_edge.settings import EngineSettings, StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.vision.image import Colour, Gray

# The processor and not the engine of the settings: the line's GPU is the line's, and compiling a
# model for it would take minutes.
_ENGINE = EngineSettings(backend="onnx", threads=1)


@dataclass(frozen=True, slots=True, eq=False)
class RecomputedMap:
    """A defect map that is not on record, as the model computes it today.

    `levels` (h x w, uint8, 255 = surely defective) and `score` (0..1) are None where it could not
    be had, which `why_not` explains. `engine` computed it; `tolerance` is how far the bundle lets
    its scores move from one engine to another.
    """

    levels: Gray | None = None
    score: float | None = None
    engine: str = ""
    tolerance: float = 0.0
    why_not: str = ""

    def agrees_with(self, row: Inspection) -> bool | None:
        """Whether the score is that of the row, within the tolerance; None without a score."""
        if self.score is None or row.score is None:
            return None
        return abs(self.score - row.score) <= self.tolerance


class MapRecomputer(AbstractContextManager["MapRecomputer"]):
    """Computes maps with the bundles that judged, each loaded once. One thread."""

    def __init__(self, paths: StationPaths) -> None:
        self._search = [paths.models, shipped("models")]
        self._loaded: dict[str, tuple[Bundle, Engine]] = {}

    def __exit__(self, *_: object) -> None:
        for _bundle, engine in self._loaded.values():
            engine.close()

    def recompute(
        self, row: Inspection, model_input: Gray | Colour | None, why_not: str
    ) -> RecomputedMap:
        """The map of a scored `row` from its model's input (uint8), None with `why_not`."""
        if model_input is None:
            return RecomputedMap(why_not=why_not)
        try:
            bundle, engine = self._load(row)
            if model_input.shape != bundle.input_shape:
                return RecomputedMap(why_not="the model takes another size")
            (score,) = engine.infer(model_input[None])
        except QcEdgeError as fault:
            return RecomputedMap(why_not=" ".join(fault.message.split()))
        info = engine.info
        engine_name = f"{info.backend} {info.version} on {info.device}"
        if score.defect_map is None:
            why_not = "the model gives no map"
            return RecomputedMap(None, float(score.value), engine_name, bundle.tolerance, why_not)
        levels = np.rint(np.clip(score.defect_map, 0.0, 1.0) * 255).astype(np.uint8)
        return RecomputedMap(levels, float(score.value), engine_name, bundle.tolerance)

    def _load(self, row: Inspection) -> tuple[Bundle, Engine]:
        reference = f"{row.model_name}@{row.model_version}"
        if reference not in self._loaded:
            bundle = load_bundle(reference, self._search)
            if bundle.sha256 != row.model_sha256:
                raise ModelError(
                    f"the installed {reference} has sha256 {bundle.sha256[:12]}, "
                    f"{row.model_sha256[:12]} judged"
                )
            self._loaded[reference] = bundle, load_engine(bundle, _ENGINE)
        return self._loaded[reference]
