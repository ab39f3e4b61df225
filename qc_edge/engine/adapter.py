"""Between prepared frames and a model: the tensor that it takes, the scores that its outputs mean.

By what the bundle's manifest declares, the same for every engine. Pure; never runs the model.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.bundles.adapter import AdapterSection
from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.patches import logistic, mean_of_highest, on_scale
from qc_edge.engine import DefectMap, Prepared, Score
from qc_edge.errors import EngineError

_SUM_TOLERANCE = 1e-3
"""How far the class scores of a model that gives shares may be from adding up to 1."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """A tensor as the manifest describes it: its name, its type, and the shapes that one frame's
    part may have, without the batch.
    """

    name: str
    dtype: type[np.generic]
    shapes: tuple[tuple[int, ...], ...]


class Adapter:
    """What a bundle declares, as arrays. Safe from any thread.

    `input` and `outputs` are the tensors that the model must have, `batch` is 1 if it takes one
    frame at a time, else None.
    """

    def __init__(self, bundle: Bundle) -> None:
        manifest = bundle.manifest
        self._section = manifest.adapter
        self._shape = bundle.input_shape
        self.batch = self._section.batch if self._section else None
        dtype: type[np.generic] = np.uint8 if manifest.input.dtype == "uint8" else np.float32
        self.input = TensorSpec(manifest.input.name, dtype, (self._tensor_shape(),))
        self._score, self._map = manifest.outputs.score, manifest.outputs.defect_map
        self._map_shape = manifest.outputs.map_shape
        self.outputs = tuple(self._outputs())
        self._table = self._normalising(bundle)

    @property
    def tensor_shape(self) -> tuple[int, ...]:
        """Of one frame's tensor."""
        return self.input.shapes[0]

    def tensor(self, prepared: Prepared) -> npt.NDArray[Any]:
        """The model's input for the frames, C-contiguous. Raises EngineError if they are not
        prepared as this bundle wants them.
        """
        if prepared.shape[1:] != self._shape or prepared.dtype != np.uint8:
            raise EngineError(
                f"prepared frames are {prepared.dtype} {prepared.shape}, expected uint8 (N, "
                f"{', '.join(map(str, self._shape))})",
                hint="the model of this bundle needs its own preprocessing",
            )
        values: npt.NDArray[Any] = prepared
        if self._table is not None:
            # From a table, so that every value is rounded once, and the same on every machine.
            if len(self._table) == 1:
                values = self._table[0][prepared]
            else:
                channels = enumerate(self._table)
                values = np.stack([table[prepared[..., n]] for n, table in channels], axis=-1)
        if prepared.ndim == 4 and self._section is not None and self._section.layout == "NCHW":
            values = np.moveaxis(values, -1, 1)
        return np.ascontiguousarray(values.reshape(len(prepared), *self.tensor_shape))

    def scores(self, outputs: Mapping[str, npt.NDArray[Any]]) -> list[Score]:
        """One Score a frame from the outputs, by their names. The maps are views of `outputs`."""
        maps = None if self._map is None else self._maps(outputs[self._map])
        if self._section is None:
            assert self._score is not None and maps is not None  # noqa: S101 (manifest's rules)
            pairs = zip(outputs[self._score].reshape(-1).tolist(), maps, strict=True)
            return [Score(value, defect_map) for value, defect_map in pairs]
        if self._section.score == "patches":
            patches = outputs[self._score or self._map or ""].astype(np.float64)
            made = [self._of_patches(row) for row in patches]
        elif self._score is None:
            assert maps is not None  # noqa: S101
            made = [Score(float(plane.max())) for plane in maps]
        else:
            made = self._of_rows(outputs[self._score])
        if maps is None:
            return made
        return [
            Score(one.value, plane, one.class_scores, one.defect_class, one.detail)
            for one, plane in zip(made, maps, strict=True)
        ]

    def _of_rows(self, raw: npt.NDArray[Any]) -> list[Score]:
        assert self._section is not None  # noqa: S101
        rows = raw.astype(np.float64)
        rows = rows.reshape(len(rows), -1)
        if self._section.score == "classes":
            return [self._of_classes(row) for row in rows]
        return [Score(self._activated(row).item()) for row in rows]

    def _of_patches(self, patches: Floats) -> Score:
        section = self._section
        assert section is not None  # noqa: S101
        highest = np.array([mean_of_highest(patches, section.top)])
        return Score(on_scale(highest, section).item())

    def score_of(self, value: float, defect_map: DefectMap | None) -> Score:
        """A Score that says `value` of a frame, as this model would give it: what it is not in
        classes goes to the first good one, the rest to the first that is not.
        """
        plane = defect_map if self._map is not None else None
        if self._section is None or not self._section.classes:
            return Score(value, plane)
        bad = next(name for name in self._section.classes if name not in self._section.good)
        shares = dict.fromkeys(self._section.classes, 0.0)
        shares |= {self._section.good[0]: 1.0 - value, bad: value}
        return Score(value, plane, shares, bad)

    def surest_defect(self, by_class: Mapping[str, float]) -> str | None:
        """The class with the highest score of those that are not good, None without classes."""
        good = self._section.good if self._section else ()
        bad = [name for name in by_class if name not in good]
        return max(bad, key=by_class.__getitem__, default=None)

    def _of_classes(self, row: Floats) -> Score:
        section = self._section
        assert section is not None  # noqa: S101
        shares = _softmax(row) if section.activation == "softmax" else row
        if (detail := _doubt(shares)) is not None:
            return Score(float("nan"), detail=detail)
        by_class = dict(zip(section.classes, shares.tolist(), strict=True))
        good = sum(by_class[name] for name in section.good)
        # Rounding may leave the sum of the good ones a little outside.
        value = min(max(1.0 - good, 0.0), 1.0)
        return Score(value, None, by_class, self.surest_defect(by_class))

    def _activated(self, values: Floats) -> Floats:
        assert self._section is not None  # noqa: S101
        if self._section.score == "patches":
            return on_scale(values, self._section)
        return logistic(values) if self._section.activation == "sigmoid" else values

    def _maps(self, raw: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
        assert self._map_shape is not None  # noqa: S101
        planes = raw.reshape(len(raw), *self._map_shape)
        if self._score is None:
            planes = self._activated(planes.astype(np.float64)).astype(np.float32)
        return planes

    def _tensor_shape(self) -> tuple[int, ...]:
        if self._section is None or self._section.layout == "NHW":
            return self._shape
        height, width, *channels = (*self._shape, 1) if len(self._shape) == 2 else self._shape
        if self._section.layout == "NCHW":
            return (*channels, height, width)
        return (height, width, *channels)

    def _outputs(self) -> list[TensorSpec]:
        specs = []
        if self._score is not None:
            shapes: tuple[tuple[int, ...], ...] = ((),)
            if self._section is not None:
                shapes = _score_shapes(self._section)
            specs.append(TensorSpec(self._score, np.float32, shapes))
        if self._map is not None and self._map_shape is not None:
            shapes = (self._map_shape,)
            if self._section is not None:
                shapes = (self._map_shape, (1, *self._map_shape))
            specs.append(TensorSpec(self._map, np.float32, shapes))
        return specs

    def _normalising(self, bundle: Bundle) -> list[npt.NDArray[np.float32]] | None:
        """What each pixel value 0..255 becomes, for each channel; None where it stays."""
        if self._section is None or self.input.dtype is np.uint8:
            return None
        values = np.arange(256) * self._section.scale
        return [
            ((values - mean) / std).astype(np.float32)
            for mean, std in self._section.channels(bundle.parameters())
        ]


def _score_shapes(section: AdapterSection) -> tuple[tuple[int, ...], ...]:
    """That outputs.score may have, without the batch."""
    if section.score == "classes":
        return ((len(section.classes),),)
    if section.score == "patches":
        return ((section.patches or 0,), (section.patches or 0, 1))
    return ((), (1,))


def _softmax(row: Floats) -> Floats:
    raised = np.exp(row - row.max())
    return np.asarray(raised / raised.sum(), np.float64)


def _doubt(shares: Floats) -> str | None:
    """Why these are no scores of classes, None if they are."""
    if not np.isfinite(shares).all():
        return "the model returned class scores that are no finite numbers"
    if shares.min() < 0.0 or shares.max() > 1.0 + _SUM_TOLERANCE:
        return f"the model returned class scores of {shares.min():g} to {shares.max():g}, not 0..1"
    if abs((total := float(shares.sum())) - 1.0) > _SUM_TOLERANCE:
        return f"the model returned class scores that add up to {total:.4f}, expected 1"
    return None
