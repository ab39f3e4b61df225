"""The manifest of a bundle, `bundle.toml`, as types: what a person wrote, checked key by key.

Never opens the files that it names.
"""

from __future__ import annotations

import difflib
from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from qc_edge.bundles.adapter import AdapterSection, adapter_faults
from qc_edge.errors import ModelError
from qc_edge.settings import toml

MANIFEST = "bundle.toml"
MODEL = "model.onnx"
SIGNATURE = "bundle.sig"
"""Stands beside the manifest and not in it: it is made over the manifest."""
EVALUATION = "evaluation.json"
"""That it was evaluated, likewise: it names the manifest's digest."""
GOLDEN = "golden/golden.json"

NAME, VERSION = "^[a-z][a-z0-9-]*$", "^[A-Za-z0-9.+-]+$"
"""What a bundle's name and version look like."""

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Precision = Literal["fp32", "fp16", "int8"]
Share = Annotated[float, Field(ge=0, le=1)]

REINSTALL = "install the bundle again as it was delivered; a bundle is never edited in place"
"""The hint for a bundle that is not as it was approved."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class InputSection(_Section):
    """The tensor that the model takes: `shape` is one prepared frame's (height, width), `dtype` the
    tensor's.
    """

    name: str = Field(min_length=1)
    shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]]
    dtype: Literal["uint8", "float32"]
    preprocess: str = Field(min_length=1)


class OutputsSection(_Section):
    """The tensors that the model gives: one score a frame, and the map (height, width) that it
    comes from. A bundle with an adapter may leave the one or the other out.
    """

    score: str | None = Field(None, min_length=1)
    score_means: str = Field(min_length=1)
    defect_map: str | None = Field(None, min_length=1)
    map_shape: tuple[Annotated[int, Field(ge=1)], Annotated[int, Field(ge=1)]] | None = None


class EngineSection(_Section):
    """What the model is meant to be computed in on a GPU; on the CPU it runs as it is."""

    precision: Precision = "fp32"


class DecisionSection(_Section):
    """Scores at or above `threshold` FAIL; golden scores may move by `tolerance` between
    machines.
    """

    threshold: Share
    review_band: Share
    tolerance: Annotated[float, Field(gt=0, le=0.1)]
    classes: tuple[str, ...] = ()


class TrainingSection(_Section):
    """What the model learnt from; `sha256` is the digest of that description or data set."""

    data: str = Field(min_length=1)
    sha256: Sha256


class ApprovalSection(_Section):
    """Who let this bundle out, and when."""

    by: str = Field(min_length=1)
    at: date


class Manifest(_Section):
    """The whole file. `files` has the sha256 of every other file of the bundle, by relative
    path.
    """

    name: str = Field(pattern=NAME)
    version: str = Field(pattern=VERSION)
    created: date
    licence: str = Field(min_length=1)
    description: str = Field(min_length=1)
    input: InputSection
    outputs: OutputsSection
    adapter: AdapterSection | None = None
    engine: EngineSection = EngineSection()
    decision: DecisionSection
    training: TrainingSection
    approved: ApprovalSection
    files: dict[str, Sha256]

    @model_validator(mode="after")
    def _names_what_it_needs(self) -> Manifest:
        for path in (MODEL, GOLDEN):
            if path not in self.files:
                raise ValueError(f"[files] does not name {path!r}")
        outside = [path for path in self.files if path.startswith("/") or ".." in path.split("/")]
        if outside:
            raise ValueError(f"[files] leaves the bundle: {', '.join(outside)}")
        if faults := list(adapter_faults(self)):
            raise ValueError("\n  ".join(faults))
        return self


class GoldenEntry(_Section):
    """One golden frame: a prepared PNG and what the model said of it when it was approved."""

    file: str = Field(min_length=1)
    shows: str = Field(min_length=1)
    score: Share
    map_coarse: tuple[tuple[Share, ...], ...] = ()
    class_scores: dict[str, Share] = {}


class GoldenFile(_Section):
    """The whole of golden.json. `map_coarse` are the maxima of the map over `coarse` x `coarse`
    fields.
    """

    engine: str = Field(min_length=1)
    coarse: int = Field(ge=1)
    frames: tuple[GoldenEntry, ...] = Field(min_length=1)


def parse_manifest(text: str, where: str) -> Manifest:
    """The manifest in the TOML `text`. Raises ModelError that names every fault; `where` is the
    file.
    """
    try:
        values = toml.loads(text)
    except toml.TOMLDecodeError as fault:
        raise ModelError(f"{where} is not valid TOML: {fault}", hint=REINSTALL) from None
    try:
        return Manifest.model_validate(values)
    except ValidationError as faults:
        raise refused(where, faults, Manifest) from None


def parse_golden(text: str, where: str) -> GoldenFile:
    """The golden frames' expectations in the JSON `text`. Raises ModelError that names every
    fault.
    """
    try:
        return GoldenFile.model_validate_json(text)
    except ValidationError as faults:
        raise refused(where, faults, GoldenFile) from None


def refused(where: str, faults: ValidationError, model: type[BaseModel]) -> ModelError:
    """All faults of one file as one error."""
    lines = "\n".join(f"  {_words(fault, model)}" for fault in faults.errors())
    return ModelError(f"{where} is no manifest that this version knows:\n{lines}", hint=REINSTALL)


def _words(fault: ErrorDetails, model: type[BaseModel]) -> str:
    where = ".".join(str(part) for part in fault["loc"]) or "file"
    if fault["type"] == "extra_forbidden":
        section: type[BaseModel] | None = model
        for part in fault["loc"][:-1]:
            field = section.model_fields.get(str(part)) if section else None
            inner = field.annotation if field else None
            section = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
        near = difflib.get_close_matches(
            str(fault["loc"][-1]), list(section.model_fields) if section else [], 1
        )
        return f"{where}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    message = fault["msg"].removeprefix("Value error, ")
    return (
        f"{where}: {message}"
        if fault["type"] in {"missing", "value_error"}
        else f"{where}: {message}, got {fault['input']!r}"
    )
