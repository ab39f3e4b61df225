"""The inspections of a dataset with all that the log knows of them. Reads the published log."""

# ruff: noqa: S608 - relations, columns, quoted texts; what comes from outside is bound
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from qc_edge.dataset.request import DatasetRequest, Wanted
from qc_edge.dataset.sample import LabelInEffect, Sample
from qc_edge.dataset.splits import Member, groups, split_of
from qc_edge.domain.inspection import COLUMNS, Inspection, ShadowScore
from qc_edge.errors import UsageError
from qc_edge.query.label_rows import effective_labels, label_relation
from qc_edge.query.past.station_history import nothing_matches
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.source import Span
from qc_edge.query.typed_rows import aware
from qc_edge.review.agreement import Agreement, agreements
from qc_edge.review.draw import draw_key, drawn_sql
from qc_edge.settings import Settings, StationPaths

_LABEL = (
    "label, defect_class, labelled_by, labelled_as, labelled_at, label_why, labelled_by_people, "
    "disputed, regions"
)
_CONDITIONS = {
    Wanted.LABELLED: "(label IN ('good', 'defect') AND NOT is_disputed)",
    Wanted.FAIL: "verdict = 'FAIL'",
    Wanted.BAND: "(needs_review AND verdict <> 'INVALID')",
    Wanted.DISPUTED: "is_disputed",
}

MOST = 200_000
"""Samples of one dataset, which are held in memory together with their rows."""

Row = dict[str, Any]


def select(
    log: PublishedCursor, paths: StationPaths, settings: Settings, request: DatasetRequest
) -> list[Sample]:
    """The samples, oldest first. Raises UsageError if no inspection is asked for or more than MOST
    are, StoreError.
    """
    query, values, names = _query(log, settings, request)
    if query:
        ((count,),) = log.fetch(f"SELECT count(*) FROM ({query})", values)
        if count > MOST:
            raise UsageError(
                f"{count:,} inspections fit, more than the {MOST:,} that one dataset takes",
                hint="fewer by --since and --until, or by --only labelled; a part is in the same "
                "split in each dataset",
            )
    found: list[tuple[Row, LabelInEffect]] = []
    for portion in log.portions(query, values) if query else ():
        for row in portion:
            of_row = {name: _plain(value) for name, value in zip(names, row, strict=False)}
            whole = dict.fromkeys(COLUMNS[Inspection.TABLE]) | of_row
            found.append((whole, _label(row[len(names) :])))
    if not found:
        raise nothing_matches(paths, database=False)
    shadow = _shadow(log, query, values)
    members = {(row["part_id"], row["lot"]) for row, _ in found}
    tied = groups(members | _of_several_lots(log), request.split.grouping)
    samples = []
    for whole, label in found:
        group = tied[whole["part_id"], whole["lot"]]
        frame = str(whole["frame_id"])
        said = shadow.get(frame, [])
        samples.append(Sample(frame, whole, label, said, group, split_of(group, request.split)))
    return samples


def _of_several_lots(log: PublishedCursor) -> set[Member]:
    """The parts of the whole log that tie lots: they do so in every dataset, whether it holds them
    or not.
    """
    inspections = log.relation(Inspection.TABLE, columns=("part_id", "lot"))
    rows = log.fetch(
        f"SELECT DISTINCT part_id, lot FROM {inspections} WHERE part_id IN (SELECT part_id "
        f"FROM {inspections} GROUP BY part_id HAVING count(DISTINCT coalesce(lot, '')) > 1)"
    )
    return {(part, lot) for part, lot in rows}


def label_agreement(
    log: PublishedCursor, settings: Settings, request: DatasetRequest
) -> list[Agreement]:
    """How people agree who have labelled the same of these inspections, pair by pair."""
    query, values, _ = _query(log, settings, request)
    if not query:
        return []
    rows = log.fetch(
        "WITH words AS (SELECT frame_id, who, arg_max(label, chain_seq) AS said "
        f"FROM {label_relation(log)} WHERE label <> 'disputed' AND frame_id IN "
        f"(SELECT frame_id FROM ({query})) GROUP BY frame_id, who) "
        "SELECT a.who, b.who, a.said, b.said, count(*) FROM words AS a JOIN words AS b "
        "ON a.frame_id = b.frame_id AND a.who < b.who GROUP BY ALL ORDER BY ALL",
        values,
    )
    pairs, _ = agreements(rows)
    return pairs


def _query(
    log: PublishedCursor, settings: Settings, request: DatasetRequest
) -> tuple[str, Mapping[str, object], list[str]]:
    """The question, its parameters and the columns of a row; "" if the table is not there."""
    inspections = log.relation(Inspection.TABLE, Span(since=request.since, until=request.until))
    if inspections is None:
        return "", {}, []
    present = log.columns(Inspection.TABLE)
    names = [name for name in COLUMNS[Inspection.TABLE] if name in present]
    # Named apart from the columns of inspections, of which a label may have the like.
    columns = ", ".join(f"rows.{name}" for name in names)
    # Challenge parts are known by heart: they would flatter whatever is measured on them.
    conditions = ["hold_reason IS DISTINCT FROM 'challenge'"]
    values = dict[str, object]()
    for name, sign, moment in (("since", ">=", request.since), ("until", "<", request.until)):
        if moment is not None:
            conditions.append(f"recorded_at {sign} ${name}")
            values[name] = moment.astimezone(timezone.utc).replace(tzinfo=None)
    if request.wanted:
        conditions.append(f"({' OR '.join(_condition(each, settings) for each in request.wanted)})")
    query = (
        f"SELECT {columns}, {_LABEL} FROM {inspections} AS rows LEFT JOIN "
        f"(SELECT *, disputed AS is_disputed FROM {effective_labels(label_relation(log))}) "
        f"USING (frame_id) WHERE {' AND '.join(conditions)} ORDER BY frame_id"
    )
    return query, values, names


def _condition(wanted: Wanted, settings: Settings) -> str:
    if wanted is Wanted.SAMPLE:
        drawn = drawn_sql(draw_key(settings, "audit"), settings.review.audit_share)
        return f"(verdict = 'PASS' AND {drawn})"
    return f"coalesce({_CONDITIONS[wanted]}, false)"


def _label(values: tuple[Any, ...]) -> LabelInEffect:
    said, defect_class, who, role, at, why, people, disputed, regions = values
    return LabelInEffect(
        said, defect_class, who, role, _plain(at), why, people or 0, bool(disputed), regions
    )


def _shadow(
    log: PublishedCursor, query: str, values: Mapping[str, object]
) -> Mapping[str, list[Row]]:
    relation = log.relation(ShadowScore.TABLE)
    if relation is None:
        return {}
    names = COLUMNS[ShadowScore.TABLE]
    rows = log.fetch(
        f"SELECT {', '.join(names)} FROM {relation} WHERE frame_id IN "
        f"(SELECT frame_id FROM ({query})) ORDER BY frame_id, chain_seq",
        values,
    )
    found: dict[str, list[Row]] = {}
    for row in rows:
        named = {name: _plain(value) for name, value in zip(names, row, strict=True)}
        found.setdefault(named["frame_id"], []).append(named)
    return found


def _plain(value: Any) -> Any:
    """A value of the log as JSON has it."""
    return aware(value).isoformat() if isinstance(value, datetime) else value
