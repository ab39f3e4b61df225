"""The pictures that a training learns from: prepared once, with the marks of people on a grid."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from qc_edge.dataset.item import DatasetItem
from qc_edge.engine import Prepared
from qc_edge.errors import UsageError
from qc_edge.query.evidence import PIXELS_MAX
from qc_edge.training.scoring import PreparedItem, prepared_anew
from qc_edge.vision import UnreadableFrameError, formats
from qc_edge.vision.gates import GateFigures
from qc_edge.vision.image import decode
from qc_edge.vision.prepare import PrepareParameters, prepare

GRID = 16
"""Pixels of the prepared picture to a cell of the marks, and of the map."""

_STEP, _SHORT, _SQUARE = 32, 224, 256
_ALIKE = 1.1
"""Pictures whose sides' ratio differs by less than this factor have one form."""

_SHAPES_READ = 60

Marks = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LearningPicture:
    """A picture with its truth: `pixels` uint8 of the training's size, `marks` the share (0..1) of
    each cell that a person has marked, None where nobody has.
    """

    item: DatasetItem
    pixels: Prepared
    marks: Marks | None
    raw_sha256: str | None
    shape: tuple[int, ...]
    figures: GateFigures | None = None

    @property
    def is_bad(self) -> bool:
        """What people say."""
        return self.item.truth == "defect"


@dataclass(slots=True)
class LearningPictures:
    """What is learnt from, in the order of names, and in words what was left out or changed."""

    pictures: list[LearningPicture]
    notes: list[str]
    size: tuple[int, int]


def proposed_size(items: Sequence[DatasetItem]) -> tuple[int, int]:
    """Height and width of the input: 256 x 256, or of the pictures' form where they are long and
    all of one form; sides are multiples of 32.
    """
    ratios = sorted(
        width / height
        for width, height in map(_sides, items[:: 1 + len(items) // _SHAPES_READ])
        if height
    )
    if not ratios or ratios[-1] > ratios[0] * _ALIKE:
        return _SQUARE, _SQUARE
    middle = ratios[len(ratios) // 2]
    stretch = max(middle, 1 / middle)
    if stretch < 4 / 3:
        return _SQUARE, _SQUARE
    longer = _STEP * round(min(stretch, 4.0) * _SHORT / _STEP)
    return (_SHORT, longer) if middle > 1 else (longer, _SHORT)


def learning_pictures(
    items: Sequence[DatasetItem], size: tuple[int, int], advance: Callable[[], None]
) -> LearningPictures:
    """All that have a truth and read. Raises UsageError for masks that are not their picture's."""
    parameters = PrepareParameters(size[1], size[0], normalise=False)
    found, notes = list[LearningPicture](), list[str]()
    skipped, odd_masks = Counter[str](), list[str]()
    for item in sorted(items, key=lambda each: each.name):
        prepared, shape = _prepared(item, parameters)
        advance()
        if isinstance(prepared, str):
            skipped[prepared] += 1
            continue
        marks = None
        if item.truth == "defect" and item.mask is not None and prepared.sees_whole:
            mask = cv2.imread(str(item.mask), cv2.IMREAD_GRAYSCALE)
            if mask is None or mask.shape != shape[:2]:
                given = "does not read" if mask is None else f"{mask.shape[1]} x {mask.shape[0]}"
                odd_masks.append(f"{item.name} ({given}, the picture {shape[1]} x {shape[0]})")
                continue
            marks = on_grid(mask, size) if mask.any() else None
        found.append(
            LearningPicture(
                item, prepared.pixels, marks, prepared.raw_sha256, shape, prepared.figures
            )
        )
    if odd_masks:
        raise UsageError(
            f"{len(odd_masks)} masks are not of their picture's size: " + ", ".join(odd_masks[:3]),
            hint="qc-edge dataset check lists them all; export the masks again, or remove them",
        )
    notes += [f"{count:,} pictures are left out: {why}" for why, count in skipped.items()]
    notes += _kinds(found)
    return LearningPictures(_without_contradictions(found, notes), notes, size)


def _prepared(
    item: DatasetItem, parameters: PrepareParameters
) -> tuple[PreparedItem | str, tuple[int, ...]]:
    """Where a station has cut a region out, the cut is what a model will see: its prepared picture
    is taken instead of the raw one.
    """
    identity = str(item.about.get("preprocess_id") or "")
    if "-roi" in identity and item.prepared is not None:
        try:
            image = decode(item.prepared.read_bytes(), max_pixels=PIXELS_MAX)
        except (OSError, UnreadableFrameError):
            return "the picture does not read", (0, 0)
        pixels = np.asarray(prepare(image.gray, parameters), np.uint8)
        return PreparedItem(pixels, False, item.pixels), image.pixels.shape
    prepared = prepared_anew(item, parameters, measured=True)
    if isinstance(prepared, str):
        return prepared, (0, 0)
    return prepared, prepared.raw_shape


def on_grid(mask: npt.NDArray[np.generic], size: tuple[int, int]) -> Marks:
    """The share of each cell that is marked; a mark that is smaller than a cell keeps its share."""
    marked = (np.asarray(mask) > 0).astype(np.float32)
    cells = size[1] // GRID, size[0] // GRID
    return np.asarray(cv2.resize(marked, cells, interpolation=cv2.INTER_AREA), np.float32)


def _kinds(found: Sequence[LearningPicture]) -> list[str]:
    notes = []
    colour = sum(len(each.shape) == 3 for each in found)
    if colour:
        notes.append(f"{colour:,} pictures are in colour: the model sees them in gray")
    if any("-roi" in str(each.item.about.get("preprocess_id") or "") for each in found):
        notes.append("a station's region is learnt as it was cut out; masks are not used there")
    return notes


def _without_contradictions(
    found: list[LearningPicture], notes: list[str]
) -> list[LearningPicture]:
    """Without the pictures whose very pixels are labelled both ways: nobody knows their truth."""
    said: dict[str, set[bool]] = {}
    for each in found:
        said.setdefault(each.raw_sha256 or each.item.name, set()).add(each.is_bad)
    at_odds = {digest for digest, truths in said.items() if len(truths) > 1}
    if not at_odds:
        return found
    kept = [each for each in found if (each.raw_sha256 or each.item.name) not in at_odds]
    notes.append(
        f"{len(found) - len(kept):,} pictures are left out: the same pixels are labelled both good "
        "and defect (qc-edge dataset check names them)"
    )
    return kept


def _sides(item: DatasetItem) -> tuple[int, int]:
    try:
        header = formats.examine(item.image.read_bytes())
    except (OSError, UnreadableFrameError):
        return 0, 0
    return header.width, header.height
