"""Proposals of a station and what is said of them. Writes records of its own, never a threshold."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.domain.label import PersonRole
from qc_edge.domain.threshold import (
    ProposalDecision,
    ThresholdProposal,
    ThresholdState,
    record_id,
)
from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.records import proposals
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths

APPROVERS = frozenset({PersonRole.ENGINEER, PersonRole.QUALITY})
"""Who may propose a threshold, and who may approve one."""

_SHOWN_MAX = 1000


@dataclass(frozen=True, slots=True)
class OpenProposal:
    """A proposal of which nobody has said anything, for the bundle in force or for another."""

    proposal: ThresholdProposal
    fits: bool


def propose(
    paths: StationPaths,
    before: ThresholdState,
    value: float,
    attribution: Attribution,
    shown: str,
) -> ThresholdProposal:
    """Write the proposal to set `value`. `shown`: what it would have turned over, in words.

    Raises UsageError if that is in force, ThresholdError or StoreError.
    """
    if before.views and before.view is None:
        raise UsageError(
            f"each view of {paths.name} has a threshold of its own, and none is named",
            hint=f"its views: {', '.join(before.views)}",
        )
    if value == before.value:
        raise UsageError(f"the threshold is {value:g} already ({before.threshold_id})")
    now = utc_now()
    proposal = ThresholdProposal(
        record_id(now),
        paths.name,
        before.bundle,
        before.model_sha256,
        value,
        before.value,
        shown[:_SHOWN_MAX],
        now,
        attribution.by,
        attribution.reason,
        before.view,
    )
    proposals.write(proposals.place(paths), proposal)
    return proposal


def open_proposals(paths: StationPaths, before: ThresholdState) -> list[OpenProposal]:
    """Those that wait for somebody, of the view of `before`, the newest first."""
    decided = {decision.proposal for decision in proposals.decisions(proposals.place(paths))}
    found, _ = proposals.sound_and_damaged(proposals.place(paths))
    return [
        OpenProposal(each, fits_still(each, before))
        for each in reversed(found)
        if each.view == before.view and each.record_id not in decided
    ]


def fits_still(proposal: ThresholdProposal, now: ThresholdState) -> bool:
    """True if it would change today what its proposer meant to change."""
    meant = proposal.model_sha256, proposal.view, proposal.before
    return meant == (now.model_sha256, now.view, now.value)


def find_proposal(paths: StationPaths, proposal_id: str) -> ThresholdProposal:
    """The one with that id, which nobody has decided. Raises UsageError, ThresholdError."""
    if not (proposals.place(paths) / f"{proposal_id}.toml").is_file() or "/" in proposal_id:
        raise UsageError(
            f"{paths.name} has no proposal {proposal_id!r}",
            hint=f"qc-edge threshold {paths.name} proposals",
        )
    for decision in proposals.decisions(proposals.place(paths)):
        if decision.proposal == proposal_id:
            word = "approved" if decision.approved else "declined"
            raise UsageError(f"{proposal_id} was {word} by {decision.made_by} already")
    return proposals.load(proposals.place(paths), proposal_id)


def decide(
    paths: StationPaths,
    proposal: ThresholdProposal,
    attribution: Attribution,
    role: PersonRole,
    *,
    approved: bool,
) -> ProposalDecision:
    """Write down what a second person says of it; the station acts on it.

    Raises UsageError if that is the proposer or somebody without the role, ThresholdError,
    StoreError.
    """
    if role not in APPROVERS:
        raise UsageError(f"{role} is no role that approves a threshold: engineer or quality is")
    if approved and attribution.by.casefold() == proposal.made_by.casefold():
        raise UsageError(
            f"{proposal.made_by} has proposed it: somebody else has to approve it",
            hint="two people look at a threshold before it judges",
        )
    now = utc_now()
    decision = ProposalDecision(
        record_id(now),
        paths.name,
        proposal.record_id,
        proposals.digest(proposals.place(paths), proposal.record_id),
        approved,
        str(role),
        now,
        attribution.by,
        attribution.reason,
    )
    proposals.write_decision(proposals.place(paths), decision)
    return decision
