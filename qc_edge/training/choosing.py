"""What a bundle is made of that samples tell: golden frames, threshold, review band.

Chooses and measures; writes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from qc_edge.analysis.label_outcome import Costs
from qc_edge.analysis.operating_curve import cheapest_threshold
from qc_edge.bundles.bundle import Bundle
from qc_edge.dataset.item import DatasetItem
from qc_edge.domain.history import LabelledPart
from qc_edge.engine import Engine, Score, load_engine
from qc_edge.settings import EngineSettings
from qc_edge.training.bundle_files import GoldenSample
from qc_edge.training.scoring import PreparedItem, ScoredItem, prepared_for

_GOLDEN_CLASSES = 4

_BAND = (0.02, 0.3)
_BAND_SHARE = 0.1
"""So many of the samples, the nearest to the threshold, are in the review band."""


def propose_threshold(items: Sequence[ScoredItem], escape_cost: float) -> tuple[float, float]:
    """The threshold with the cheapest errors among these, where an escape costs so many good parts,
    and a review band round it.
    """
    labelled = [LabelledPart(each.item.name, each.score, "", each.is_bad) for each in items]
    found = cheapest_threshold(labelled, Costs(escape=escape_cost, overkill=1.0))
    scores = np.array([each.score for each in items])
    threshold = 0.5 if found is None else found
    rounded = round(threshold, 6)
    if np.array_equal(scores >= rounded, scores >= threshold):  # else it turns a sample over
        threshold = rounded
    distances = np.abs(scores - threshold)
    return threshold, round(float(np.clip(np.quantile(distances, _BAND_SHARE), *_BAND)), 4)


def golden_frames(
    bundle: Bundle, items: Sequence[ScoredItem], threshold: float
) -> tuple[list[GoldenSample], float]:
    """The golden frames with their scores, and by how much those move with other threads."""
    chosen = list(dict.fromkeys(each.item.name for each in _golden_items(items)))
    by_name = {each.item.name: each for each in items}
    one, two = onnx_engine(bundle, 1), onnx_engine(bundle, 2)
    golden, moved = list[GoldenSample](), 0.0
    try:
        for number, name in enumerate(chosen):
            item = by_name[name].item
            prepared = prepared_for(bundle, item)
            assert isinstance(prepared, PreparedItem)  # noqa: S101 - it was scored before
            score = one.infer(prepared.pixels[None])[0]
            other = two.infer(prepared.pixels[None])[0]
            moved = max(moved, abs(score.value - other.value))
            near = abs(score.value - threshold) <= _BAND[0]
            shows = item.class_name + (", near the threshold" if near else "")
            file = f"{number:02}-{item.truth}.png"
            golden.append(GoldenSample(file, shows, prepared.pixels, _own(score)))
    finally:
        one.close()
        two.close()
    return golden, moved


def _golden_items(items: Sequence[ScoredItem]) -> Iterator[ScoredItem]:
    """The surest and the least sure of both kinds, the middle one, and one of each class."""
    for is_bad in (False, True):
        kind = sorted(
            (each for each in items if each.is_bad == is_bad),
            key=lambda each: (each.score, each.item.name),
        )
        if kind:
            yield from (kind[0], kind[len(kind) // 2], kind[-1])
    classes = sorted({each.item.class_name for each in items if each.is_bad})
    for name in classes[:_GOLDEN_CLASSES]:
        yield max(
            (each for each in items if each.item.class_name == name), key=lambda each: each.score
        )


def _own(score: Score) -> Score:
    """A score whose map outlives the engine's next answer."""
    plane = None if score.defect_map is None else np.array(score.defect_map)
    return Score(score.value, plane, score.class_scores, score.defect_class)


def onnx_engine(bundle: Bundle, threads: int) -> Engine:
    """The bundle on the CPU, as every station has one."""
    return load_engine(bundle, EngineSettings(backend="onnx", threads=threads))


def some_of_each(samples: Sequence[DatasetItem], most: int) -> list[DatasetItem]:
    """At most that many good and as many bad ones, evenly spaced."""
    chosen = list[DatasetItem]()
    for truth in ("good", "defect"):
        kind = [item for item in samples if item.truth == truth]
        chosen += kind[:: 1 + (len(kind) - 1) // most] if kind else []
    return chosen
