"""Approvals of recipes on disk; which revision they are of stands in each."""

from __future__ import annotations

from qc_edge.domain.activation import Approval
from qc_edge.errors import RecipeError
from qc_edge.records.record_file import Records, RecordSchema


class _Approval(RecordSchema):
    recipe: str
    recipe_sha256: str


_RECORDS = Records("approval", "qc-edge recipe approve", _Approval, Approval, RecipeError)

write = _RECORDS.write
load_all = _RECORDS.load_all
sound_and_damaged = _RECORDS.sound_and_damaged
