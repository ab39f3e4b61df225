"""Changeovers on disk, and beside each what the station made of it."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.activation import Changeover
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.errors import RecipeError
from qc_edge.records import outcomes
from qc_edge.records.record_file import Records, RecordSchema


class _Changeover(RecordSchema):
    recipe: str
    recipe_sha256: str
    before: str
    undoes: str


_RECORDS = Records("changeover", "qc-edge recipe activate", _Changeover, Changeover, RecipeError)

write = _RECORDS.write
sound_and_damaged = _RECORDS.sound_and_damaged
set_aside = _RECORDS.set_aside


def load(directory: Path, *, allow_damaged: bool = False) -> DecisionHistory[Changeover]:
    """Every changeover and its outcome. Raises RecipeError on one that is damaged, unless that is
    allowed: then it is left out.
    """
    return outcomes.load_history(_RECORDS, directory, allow_damaged=allow_damaged)


def load_recent(directory: Path) -> tuple[DecisionHistory[Changeover], list[str]]:
    """The newest changeovers, back to the one in force, and the ids of damaged ones among them."""
    return outcomes.load_recent(_RECORDS, directory)


def state(directory: Path, record: Changeover) -> str:
    """What has become of one that is among the newest, in words."""
    recent, _ = load_recent(directory)
    own = outcomes.load_outcome(_RECORDS, directory, record.record_id)
    known = {**recent.outcomes, record.record_id: own} if own else recent.outcomes
    return DecisionHistory(recent.decisions, known).state(record)


def pending(directory: Path, record_id: str) -> Changeover | None:
    """That changeover, if the station has not decided on it yet; looks into no other. Raises
    RecipeError if it is damaged.
    """
    return None if is_decided(directory, record_id) else _RECORDS.load(directory, record_id)


def is_decided(directory: Path, record_id: str) -> bool:
    """True once it is kept what became of it."""
    return (directory / f"{record_id}.json").exists()


def newest(directory: Path) -> str:
    """The id of the newest changeover, "" if there is none; does not look into it."""
    return max(_RECORDS.names(directory), default="")
