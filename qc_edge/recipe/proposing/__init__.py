"""A threshold for which one person proposes and another one approves."""

from qc_edge.recipe.proposing.proposals import (
    OpenProposal,
    decide,
    find_proposal,
    open_proposals,
    propose,
)
from qc_edge.recipe.proposing.taking_up import ProposalTaker, take_up

__all__ = [
    "OpenProposal",
    "ProposalTaker",
    "decide",
    "find_proposal",
    "open_proposals",
    "propose",
    "take_up",
]
