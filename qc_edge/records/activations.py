"""Activations on disk, and beside each what the station made of it; what follows is for the domain
to say.
"""

from __future__ import annotations

import json
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from qc_edge.domain.activation import Activation, ActivationHistory, Outcome
from qc_edge.errors import ModelError
from qc_edge.records.record_file import Records, RecordSchema
from qc_edge.store.durable import write_file


class _Activation(RecordSchema):
    bundle: str
    bundle_sha256: str
    before: str
    undoes: str


class _Outcome(BaseModel):
    model_config = ConfigDict(extra="forbid")

    applied: bool
    at: AwareDatetime
    detail: str


_RECORDS = Records("activation", "qc-edge model activate", _Activation, Activation, ModelError)

write = _RECORDS.write
set_aside = _RECORDS.set_aside
sound_and_damaged = _RECORDS.sound_and_damaged


def load(directory: Path, *, allow_damaged: bool = False) -> ActivationHistory:
    """Every activation and its outcome. Raises ModelError on one that is damaged, unless that is
    allowed: then it is left out.
    """
    activations, damaged = _RECORDS.sound_and_damaged(directory)
    if damaged and not allow_damaged:
        activations = _RECORDS.load_all(directory)
    outcomes = {record.record_id: _outcome(directory, record.record_id) for record in activations}
    return ActivationHistory(
        activations, {name: outcome for name, outcome in outcomes.items() if outcome}
    )


def damaged(directory: Path) -> list[str]:
    """The ids of those that are not as they were made."""
    return _RECORDS.sound_and_damaged(directory)[1]


def newest(directory: Path) -> str:
    """The id of the newest activation, "" if there is none; does not look into it."""
    return max(_RECORDS.names(directory), default="")


def conclude(directory: Path, record_id: str, outcome: Outcome) -> None:
    """Keep what became of the activation, durably. Raises StoreError."""
    values = {"applied": outcome.applied, "at": outcome.at.isoformat(), "detail": outcome.detail}
    write_file(directory / f"{record_id}.json", json.dumps(values, indent=1).encode())


def _outcome(directory: Path, record_id: str) -> Outcome | None:
    path = directory / f"{record_id}.json"
    try:
        content = _Outcome.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as fault:
        raise ModelError(
            f"cannot read what became of the activation {record_id}: {path}: {fault}",
            hint="restore it from a backup, or remove it: the station then tries that activation "
            "again",
        ) from None
    return Outcome(content.applied, content.at, content.detail)
