"""The manifest of a dataset: what was asked for, and the digest of every file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qc_edge.errors import UsageError

MANIFEST, SAMPLES = "manifest.json", "samples.jsonl"

DATASHEET, DATASHEET_PAGE = "datasheet.json", "datasheet.html"

_FORMAT = 1

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    sha256: Sha256
    size: int = Field(ge=0)


class _LeftOut(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    frame_id: str
    why: str


class DatasetManifest(BaseModel):
    """The whole file. Nothing in it says when or where the export was made, so that the same query
    over the same log gives the same bytes.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(ge=_FORMAT, le=_FORMAT)
    kind: str
    station: str
    software: str
    query: dict[str, Any]
    classes: list[str]
    samples: int = Field(ge=0)
    left_out: list[_LeftOut]
    files: dict[str, _File]


def encode(values: Mapping[str, Any]) -> str:
    """The manifest with these values as text."""
    manifest = DatasetManifest.model_validate({"format": _FORMAT, **values})
    return json.dumps(manifest.model_dump(), indent=1) + "\n"


def decode(data: bytes, where: str) -> DatasetManifest:
    """The manifest in a file. Raises UsageError."""
    try:
        return DatasetManifest.model_validate_json(data)
    except ValidationError as faults:
        first = faults.errors()[0]
        place = ".".join(map(str, first["loc"])) or "file"
        raise UsageError(
            f"{where} is no manifest of a dataset that this version knows: {place}: {first['msg']}",
            hint="qc-edge dataset export makes one",
        ) from None
