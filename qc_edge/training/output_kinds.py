"""What an output of a model can be by its tensor: a score, classes, a map, scores of patches."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from qc_edge.engine.onnx import ModelTensor
from qc_edge.errors import ModelError, UsageError

ScoreKind = Literal["value", "classes", "map", "patches"]

READABLE = (
    "float32: [N] or [N, 1] is a score, [N, C] classes, [N, H, W] or [N, 1, H, W] a map, of fixed "
    "sizes; --adapter patches takes a map, [N, P] or [N, P, 1]"
)
_FLOAT = "tensor(float)"
_FEWEST_PATCHES = 4


def kind_of(tensor: ModelTensor) -> ScoreKind | None:
    """What it is taken for where nobody says that it has scores of patches."""
    shape = tensor.shape
    if tensor.kind != _FLOAT:
        return None
    if len(shape) == 1 or (len(shape) == 2 and shape[1] == 1):
        return "value"
    if len(shape) == 2 and shape[1] is not None:
        return "classes"
    if len(shape) == 3 or (len(shape) == 4 and shape[1] == 1):
        return "map" if None not in shape[-2:] else None
    return None


def sides_of(plane: ModelTensor) -> tuple[int, int]:
    """Height and width of a map."""
    height, width = plane.shape[-2:]
    return int(height or 0), int(width or 0)


def patch_outputs(
    outputs: Sequence[ModelTensor], name: str | None
) -> tuple[ScoreKind, ModelTensor | None, ModelTensor | None]:
    """Where the scores of patches come from (None: the map) and the map. Raises ModelError,
    UsageError where a person has to choose.
    """
    listed = ", ".join(map(str, outputs))
    if name is not None and name not in {tensor.name for tensor in outputs}:
        raise UsageError(f"the model has no output {name!r}", hint=f"it has {listed}")
    named = [tensor for tensor in outputs if name in {None, tensor.name} and patch_count(tensor)]
    maps = [tensor for tensor in named if _is_plane(tensor)]
    chosen = maps or named
    if not chosen:
        raise ModelError(
            f"none of the model's outputs can be read as scores of patches: {listed}",
            hint=f"float32 of fixed sizes with {_FEWEST_PATCHES} patches or more: a map [N, H, W] "
            "or [N, 1, H, W], or [N, P] or [N, P, 1]",
        )
    if len(chosen) > 1:
        raise UsageError(
            f"the model has {len(chosen)} outputs that could be scores of patches: {listed}",
            hint="say which: --output NAME",
        )
    if maps:
        return "patches", None, chosen[0]
    planes = [tensor for tensor in outputs if _is_plane(tensor)]
    return "patches", chosen[0], planes[0] if len(planes) == 1 else None


def patch_count(tensor: ModelTensor) -> int:
    """Scores of patches that a picture has; 0 where the output can have none."""
    shape = tensor.shape
    if tensor.kind != _FLOAT:
        return 0
    if _is_plane(tensor):
        height, width = sides_of(tensor)
        count = height * width
    elif len(shape) == 2 or (len(shape) == 3 and shape[2] == 1):
        count = shape[1] or 0
    else:
        return 0
    return count if count >= _FEWEST_PATCHES else 0


def _is_plane(tensor: ModelTensor) -> bool:
    """A map; [N, P, 1] is a row of patches."""
    return kind_of(tensor) == "map" and tensor.shape[-1] != 1
