"""How prepared frames become the model's input and its outputs a score, as a bundle declares it.

The section `[adapter]` of a manifest, checked against the rest of it; computes nothing. A bundle
without one takes gray frames as they are, and gives a score and a map.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from qc_edge.vision.prepare import PrepareParameters, named_parameters, preprocess_id

if TYPE_CHECKING:
    from qc_edge.bundles.manifest import Manifest

Layout = Literal["NHW", "NCHW", "NHWC"]
Name = Annotated[str, Field(min_length=1)]

_ACTIVATIONS = {
    "value": ("none", "sigmoid"),
    "classes": ("none", "softmax"),
    "map": ("none", "sigmoid"),
    "patches": ("none", "sigmoid"),
}
_NEEDS_ADAPTER = "only a bundle that declares an [adapter] may"


class AdapterSection(BaseModel):
    """How the model is asked and what its answer means.

    The input is (pixel * `scale` - `mean`) / `std` for each channel, in `layout`; a uint8 tensor
    takes the pixels as they are. `batch = 1`: the model takes one frame at a time. `score` says
    what the score is: the `value` of outputs.score, 1 - the scores of the `good` classes of
    outputs.score, the maximum of the `map`, or the mean of the `top` highest `patches`: the cells
    of the map, or so many (`patches`) values of outputs.score. `classes` are in the order of the
    tensor. A sigmoid of patches is that of (value - `midpoint`) / `spread`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    layout: Layout = "NHW"
    batch: Literal[1] | None = None
    scale: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0
    mean: tuple[Annotated[float, Field(allow_inf_nan=False)], ...] = ()
    std: tuple[Annotated[float, Field(gt=0, allow_inf_nan=False)], ...] = ()
    score: Literal["value", "classes", "map", "patches"]
    activation: Literal["none", "softmax", "sigmoid"] = "none"
    classes: tuple[Name, ...] = ()
    good: tuple[Name, ...] = ()
    patches: Annotated[int, Field(ge=1)] | None = None
    top: Annotated[int, Field(ge=1)] = 1
    midpoint: Annotated[float, Field(allow_inf_nan=False)] = 0.0
    spread: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.0

    @property
    def normalises(self) -> bool:
        """True if the input is not the pixels' own values."""
        return bool(self.mean or self.std) or not math.isclose(self.scale, 1.0, rel_tol=0.0)

    def channels(self, parameters: PrepareParameters) -> tuple[tuple[float, float], ...]:
        """Mean and standard deviation of each channel; one value goes for all channels."""
        count = 3 if parameters.colour else 1
        mean, std = self.mean or (0.0,), self.std or (1.0,)
        means = mean * count if len(mean) == 1 else mean
        return tuple(zip(means, std * count if len(std) == 1 else std, strict=True))


def adapter_faults(manifest: Manifest) -> Iterator[str]:
    """How the adapter does not fit the rest of the manifest, in words."""
    adapter, taken, given = manifest.adapter, manifest.input, manifest.outputs
    if (given.defect_map is None) != (given.map_shape is None):
        yield "outputs: defect_map and map_shape belong together"
    if adapter is None:
        if taken.dtype != "uint8":
            yield f"input.dtype: {_NEEDS_ADAPTER} take {taken.dtype}"
        if given.score is None:
            yield f"outputs.score: Field required; {_NEEDS_ADAPTER} leave it out"
        if given.defect_map is None:
            yield f"outputs.defect_map: Field required; {_NEEDS_ADAPTER} leave it out"
        return
    yield from _input_faults(adapter, manifest)
    yield from _score_faults(adapter, manifest)


def _input_faults(adapter: AdapterSection, manifest: Manifest) -> Iterator[str]:
    taken = manifest.input
    if taken.dtype == "uint8" and adapter.normalises:
        yield 'adapter: scale, mean and std need input.dtype = "float32"'
    try:
        parameters = named_parameters(taken.preprocess)
    except ValueError as fault:
        yield f"input.preprocess: {fault}"
        return
    own = preprocess_id(parameters)
    words, _, digest = taken.preprocess.partition("@")
    if words != own.partition("@")[0]:
        yield f"input.preprocess: {taken.preprocess!r}, expected {own}: the region is a station's"
    elif digest and taken.preprocess != own:
        yield f"input.preprocess: this version's {words} is {own}, the model learnt from @{digest}"
    if parameters.shape[:2] != taken.shape:
        height, width = parameters.shape[:2]
        yield f"input.shape: {words} is {[height, width]} (height, width), not {list(taken.shape)}"
    if parameters.colour and adapter.layout == "NHW":
        yield f"adapter.layout: {words} has three channels, expected NCHW or NHWC"
    count = 3 if parameters.colour else 1
    for name, values in (("mean", adapter.mean), ("std", adapter.std)):
        if len(values) not in {0, 1, count}:
            yield f"adapter.{name}: {len(values)} values for {count} channel{'s'[: count > 1]}"


def _score_faults(adapter: AdapterSection, manifest: Manifest) -> Iterator[str]:
    given = manifest.outputs
    allowed = _ACTIVATIONS[adapter.score]
    if adapter.activation not in allowed:
        yield f"adapter.activation: a score of {adapter.score} takes {' or '.join(allowed)}"
    if adapter.score == "map":
        if given.defect_map is None:
            yield "outputs.defect_map: Field required where the score is the map's maximum"
        if given.score is not None:
            yield "outputs.score: the score is the map's maximum, leave it out"
    elif given.score is None and adapter.score != "patches":
        yield "outputs.score: Field required unless the score is the map's maximum"
    yield from _patch_faults(adapter, manifest)
    yield from _class_faults(adapter)


def _patch_faults(adapter: AdapterSection, manifest: Manifest) -> Iterator[str]:
    given = manifest.outputs
    if adapter.score != "patches":
        own = adapter.model_fields_set & {"patches", "top", "midpoint", "spread"}
        if own:
            yield f'adapter.{min(own)}: only with score = "patches"'
        return
    if given.score is None and given.map_shape is None:
        yield "outputs.defect_map: Field required where the score is that of its highest cells"
        return
    if (given.score is None) != (adapter.patches is None):
        yield "adapter.patches: how many values outputs.score has; left out where there is none"
        return
    count = adapter.patches or math.prod(given.map_shape or ())
    if adapter.top > count:
        yield f"adapter.top: {adapter.top} of {count} patches"
    if adapter.activation != "sigmoid" and adapter.model_fields_set & {"midpoint", "spread"}:
        yield 'adapter.midpoint and spread: only with activation = "sigmoid"'


def _class_faults(adapter: AdapterSection) -> Iterator[str]:
    if adapter.score != "classes":
        if adapter.classes or adapter.good:
            yield 'adapter.classes: only with score = "classes"'
        return
    if twice := sorted({name for name in adapter.classes if adapter.classes.count(name) > 1}):
        yield f"adapter.classes: {', '.join(twice)} stands there twice"
    if unknown := [name for name in adapter.good if name not in adapter.classes]:
        yield f"adapter.good: {', '.join(unknown)} is none of the classes"
    if not adapter.good:
        yield "adapter.good: which of the classes are good?"
    elif set(adapter.classes) <= set(adapter.good):
        yield "adapter.good: all classes are good, nothing would ever FAIL"
