"""A record of labels as a file: JSON, proven by a digest over its content. Never touches the disk.

One record holds what was said at once: a single label, or some hundred of an import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from qc_edge.domain.frame import FrameId
from qc_edge.domain.label import LabelSource, PersonRole, Said, parse_regions
from qc_edge.labels import proven
from qc_edge.labels.proven import ONE_LINE, Moment, ProvenRecord, plain
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE

MOST_LABELS = 200
"""In one record."""

RECORD_MAX = 1 << 20
"""Bytes of a record's file."""


@dataclass(frozen=True, slots=True)
class SaidLabel:
    """One label of a record. `label_key` is its own, so that no crash makes two rows of it.

    `part_id` is that of the frame, `said_at` in aware UTC; the others are as in
    `domain.inspection.Label`.
    """

    label_key: str
    frame_id: FrameId
    part_id: str
    label: Said
    defect_class: str | None
    who: str
    role: PersonRole
    source: LabelSource
    said_at: datetime
    why: str | None
    regions: str | None
    seen_sha256: str | None
    took_s: float | None
    blind: bool


def _regions(text: str) -> str:
    parse_regions(text)
    return text


_Name = Annotated[str, Field(max_length=LONGEST_NAME), ONE_LINE]
_Note = Annotated[str, Field(max_length=LONGEST_NOTE), ONE_LINE]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    label_key: str = Field(pattern=r"^[0-9a-f]{32}$")
    frame_id: Annotated[str, Field(max_length=80), ONE_LINE]
    part_id: str = Field(max_length=1000)
    label: Said
    defect_class: _Name | None
    who: _Name
    role: PersonRole
    source: LabelSource
    said_at: Moment
    why: _Note | None
    regions: Annotated[str, Field(max_length=200_000), AfterValidator(_regions)] | None
    seen_sha256: _Sha256 | None
    took_s: Annotated[float, Field(ge=0, le=86_400)] | None
    blind: bool


class _Record(ProvenRecord):
    labels: list[_Entry] = Field(min_length=1, max_length=MOST_LABELS)


def encode(station: str, labels: Sequence[SaidLabel]) -> bytes:
    """The file of a record with these labels, at most MOST_LABELS, of `station`."""
    values = plain([asdict(label) for label in labels])
    return proven.encode(station, values, {"labels": values})


def decode(data: bytes, station: str) -> list[SaidLabel]:
    """The labels in a record's file. Raises RecordError that says what is wrong with it."""
    record = proven.decode(data, station, _Record, lambda content: content["labels"])
    return [
        SaidLabel(**{**entry.model_dump(), "frame_id": FrameId(entry.frame_id)})
        for entry in record.labels
    ]


def content_key(label: SaidLabel) -> str:
    """A key made of what the label says, but for when: an import that is repeated adds nothing."""
    values = asdict(label) | {"label_key": "", "said_at": "", "took_s": None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]
