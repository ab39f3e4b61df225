"""Activations on disk, and beside each what the station made of it; what follows is for the domain
to say.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.activation import Activation
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.errors import ModelError
from qc_edge.records.outcomes import load_history
from qc_edge.records.record_file import Records, RecordSchema


class _Activation(RecordSchema):
    bundle: str
    bundle_sha256: str
    before: str
    undoes: str


_RECORDS = Records("activation", "qc-edge model activate", _Activation, Activation, ModelError)

write = _RECORDS.write
set_aside = _RECORDS.set_aside
sound_and_damaged = _RECORDS.sound_and_damaged


def load(directory: Path, *, allow_damaged: bool = False) -> DecisionHistory[Activation]:
    """Every activation and its outcome. Raises ModelError on one that is damaged, unless that is
    allowed: then it is left out.
    """
    return load_history(_RECORDS, directory, allow_damaged=allow_damaged)


def damaged(directory: Path) -> list[str]:
    """The ids of those that are not as they were made."""
    return _RECORDS.sound_and_damaged(directory)[1]


def newest(directory: Path) -> str:
    """The id of the newest activation, "" if there is none; does not look into it."""
    return max(_RECORDS.names(directory), default="")
