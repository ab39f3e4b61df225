"""A record of labels as a file: JSON, proven by a digest over its content. Never touches the disk.

One record holds what was said at once: a single label, or some hundred of an import.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.frame import FrameId
from qc_edge.domain.label import LabelSource, PersonRole, Said, parse_regions
from qc_edge.errors import RecordError
from qc_edge.labels.request import LONGEST_NAME, LONGEST_NOTE

FORMAT = 1
"""Of the file; a reader refuses any other."""

MOST_LABELS = 200
"""In one record."""

RECORD_MAX = 1 << 20
"""Bytes of a record's file."""

_YEARS = 2000, 2200
"""In which a label may have been said: the log takes no moment beyond those of its database."""


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


def _printable(text: str) -> str:
    if not text.strip() or not text.isprintable():
        raise ValueError("expected one line of text")
    return text


def _utc(moment: datetime) -> datetime:
    try:
        utc = moment.astimezone(timezone.utc)
    except OverflowError as fault:
        raise ValueError(str(fault)) from None
    if not _YEARS[0] <= utc.year <= _YEARS[1]:
        raise ValueError(f"expected a year from {_YEARS[0]} to {_YEARS[1]}")
    return utc


def _regions(text: str) -> str:
    parse_regions(text)
    return text


_Name = Annotated[str, Field(max_length=LONGEST_NAME), AfterValidator(_printable)]
_Note = Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_printable)]
_Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    label_key: str = Field(pattern=r"^[0-9a-f]{32}$")
    frame_id: Annotated[str, Field(max_length=80), AfterValidator(_printable)]
    part_id: str = Field(max_length=1000)
    label: Said
    defect_class: _Name | None
    who: _Name
    role: PersonRole
    source: LabelSource
    said_at: Annotated[AwareDatetime, AfterValidator(_utc)]
    why: _Note | None
    regions: Annotated[str, Field(max_length=200_000), AfterValidator(_regions)] | None
    seen_sha256: _Sha256 | None
    took_s: Annotated[float, Field(ge=0, le=86_400)] | None
    blind: bool


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    station: str
    labels: list[_Entry] = Field(min_length=1, max_length=MOST_LABELS)


def encode(station: str, labels: Sequence[SaidLabel]) -> bytes:
    """The file of a record with these labels, at most MOST_LABELS, of `station`."""
    values = [asdict(label) | {"said_at": label.said_at.isoformat()} for label in labels]
    record = {"format": FORMAT, "digest": _digest(station, values), "station": station}
    return json.dumps(record | {"labels": values}, ensure_ascii=False, indent=1).encode()


def decode(data: bytes, station: str) -> list[SaidLabel]:
    """The labels in a record's file. Raises RecordError that says what is wrong with it."""
    try:
        content = json.loads(data)
        record = _Record.model_validate(content)
    except ValidationError as faults:
        first = faults.errors()[0]
        where = ".".join(map(str, first["loc"])) or "record"
        raise RecordError(f"it is no record of format {FORMAT}: {where}: {first['msg']}") from None
    except (ValueError, RecursionError) as fault:
        raise RecordError(f"it is no record: {str(fault)[:200]}") from None
    if (digest := _digest(record.station, content["labels"])) != record.digest:
        raise RecordError(
            f"it has been changed: its content has the digest {digest[:19]}…, it says "
            f"{record.digest[:19]!r}…"
        )
    if record.station != station:
        raise RecordError(f"it is of the station {record.station!r:.40}")
    return [
        SaidLabel(**{**entry.model_dump(), "frame_id": FrameId(entry.frame_id)})
        for entry in record.labels
    ]


def content_key(label: SaidLabel) -> str:
    """A key made of what the label says, but for when: an import that is repeated adds nothing."""
    values = asdict(label) | {"label_key": "", "said_at": "", "took_s": None}
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _digest(station: str, labels: Any) -> str:
    text = json.dumps([station, labels], sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()
