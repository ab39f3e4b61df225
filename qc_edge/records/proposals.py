"""Proposals of thresholds on disk, and what a second person says of each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from qc_edge.domain.threshold import ProposalDecision, ThresholdProposal
from qc_edge.errors import ThresholdError
from qc_edge.records.record_file import Records, RecordSchema, file_digest
from qc_edge.settings import StationPaths

_DECIDED = "decisions"
"""The folder beside the proposals that has what was said of them."""


class _Proposal(RecordSchema):
    bundle: str
    model_sha256: str
    value: float = Field(ge=0, le=1)
    before: float
    shown: str
    view: str | None = Field(default=None, min_length=1)


class _Decision(RecordSchema):
    proposal: str
    proposal_sha256: str
    approved: bool
    role: str


_PROPOSALS = Records(
    "proposal", "qc-edge threshold NAME propose", _Proposal, ThresholdProposal, ThresholdError
)
_DECISIONS = Records(
    "decision", "qc-edge threshold NAME approve", _Decision, ProposalDecision, ThresholdError
)

write = _PROPOSALS.write
load = _PROPOSALS.load
sound_and_damaged = _PROPOSALS.sound_and_damaged


def write_decision(directory: Path, decision: ProposalDecision) -> None:
    """Keep it, of a proposal in `directory`. Raises ThresholdError, StoreError."""
    _DECISIONS.write(directory / _DECIDED, decision)


def decision_names(directory: Path) -> Iterator[str]:
    """The ids of the decisions on proposals in `directory`, in no order."""
    return _DECISIONS.names(directory / _DECIDED)


def load_decision(directory: Path, name: str) -> ProposalDecision:
    """One of them. Raises ThresholdError."""
    return _DECISIONS.load(directory / _DECIDED, name)


def decisions(directory: Path) -> list[ProposalDecision]:
    """Those that are as they were made, oldest first."""
    return _DECISIONS.sound_and_damaged(directory / _DECIDED)[0]


def set_aside_decision(directory: Path, name: str, aside: Path) -> None:
    """Move one to `aside`. Raises StoreError."""
    _DECISIONS.set_aside(directory / _DECIDED, name, aside)


def place(paths: StationPaths) -> Path:
    """Where they are: among what people ask of the station, where the page may write."""
    return paths.requests / "proposals"


def digest(directory: Path, record_id: str) -> str:
    """SHA-256 (hex) of a proposal's file; "" if it cannot be read."""
    return file_digest(directory / f"{record_id}.toml") or ""
