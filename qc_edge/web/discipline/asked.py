"""What a form has to hold: who and why, and fields that must not be empty."""

from __future__ import annotations

from collections.abc import Mapping

from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.web.visit import Visit


def attribution(visit: Visit, fields: Mapping[str, str]) -> Attribution:
    """The person who is logged in, and their reason. Raises UsageError without one."""
    why = fields.get("why", "").strip()
    if not why:
        raise UsageError(visit.words("review.why_missing"))
    return Attribution.parse(visit.user.name, why[:500])


def required(visit: Visit, fields: Mapping[str, str], name: str) -> str:
    """The field, one line of text. Raises UsageError if it is empty or no such line."""
    text = fields.get(name, "").strip()
    if not text or not text.isprintable() or len(text) > 200:
        raise UsageError(visit.words("challenge.field_missing", name=name))
    return text
