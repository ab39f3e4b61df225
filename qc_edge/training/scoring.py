"""Pictures of a dataset scored by a bundle: prepared as its model wants them, then one by one."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from qc_edge.analysis.scoring import ScoringProgress
from qc_edge.bundles.bundle import Bundle
from qc_edge.dataset.item import DatasetItem
from qc_edge.engine import DefectMap, Engine, Prepared
from qc_edge.errors import EngineError
from qc_edge.query.evidence import PIXELS_MAX, inspected_picture
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.gates import GateFigures, measure_figures
from qc_edge.vision.image import Image, decode
from qc_edge.vision.prepare import PrepareParameters, prepare

_FAILURES = 5
"""In a row: then the model fails on all."""


@dataclass(frozen=True, slots=True, eq=False)
class ScoredItem:
    """A picture with what the model says of it: the score in 0..1, the map if it gives one.

    `statistics` are those of `baseline.STATISTICS`, of the prepared picture.
    """

    item: DatasetItem
    score: float
    defect_map: DefectMap | None
    predicted: str | None
    statistics: tuple[float, ...]
    sees_whole: bool
    """The model saw the whole picture, so that its map lies over it; not a station's region."""
    pixels: str | None
    """The digest of the raw picture's pixels."""

    @property
    def is_bad(self) -> bool:
        """What people say."""
        return self.item.truth == "defect"


@dataclass(slots=True)
class ScoredItems:
    """What was scored, what was not by the reason in words, and the times of inference (ms)."""

    items: list[ScoredItem] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    times_ms: list[float] = field(default_factory=list)


def score_items(
    bundle: Bundle, engine: Engine, items: Sequence[DatasetItem], progress: ScoringProgress
) -> ScoredItems:
    """Score the pictures one by one. Raises EngineError if the model fails on several in a row."""
    found, failures = ScoredItems(), 0
    progress.start(bundle.reference, len(items))
    for item in items:
        progress.advance()
        picture = prepared_for(bundle, item)
        if isinstance(picture, str):
            found.skipped[picture] += 1
            continue
        prepared = picture.pixels
        begun = time.perf_counter()
        try:
            score = engine.infer(prepared[None])[0]
        except EngineError:
            failures += 1
            if failures >= _FAILURES:
                raise
            found.skipped["the model failed"] += 1
            continue
        found.times_ms.append((time.perf_counter() - begun) * 1e3)
        failures = 0
        if not 0.0 <= score.value <= 1.0:  # NaN too
            found.skipped[score.detail or f"the score is {score.value:g}, not in 0..1"] += 1
            continue
        plane = None if score.defect_map is None else np.array(score.defect_map)
        found.items.append(
            ScoredItem(
                item,
                score.value,
                plane,
                score.defect_class,
                statistics_of(prepared),
                picture.sees_whole,
                picture.raw_sha256,
            )
        )
    return found


@dataclass(frozen=True, slots=True, eq=False)
class PreparedItem:
    """A picture as a model takes it (one frame), and what it was made of."""

    pixels: Prepared
    sees_whole: bool
    raw_sha256: str | None
    raw_shape: tuple[int, ...] = ()
    figures: GateFigures | None = None


def prepared_for(bundle: Bundle, item: DatasetItem) -> PreparedItem | str:
    """The picture as the bundle's model takes it, or in words why it cannot be had.

    What a station has prepared is taken where the model takes such inputs: it is what was judged.
    """
    identity = item.about.get("preprocess_id")
    if item.prepared is not None and identity and bundle.takes(identity):
        found = _read(item.prepared)
        if not isinstance(found, str) and found.pixels.shape == bundle.input_shape:
            pixels = np.asarray(found.pixels, np.uint8)
            return PreparedItem(pixels, "-roi" not in identity, item.pixels)
    return prepared_anew(item, bundle.parameters())


def prepared_anew(
    item: DatasetItem, parameters: PrepareParameters, *, measured: bool = False
) -> PreparedItem | str:
    """The raw picture prepared with these parameters, or in words why it cannot be had; with what
    gates measure of it if asked.
    """
    identity = item.about.get("preprocess_id")
    image = _read(item.image)
    if isinstance(image, str):
        return image
    picture = inspected_picture(
        image,
        item.about.get("pixel_format"),
        item.about.get("bit_depth"),
        own=bool(identity),
        colour=parameters.colour,
    )
    return PreparedItem(
        prepare(picture, parameters),
        sees_whole=True,
        raw_sha256=image.sha256,
        raw_shape=image.pixels.shape,
        figures=measure_figures(image.gray, image.gray, None) if measured else None,
    )


def statistics_of(prepared: Prepared) -> tuple[float, ...]:
    """Brightness, contrast, and the mean gradient in both directions over the brightness: figures
    that no model is needed for.
    """
    gray = prepared.mean(axis=2) if prepared.ndim == 3 else prepared.astype(np.float64)
    brightness = float(gray.mean())
    across = float(np.abs(np.diff(gray, axis=1)).mean()) / (brightness + 1.0)
    down = float(np.abs(np.diff(gray, axis=0)).mean()) / (brightness + 1.0)
    return brightness, float(gray.std()), across, down


def _read(path: Path) -> Image | str:
    try:
        return decode(path.read_bytes(), max_pixels=PIXELS_MAX)
    except (OSError, UnreadableFrameError):
        return "the picture does not read"
