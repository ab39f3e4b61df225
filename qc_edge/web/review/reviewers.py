"""Who may judge parts."""

from __future__ import annotations

from qc_edge.domain.label import PersonRole
from qc_edge.web.visit import NotAllowedError, Visit


def require_reviewer(visit: Visit) -> None:
    """Raise NotAllowedError for an operator."""
    if visit.user.role is PersonRole.OPERATOR:
        raise NotAllowedError
