"""Threshold records on disk; which one is in force is for `qc_edge.domain.threshold` to say."""

from __future__ import annotations

from pydantic import AwareDatetime, Field

from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.errors import ThresholdError
from qc_edge.records.record_file import Records, RecordSchema


class _Threshold(RecordSchema):
    bundle: str
    model_sha256: str
    value: float = Field(ge=0, le=1)
    at: AwareDatetime
    view: str | None = Field(default=None, min_length=1)
    proposed_by: str | None = Field(default=None, min_length=1)
    proposal: str | None = Field(default=None, min_length=1)


_RECORDS = Records("threshold", "qc-edge threshold", _Threshold, ThresholdRecord, ThresholdError)

write = _RECORDS.write
names = _RECORDS.names
load = _RECORDS.load
load_all = _RECORDS.load_all
sound_and_damaged = _RECORDS.sound_and_damaged
set_aside = _RECORDS.set_aside
