"""The parts of a selection with their views, by their own thresholds or by another. Reads only."""

# ruff: noqa: S608 - what comes from outside is bound
from __future__ import annotations

from collections.abc import Iterator

from qc_edge.domain.history import Selection
from qc_edge.domain.parts.stored import StoredPart, seen_views
from qc_edge.query.past.history_sql import selection_condition
from qc_edge.query.source import EVERYTHING, LogSource, Span

_COLUMNS = ("disposition", "reason", "rule", "views_expected", "views_missing", "frames")


def stored_parts(
    source: LogSource, selection: Selection, threshold: float
) -> Iterator[tuple[StoredPart, StoredPart]]:
    """Each part of which the selection has a view, as it was, and as its views are at `threshold`.

    Views that the selection leaves out keep their verdict. Raises StoreError.
    """
    hours = Span(since=selection.since, until=selection.until)
    views, parts = source.relation("inspections", hours), source.relation("parts", EVERYTHING)
    if not {"attempt_id"} <= set(source.columns("inspections")) or not (views and parts):
        return
    where, values = selection_condition(selection)
    query = (
        f"SELECT {', '.join(f'any_value(p.{name})' for name in _COLUMNS)}, "
        "list({'view': v.view, 'verdict': v.verdict, 'reason': v.reason, "
        "'hold_reason': v.hold_reason, 'score': v.score, 'is_chosen': c.frame_id IS NOT NULL} "
        "ORDER BY v.chain_seq) "
        f"FROM {parts} p JOIN {views} v ON v.attempt_id = p.attempt_id "
        f"LEFT JOIN (SELECT frame_id FROM {views}{where}) c ON c.frame_id = v.frame_id "
        "WHERE v.hold_reason IS DISTINCT FROM 'late_view' "
        "GROUP BY p.attempt_id HAVING bool_or(c.frame_id IS NOT NULL)"
    )
    for portion in source.portions(query, values):
        for *row, seen in portion:
            disposition, reason, rule, expected, missing, frames = row
            if len(frames.split()) != len(seen):
                continue  # some of its views are outside of the time that was asked for
            yield tuple(  # type: ignore[misc]
                StoredPart(disposition, reason, rule, expected, missing, seen_views(each))
                for each in (seen, [_at(view, threshold) for view in seen])
            )


def _at(view: dict[str, object], threshold: float) -> dict[str, object]:
    """The view with the verdict that its score has at another threshold."""
    score = view["score"]
    if not view["is_chosen"] or not isinstance(score, float) or view["verdict"] == "INVALID":
        return view
    return view | {"verdict": "FAIL" if score >= threshold else "PASS"}
