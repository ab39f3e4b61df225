"""What the station made of a decision, kept beside its record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from qc_edge.domain.decisions import D, DecisionHistory, Outcome
from qc_edge.errors import QcEdgeError
from qc_edge.records.record_file import Records
from qc_edge.store.durable import write_file
from qc_edge.store.safe_read import read_regular_file
from qc_edge.vision import UnreadableFrameError

_SIZE_MAX = 1 << 20


class _Outcome(BaseModel):
    model_config = ConfigDict(extra="forbid")

    applied: bool
    at: AwareDatetime
    detail: str


def load_history(
    records: Records[D], directory: Path, *, allow_damaged: bool
) -> DecisionHistory[D]:
    """Every decision and its outcome. Raises the kind's error on one that is damaged, unless that
    is allowed: then it is left out.
    """
    decisions, damaged = records.sound_and_damaged(directory)
    if damaged and not allow_damaged:
        decisions = records.load_all(directory)
    return DecisionHistory(decisions, _outcomes(records, directory, decisions))


def load_recent(records: Records[D], directory: Path) -> tuple[DecisionHistory[D], list[str]]:
    """The newest decisions, back to the one that is in force, and the ids of damaged ones that lie
    among them. Reads no older one, of which there may be tens of thousands.
    """
    decisions: list[D] = []
    outcomes: dict[str, Outcome] = {}
    damaged: list[str] = []
    for name in sorted(records.names(directory), reverse=True):
        try:
            decisions.insert(0, records.load(directory, name))
        except QcEdgeError:
            damaged.append(name)
            continue
        if outcome := _outcome(records, directory, name):
            outcomes[name] = outcome
            if outcome.applied:
                break
    return DecisionHistory(decisions, outcomes), damaged


def load_outcome(records: Records[D], directory: Path, record_id: str) -> Outcome | None:
    """What became of one decision, None if that is not decided. Raises the kind's error."""
    return _outcome(records, directory, record_id)


def conclude(directory: Path, record_id: str, outcome: Outcome) -> None:
    """Keep what became of the decision, durably. Raises StoreError."""
    values = {"applied": outcome.applied, "at": outcome.at.isoformat(), "detail": outcome.detail}
    write_file(directory / f"{record_id}.json", json.dumps(values, indent=1).encode())


def _outcomes(records: Records[D], directory: Path, decisions: list[D]) -> Mapping[str, Outcome]:
    found = {each.record_id: _outcome(records, directory, each.record_id) for each in decisions}
    return {name: outcome for name, outcome in found.items() if outcome}


def _outcome(records: Records[D], directory: Path, record_id: str) -> Outcome | None:
    path = directory / f"{record_id}.json"
    try:
        data = read_regular_file(path, _SIZE_MAX, "for an outcome")
        content = _Outcome.model_validate_json(data)
    except FileNotFoundError:
        return None
    except (OSError, ValidationError, UnreadableFrameError) as fault:
        raise records.error(
            f"cannot read what became of the {records.noun} {record_id}: {path}: {fault}",
            hint=f"restore it from a backup, or remove it: the station then tries that "
            f"{records.noun} again",
        ) from None
    return Outcome(content.applied, content.at, content.detail)
