"""How a model file is asked, as far as its tensors say: layout, size, and which output is the
score.

What tensors do not say, the normalisation and the classes, is for samples to find or a person to
say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from qc_edge.bundles.adapter import Layout
from qc_edge.engine.onnx import ModelTensor
from qc_edge.errors import ModelError, UsageError
from qc_edge.training.output_kinds import (
    READABLE,
    ScoreKind,
    kind_of,
    patch_count,
    patch_outputs,
    sides_of,
)

KINDS: dict[str, ScoreKind] = {
    "classifier": "classes",
    "score": "value",
    "map": "map",
    "patches": "patches",
}
"""What `--adapter` says -> what the manifest calls it."""

_TYPES: dict[str, Literal["uint8", "float32"]] = {
    "tensor(uint8)": "uint8",
    "tensor(float)": "float32",
}
_SCORES: tuple[ScoreKind, ...] = ("classes", "value")


@dataclass(frozen=True, slots=True)
class ModelPlan:
    """What the tensors say. `classes` is how many the score's output has, 0 if it has none;
    `batch` is 1 if the model takes one frame at a time. `patches` is how many values of a picture
    the score is made of, 0 if it is no score of patches.
    """

    input: str
    dtype: Literal["uint8", "float32"]
    layout: Layout
    height: int
    width: int
    colour: bool
    batch: Literal[1] | None
    score: ScoreKind
    score_output: str | None
    classes: int
    map_output: str | None
    map_shape: tuple[int, int] | None
    patches: int = 0

    @property
    def preprocess(self) -> str:
        """The name of the preprocessing, without a stretch."""
        size = f"{self.width}" + (f"x{self.height}" if self.height != self.width else "")
        return f"{'rgb' if self.colour else 'gray'}{size}"


def plan_model(
    inputs: Sequence[ModelTensor],
    outputs: Sequence[ModelTensor],
    adapter: str | None,
    output: str | None,
) -> ModelPlan:
    """What the tensors say, with what a person has said. Raises ModelError for a model that no
    station can ask, UsageError where a person has to choose.
    """
    if len(inputs) != 1:
        listed = ", ".join(map(str, inputs)) or "none"
        raise ModelError(
            f"the model has {len(inputs)} inputs ({listed}), expected one picture",
            hint="export it with everything else fixed",
        )
    taken = inputs[0]
    if taken.kind not in _TYPES:
        raise ModelError(
            f"the input {taken} is neither uint8 nor float32", hint="export it in one of these"
        )
    layout, height, width, channels = _layout(taken)
    if adapter == "patches":
        kind, scored, plane = patch_outputs(outputs, output)
    else:
        kind, scored, plane = _outputs(outputs, KINDS[adapter] if adapter else None, output)
    of_patches = (scored or plane) if kind == "patches" else None
    return ModelPlan(
        input=taken.name,
        dtype=_TYPES[taken.kind],
        layout=layout,
        height=height,
        width=width,
        colour=channels == 3,
        batch=_batch(taken),
        score=kind,
        score_output=scored.name if scored else None,
        classes=int(scored.shape[1] or 0) if scored and kind == "classes" else 0,
        map_output=plane.name if plane else None,
        map_shape=sides_of(plane) if plane else None,
        patches=patch_count(of_patches) if of_patches else 0,
    )


def _layout(taken: ModelTensor) -> tuple[Layout, int, int, int]:
    """Layout, height, width and channels. Raises ModelError."""
    shape = taken.shape
    layout: Layout
    if len(shape) == 3:
        layout = "NHW"
        height, width, channels = shape[1], shape[2], 1
    elif len(shape) == 4 and shape[1] in {1, 3}:
        layout = "NCHW"
        channels, height, width = shape[1] or 1, shape[2], shape[3]
    elif len(shape) == 4 and shape[3] in {1, 3}:
        layout = "NHWC"
        height, width, channels = shape[1], shape[2], shape[3] or 1
    else:
        raise ModelError(
            f"the input {taken} is no picture",
            hint="expected [N, 3, H, W], [N, H, W, 3], one channel likewise, or [N, H, W]",
        )
    if height is None or width is None:
        raise ModelError(
            f"the input {taken} has no fixed size",
            hint="export it for the size that it was trained with: scores depend on it",
        )
    return layout, height, width, channels


def _batch(taken: ModelTensor) -> Literal[1] | None:
    if taken.shape[0] is None:
        return None
    if taken.shape[0] == 1:
        return 1
    raise ModelError(
        f"the input {taken} takes {taken.shape[0]} frames at once, a station has one",
        hint="export it with a batch of 1, or of any size",
    )


def _outputs(
    outputs: Sequence[ModelTensor], wanted: ScoreKind | None, name: str | None
) -> tuple[ScoreKind, ModelTensor | None, ModelTensor | None]:
    """What the score is, the output that it comes from (None: the map) and the map."""
    listed = ", ".join(map(str, outputs))
    of_kind: dict[ScoreKind, list[ModelTensor]] = {"value": [], "classes": [], "map": []}
    for tensor in outputs:
        if (kind := kind_of(tensor)) is not None:
            of_kind[kind].append(tensor)
    if name is not None and name not in {tensor.name for tensor in outputs}:
        raise UsageError(f"the model has no output {name!r}", hint=f"it has {listed}")
    scores = [each for each in _SCORES if of_kind[each]]
    if name is not None and wanted is None:
        named = next(tensor for tensor in outputs if tensor.name == name)
        wanted = kind_of(named)
        if wanted is None:
            raise ModelError(f"the output {named} can be no score", hint=READABLE)
    kind = wanted or (scores[0] if len(scores) == 1 else None if scores else "map")
    if kind is None:
        raise UsageError(
            f"the model has several outputs that could be the score: {listed}",
            hint="say which: --adapter classifier, score or map; or --output NAME",
        )
    if not of_kind[kind]:
        raise ModelError(
            f"none of the model's outputs can be read as {kind}: {listed}",
            hint=READABLE,
        )
    chosen = [tensor for tensor in of_kind[kind] if name in {None, tensor.name}]
    if len(chosen) != 1:
        raise UsageError(
            f"the model has {len(of_kind[kind])} outputs that could be the {kind}: {listed}",
            hint="say which: --output NAME",
        )
    if kind == "map":
        return kind, None, chosen[0]
    return kind, chosen[0], of_kind["map"][0] if len(of_kind["map"]) == 1 else None
