"""Approved proposals become thresholds: each once, and only what two people have agreed on.

Pages write proposals and decisions and can put nothing in force; this looks at both again.
"""

from __future__ import annotations

import logging

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.label import PersonRole
from qc_edge.domain.threshold import ProposalDecision, ThresholdProposal, ThresholdRecord
from qc_edge.errors import QcEdgeError, StoreError, ThresholdError, UsageError
from qc_edge.recipe.proposing.proposals import APPROVERS, fits_still
from qc_edge.recipe.threshold_change import ThresholdChange, current_threshold, write_change
from qc_edge.records import proposals, thresholds
from qc_edge.service.logs import log_line
from qc_edge.settings import StationPaths


def take_up(paths: StationPaths, decision: ProposalDecision) -> ThresholdRecord | None:
    """Write the threshold that was approved; None if there is one of that proposal, or if it was
    declined.

    Raises UsageError or ThresholdError if it is not to be put in force, StoreError.
    """
    made = thresholds.sound_and_damaged(paths.thresholds)[0]
    if not decision.approved or any(each.proposal == decision.proposal for each in made):
        return None
    proposal = _approved(paths, decision)
    before = current_threshold(paths, proposal.view)
    if not fits_still(proposal, before):
        raise UsageError(
            f"{proposal.before:g} -> {proposal.value:g} was proposed for {proposal.bundle}; now it "
            f"is {before.value:g} for {before.bundle}"
        )
    if any(_is_of(proposal, each) and each.made_at > decision.made_at for each in made):
        # Whoever made that one has looked at this value last, though it is the same again.
        raise UsageError(f"the threshold was changed after {decision.made_by} approved this")
    change = ThresholdChange(
        proposal.value,
        decision.made_by,
        proposal.reason,
        None,
        proposal.made_by,
        proposal.record_id,
    )
    return write_change(paths, before, change)


def _is_of(proposal: ThresholdProposal, record: ThresholdRecord) -> bool:
    return (record.model_sha256, record.view) == (proposal.model_sha256, proposal.view)


def _approved(paths: StationPaths, decision: ProposalDecision) -> ThresholdProposal:
    """The proposal, if this decision may approve it. Raises ThresholdError."""
    proposal = proposals.load(proposals.place(paths), decision.proposal)
    if proposals.digest(proposals.place(paths), proposal.record_id) != decision.proposal_sha256:
        raise ThresholdError(f"the proposal {proposal.record_id} is not the one that was approved")
    if decision.role not in {str(PersonRole(role)) for role in APPROVERS}:
        raise ThresholdError(f"{decision.made_by} ({decision.role}) may not approve a threshold")
    if decision.made_by.casefold() == proposal.made_by.casefold():
        raise ThresholdError(f"{proposal.made_by} has approved a proposal of their own")
    return proposal


class ProposalTaker:
    """Looks for decisions while the station runs; used by the supervisor's thread alone."""

    def __init__(self, paths: StationPaths, events: EventLog) -> None:
        self._paths = paths
        self._events = events
        self._known: set[str] = set()
        """Those that were looked at in this run."""

    def take_up(self) -> None:
        """Act on what is new. Raises StoreError; then it is tried again."""
        place = proposals.place(self._paths)
        for name in sorted(set(proposals.decision_names(place)) - self._known):
            try:
                take_up(self._paths, proposals.load_decision(place, name))
            except StoreError:
                raise
            except QcEdgeError as fault:
                self._refuse(name, fault)
            self._known.add(name)

    def _refuse(self, name: str, fault: QcEdgeError) -> None:
        """Say why, once, and move it away: what does not fit today must not come into force some
        other day.
        """
        detail = f"the decision {name} changes nothing: {fault.message}"
        self._events.report(Occurrence(EventKind.THRESHOLD_REFUSED, detail))
        try:
            place = proposals.place(self._paths)
            proposals.set_aside_decision(place, name, self._paths.set_aside)
        except StoreError as stuck:
            log_line(logging.ERROR, stuck.message, event="disk")
