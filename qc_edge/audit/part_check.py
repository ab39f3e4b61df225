"""Parts held against the inspections of their views: every view is of one part, every part has its
views, its rule is that of the settings or the recipe then, and its disposition is what that gives.
"""

# ruff: noqa: S608 - names of relations and numbers
from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.in_force.part_rules import PartRulesKept
from qc_edge.domain.parts.stored import StoredPart, seen_views
from qc_edge.query.rows import Rows
from qc_edge.query.source import Span

_BEFORE = 100_000
"""The first views of a part stand so many rows before it at most."""

_SEEN = (
    "list({'frame': v.frame_id, 'view': v.view, 'verdict': v.verdict, 'reason': v.reason, "
    "'hold_reason': v.hold_reason, 'score': v.score, "
    "'settings': v.settings_digest} ORDER BY v.chain_seq) "
    "FILTER (v.hold_reason IS DISTINCT FROM 'late_view')"
)


def check_parts(
    report: AuditReport, rows: Rows, first: int, last: int, settings_history: Path
) -> None:
    """Check the parts and views number `first` to `last`. Raises StoreError."""
    with rows.held():
        if "attempt_id" in rows.columns("inspections") and rows.columns("parts"):
            rules = PartRulesKept(settings_history)
            _check_told(report, rows, first, last, rules)
            _check_untold(report, rows, first, last)


def _check_told(
    report: AuditReport, rows: Rows, first: int, last: int, rules: PartRulesKept
) -> None:
    known: dict[str, str] = {}
    for seq, attempt, part_id, values, seen in _parts(rows, first, last):
        where = f"{rows.place} row {seq}, part {part_id}, {attempt}"
        views = {each["frame"]: each for each in seen or ()}
        if _check_views(report, where, values, views):
            _check_rule(report, where, values["rule"], views, rules)
        for frame in values["frames"].split():
            if frame in known:
                report.fault(
                    "view_of_two_parts",
                    f"{frame} is a view of {known[frame]} as well",
                    where,
                    "one frame, one part: report it with the journal of that hour",
                )
            known[frame] = attempt


def _check_untold(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    for seq, attempt, part_id, frames, is_newest in _without_part(rows, first, last):
        where = f"{rows.place} row {seq}, part {part_id}, {attempt}"
        if is_newest:
            report.note("part_half_seen", f"{frames} of its views are recorded so far", where)
        else:
            report.fault(
                "views_without_part",
                f"{frames} of its views are recorded, and not what the line was told of it",
                where,
                "was the row of the part deleted? the journal has it",
            )


def _check_views(
    report: AuditReport, where: str, values: Mapping[str, Any], views: Mapping[str, Any]
) -> bool:
    """True if its disposition follows from its views by its rule."""
    named = dict(zip(values["frames"].split(), values["views_seen"].split(), strict=False))
    if {frame: each["view"] for frame, each in views.items()} != named:
        missing = sorted(set(named) - set(views)) or sorted(set(views) ^ set(named))
        report.fault(
            "part_without_views",
            f"it was told by the views {values['views_seen']}, and the rows of its views are "
            f"others: {', '.join(missing) or 'their names differ'}",
            where,
            "were inspections deleted? the journal has them",
        )
        return False
    try:
        part = StoredPart(
            values["disposition"],
            values["reason"],
            values["rule"],
            values["views_expected"],
            values["views_missing"],
            seen_views(list(views.values())),
        )
        if part.is_held_for_itself:
            return False
        decision = part.decide_again()
        given = (str(decision.disposition), str(decision.reason))
    except ValueError:
        given = (f"no rule {values['rule']!r}", "")
    if given != (values["disposition"], values["reason"]):
        report.fault(
            "wrong_disposition",
            f"{values['disposition']}, {values['reason']}: by the rule {values['rule']} its views "
            f"give {given[0]}, {given[1]}",
            where,
            "hold the part; if the row agrees with its hash, the software that wrote it was at "
            "fault",
        )
        return False
    return True


def _check_rule(
    report: AuditReport,
    where: str,
    rule: str,
    views: Mapping[str, Mapping[str, Any]],
    rules: PartRulesKept,
) -> None:
    """A part is judged by the rule of its views' settings, which are those under their recipe."""
    kept = {rules.text(each["settings"]) for each in views.values()}
    if None not in kept and rule not in kept:
        report.fault(
            "wrong_rule",
            f"it was decided by the rule {rule!r}; the settings that judged its views, with the "
            f"recipe of then, say {' or '.join(map(repr, sorted(filter(None, kept))))}",
            where,
            "hold the part; if the row agrees with its hash, the software that wrote it was at "
            "fault",
        )


def _parts(rows: Rows, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    names = ("frames", "views_expected", "views_seen", "views_missing", "rule")
    fields = ", ".join(f"'{name}': p.{name}" for name in (*names, "disposition", "reason"))
    parts, views = _relations(rows, first, last)
    if parts is None or views is None:
        return
    for portion in rows.source.portions(
        f"SELECT p.chain_seq, p.attempt_id, p.part_id, any_value({{{fields}}}), {_SEEN} "
        f"FROM {parts} p LEFT JOIN {views} v ON v.attempt_id = p.attempt_id "
        f"WHERE p.chain_seq BETWEEN {first} AND {last} GROUP BY ALL ORDER BY p.chain_seq"
    ):
        yield from portion


def _without_part(rows: Rows, first: int, last: int) -> Iterator[tuple[Any, ...]]:
    """(row, part, its id, frames, whether no part was told since) of views without a part."""
    parts, views = _relations(rows, first, last)
    if parts is None or views is None:
        return
    newest = f"(SELECT coalesce(max(chain_seq), 0) FROM {parts})"
    for portion in rows.source.portions(
        f"SELECT min(v.chain_seq), v.attempt_id, any_value(v.part_id), count(*), "
        f"max(v.chain_seq) > {newest} "
        f"FROM {views} v WHERE v.attempt_id IS NOT NULL AND v.chain_seq BETWEEN {first} AND {last} "
        f"AND v.hold_reason IS DISTINCT FROM 'late_view' "
        f"AND v.attempt_id NOT IN (SELECT attempt_id FROM {parts}) "
        f"GROUP BY v.attempt_id ORDER BY 1"
    ):
        yield from portion


def _relations(rows: Rows, first: int, last: int) -> tuple[str | None, str | None]:
    wide = Span(first=max(1, first - _BEFORE), last=last)
    return rows.source.relation("parts", wide), rows.source.relation("inspections", wide)
