"""SQL of the review queue, over relations of the published log. Asks nothing."""

# ruff: noqa: S608 - relations, quoted texts and numbers
from __future__ import annotations

from collections.abc import Collection

from qc_edge.review.item import BASE

NEEDED = (*BASE, "reason", "review_band", "needs_review", "hold_reason")
"""Columns of inspections that every version has."""

CHANGES = ("threshold", "model", "engine", "calibration", "recipe", "settings", "software")
"""Kinds of event after which the first parts are looked at."""

_BASE = ", ".join(BASE)
_OF_PRODUCTION = "hold_reason IS DISTINCT FROM 'challenge'"
"""What challenge parts are is known: nobody is asked."""


def candidates(inspections: str, present: Collection[str], drawn: str) -> str:
    """Inspections above `$after` in the chain that anything speaks for: the columns BASE, then one
    for each cause. `drawn` is the condition of the audit sample.

    Parameters: $after, $since; $changes (numbers in the chain), $first (parts after each), and what
    was counted before: $cameras, $after_which, $counts.
    """
    map_max = "map_max" if "map_max" in present else "NULL::DOUBLE"
    return f"""
WITH changes AS (SELECT unnest($changes::BIGINT[]) AS change_seq),
counted AS (
    SELECT unnest($cameras::VARCHAR[]) AS camera, unnest($after_which::BIGINT[]) AS change_seq,
           unnest($counts::BIGINT[]) AS seen),
judged AS (
    SELECT {_BASE}, reason, review_band, needs_review, {map_max} AS map_max, change_seq
    FROM {inspections} AS rows ASOF LEFT JOIN changes ON rows.chain_seq > changes.change_seq
    WHERE rows.chain_seq > $after AND rows.recorded_at >= $since AND {_OF_PRODUCTION}),
numbered AS (
    SELECT judged.*, coalesce(seen, 0) + row_number() OVER (
        PARTITION BY judged.camera, judged.change_seq ORDER BY chain_seq) AS number
    FROM judged LEFT JOIN counted
    ON judged.camera = counted.camera AND judged.change_seq = counted.change_seq),
told AS (
    SELECT {_BASE},
           CASE WHEN needs_review AND verdict <> 'INVALID' THEN review_band END AS near_band,
           CASE WHEN verdict = 'INVALID' THEN reason END AS refused,
           CASE WHEN (verdict = 'PASS' AND map_max >= threshold)
                  OR (verdict = 'FAIL' AND map_max < threshold) THEN map_max END AS odd_map,
           CASE WHEN number <= $first THEN change_seq END AS change_seq, number,
           verdict = 'PASS' AND {drawn} AS drawn
    FROM numbered)
SELECT * FROM told
WHERE near_band IS NOT NULL OR refused IS NOT NULL OR odd_map IS NOT NULL
   OR change_seq IS NOT NULL OR drawn
"""


def counted_after_changes(inspections: str) -> str:
    """How many inspections each camera has above `$after` since the change before them."""
    return f"""
WITH changes AS (SELECT unnest($changes::BIGINT[]) AS change_seq)
SELECT camera, change_seq, count(*), max(rows.chain_seq), max(recorded_at)
FROM (SELECT camera, chain_seq, recorded_at FROM {inspections}
      WHERE chain_seq > $after AND recorded_at >= $since AND {_OF_PRODUCTION}) AS rows
ASOF LEFT JOIN changes ON rows.chain_seq > changes.change_seq
GROUP BY camera, change_seq
"""


def shadow_disagreements(shadow: str, inspections: str) -> str:
    """Inspections of which the shadow said something else, of its rows above `$after`: BASE, then
    the shadow's model, verdict and score, and its row's number.
    """
    base = ", ".join(f"rows.{name}" for name in BASE)
    return f"""
SELECT {base}, said.model_name || '@' || said.model_version, said.verdict, said.score,
       said.chain_seq
FROM {shadow} AS said JOIN {inspections} AS rows USING (frame_id)
WHERE said.chain_seq > $after AND said.score IS NOT NULL AND rows.score IS NOT NULL
  AND said.verdict <> rows.verdict
"""


def by_frame(inspections: str) -> str:
    """The columns BASE of the inspections `$frames`."""
    return (
        f"SELECT {_BASE} FROM {inspections} "
        "WHERE frame_id IN (SELECT unnest($frames::VARCHAR[])) ORDER BY frame_id"
    )


def opinions(labels: str, effective: str) -> str:
    """Of each frame with a label above `$after`: the label in effect, whether it is disputed, who
    has said something, who has said something since the last dispute, the newest number, and why it
    was disputed. `effective` is the rule over the relation `mine`.
    """
    return f"""
WITH touched AS (SELECT DISTINCT frame_id FROM {labels} WHERE chain_seq > $after),
mine AS (SELECT * FROM {labels} WHERE frame_id IN (FROM touched)),
doubts AS (
    SELECT frame_id, max(chain_seq) AS seq, arg_max(why, chain_seq) AS doubt
    FROM mine WHERE label = 'disputed' GROUP BY frame_id),
people AS (
    SELECT frame_id, max(chain_seq) AS newest, any_value(doubt) AS doubt,
           list(DISTINCT who) FILTER (label <> 'disputed') AS spoke,
           list(DISTINCT who) FILTER (label <> 'disputed' AND chain_seq > coalesce(seq, 0)) AS since
    FROM mine LEFT JOIN doubts USING (frame_id) GROUP BY frame_id)
SELECT frame_id, now.label, now.disputed, spoke, since, newest, doubt
FROM people LEFT JOIN {effective} AS now USING (frame_id)
"""
