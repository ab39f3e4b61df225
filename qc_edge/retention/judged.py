# ruff: noqa: S608 - relations, quoted texts and numbers
"""SQL that says of each inspection of a day what the rules make of its pictures. Asks nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum

from qc_edge.domain.evidence.retention import RetentionClass, RetentionPolicy
from qc_edge.query.kept.hold_rows import held_frames
from qc_edge.query.label_rows import effective_labels
from qc_edge.query.past.input_sample import RECENT_ROWS
from qc_edge.store.log.duck import quoted

NEWEST_INPUTS = RECENT_ROWS
"""Of each model so many of the newest inputs stay, whatever the rules say: by these its scores are
compared after a change of engine, at a start and at a changeover (query/past/input_sample.py).
"""

_COLUMNS = (
    "frame_id, part_id, lot, camera, captured_at, recorded_at, verdict, score, needs_review, "
    "raw_path, prepared_path, map_path, raw_sha256, prepared_sha256, map_sha256, model_name, "
    "model_version, chain_seq"
)

_FITS = {
    RetentionClass.PASS: "verdict = 'PASS'",
    RetentionClass.FAIL: "verdict = 'FAIL'",
    RetentionClass.INVALID: "verdict = 'INVALID'",
    RetentionClass.NEAR_THRESHOLD: "score IS NOT NULL AND needs_review",
    RetentionClass.REVIEWED: "is_reviewed",
    RetentionClass.AUDIT: "is_audit",
}


_JUDGED_AT = (
    "greatest(recorded_at, "
    "coalesce(try_strptime(left(of_day.frame_id, 15), '%Y%m%dT%H%M%S'), recorded_at))"
)
"""By the frame's id where that is later: under a clock that stands years back, as without a battery
at the start, ids rise all the same, and what was judged just now is not old.
"""


class PictureState(str, Enum):
    """What the rules make of an inspection's pictures. The codes are those of the SQL."""

    HELD = "held"
    DISPUTED = "disputed"
    UNREVIEWED_FAIL = "unreviewed_fail"
    UNSYNCED = "unsynced"
    THINNED = "thinned"
    """One of those that are kept of many."""
    FOR_EVER = "for_ever"
    """A class that fits has no days."""
    YOUNG = "young"
    """Younger than its days; may go earlier where the room is short."""
    DUE = "due"
    NEEDED = "needed"
    """Only an input is left, which models are still compared by."""

    __str__ = str.__str__


@dataclass(frozen=True, slots=True)
class Relations:
    """What stands behind FROM for each table, with all columns."""

    inspections: str
    labels: str
    holds: str
    deletions: str


@dataclass(frozen=True, slots=True)
class RetentionQuestion:
    """What the rules are asked: by which policy, at which moment (aware UTC), which draw of the
    audit (SQL), and which days are upstream (None: nothing is to be sent).
    """

    policy: RetentionPolicy
    now: datetime
    drawn: str
    synced: frozenset[date] | None


def needed_inputs(inspections: str) -> str:
    """Of each model the number in the chain from which its inputs are needed."""
    return (
        "SELECT model_name, model_version, CASE WHEN count(*) > "
        f"{NEWEST_INPUTS} THEN list_min(max(chain_seq, {NEWEST_INPUTS})) ELSE 0 END AS needed_from "
        f"FROM {inspections} WHERE score IS NOT NULL AND prepared_path IS NOT NULL GROUP BY ALL"
    )


def judged_pictures(relations: Relations, question: RetentionQuestion) -> str:
    """Each inspection of the frames from $low up to but without $high that has pictures left: its
    names, paths and digests, `pictures` that may go, `state`, `retention_class` and `days`.

    Parameters: $low, $high, and $models, $versions, $needed_from as `needed_inputs` gives them.
    """
    of_day = "WHERE frame_id >= $low AND frame_id < $high"
    labels = effective_labels(f"(SELECT * FROM {relations.labels} {of_day})")
    moment = f"TIMESTAMP '{question.now:%Y-%m-%d %H:%M:%S}'"
    return f"""
WITH of_day AS (SELECT {_COLUMNS} FROM {relations.inspections} {of_day}),
needed AS (
    SELECT unnest($models::VARCHAR[]) AS model_name, unnest($versions::VARCHAR[]) AS model_version,
           unnest($needed_from::BIGINT[]) AS needed_from),
on_hold AS (SELECT DISTINCT frame_id FROM {held_frames("of_day", relations.holds)}),
gone AS (
    SELECT frame_id, string_agg(pictures, ' ') AS gone FROM {relations.deletions} {of_day}
    GROUP BY frame_id),
seen AS (
    SELECT of_day.*, coalesce(disputed, false) AS is_disputed,
           on_hold.frame_id IS NOT NULL AS is_held,
           coalesce(said.label NOT IN ('unsure'), false) AS is_reviewed,
           verdict = 'PASS' AND ({question.drawn}) AS is_audit,
           coalesce(gone, '') AS gone, chain_seq >= coalesce(needed_from, 0) AS is_needed,
           epoch({moment} - {_JUDGED_AT}) / 86400 AS age,
           ('0x' || left(coalesce(raw_sha256, sha256(of_day.frame_id)), 12))::UBIGINT AS lot_number
    FROM of_day LEFT JOIN {labels} AS said ON said.frame_id = of_day.frame_id
    LEFT JOIN on_hold ON on_hold.frame_id = of_day.frame_id
    LEFT JOIN gone ON gone.frame_id = of_day.frame_id
    LEFT JOIN needed ON needed.model_name = of_day.model_name
        AND needed.model_version = of_day.model_version),
ruled AS (
    SELECT *, {_kept_days(question.policy)} AS days, {_thinned(question.policy)} AS is_thinned,
           {_left("raw")} AS raw_left, {_left("prepared")} AS prepared_left,
           {_left("map")} AS map_left
    FROM seen),
stated AS (
    SELECT *, {_decides(question.policy)} AS retention_class,
           concat_ws(' ', CASE WHEN raw_left THEN 'raw' END,
               CASE WHEN prepared_left AND NOT is_needed THEN 'prepared' END,
               CASE WHEN map_left THEN 'map' END) AS pictures
    FROM ruled WHERE raw_left OR prepared_left OR map_left)
SELECT frame_id, part_id, raw_path, prepared_path, map_path, raw_sha256, prepared_sha256,
       map_sha256, pictures, retention_class, days, age,
       CASE WHEN is_held THEN 'held' WHEN is_disputed THEN 'disputed'
            WHEN verdict = 'FAIL' AND NOT is_reviewed THEN 'unreviewed_fail'
            WHEN NOT ({_synced(question.synced)}) THEN 'unsynced'
            WHEN is_thinned THEN 'thinned' WHEN isinf(days) THEN 'for_ever'
            WHEN pictures = '' THEN 'needed' WHEN age < days THEN 'young' ELSE 'due' END AS state
FROM stated"""


def _left(picture: str) -> str:
    # What is in quarantine is for people to look at, and stays.
    is_evidence = f"coalesce({picture}_path LIKE 'evidence/%', false)"
    return f"({is_evidence} AND NOT contains(gone, '{picture}'))"


def _kept_days(policy: RetentionPolicy) -> str:
    """The days of the class that keeps it longest; infinite where one that fits has none."""
    days = (
        f"CASE WHEN {_FITS[each]} THEN {_number(rule.days)} ELSE 0.0 END"
        for each, rule in policy.rules.items()
    )
    return f"greatest({', '.join(days)})"


def _decides(policy: RetentionPolicy) -> str:
    """The class whose days count."""
    branches = (
        f"WHEN {_FITS[each]} AND days = {_number(rule.days)} THEN '{each}'"
        for each, rule in policy.rules.items()
    )
    return f"CASE {' '.join(branches)} END"


def _thinned(policy: RetentionPolicy) -> str:
    kept = [
        f"({_FITS[each]} AND lot_number % {rule.every} = 0)"
        for each, rule in policy.rules.items()
        if rule.every
    ]
    return " OR ".join(kept) or "false"


def _number(days: float | None) -> str:
    return "'Infinity'::DOUBLE" if days is None else f"{days!r}::DOUBLE"


def _synced(days: frozenset[date] | None) -> str:
    if days is None:
        return "true"
    listed = ", ".join(quoted(str(day)) for day in sorted(days))
    return f"recorded_at::DATE IN ({listed})" if listed else "false"
