"""Pieces of SQL that `history` asks with. Opens nothing and asks nothing."""

from __future__ import annotations

from datetime import timezone

from qc_edge.domain.history import Selection

MODEL_COLUMNS = ("model_name", "model_version")
COLUMNS = (
    "frame_id",
    "recorded_at",
    "part_id",
    "camera",
    "score",
    "threshold",
    "threshold_id",
    "verdict",
    *MODEL_COLUMNS,
    "raw_path",
    "prepared_path",
    "prepared_sha256",
    "preprocess_id",
)
SHADOW_COLUMNS = ("frame_id", "score", "threshold", "dropped_before", *MODEL_COLUMNS)
PART_CELL = (
    r"CASE WHEN regexp_matches(part_id, '^[=+\-@\t\r]') THEN '''' || part_id ELSE part_id END"
)
# As domain.printable.csv_cell: a spreadsheet must not take an id for a formula.

BADNESS = (
    "CASE WHEN label = 'defect' AND replayed = 'PASS' THEN 0 "
    "WHEN label = 'good' AND replayed = 'FAIL' THEN 1 WHEN label IS NOT NULL THEN 4 "
    "WHEN replayed = 'PASS' THEN 2 ELSE 3 END"
)
"""As Flip.badness."""

# Where a log of an older version of the program has no such table.
NO_SHADOW = (
    "(SELECT NULL::VARCHAR AS frame_id, NULL::DOUBLE AS score, NULL::DOUBLE AS threshold, "
    "NULL::VARCHAR AS model_name, NULL::VARCHAR AS model_version, 0::BIGINT AS dropped_before "
    "WHERE false)"
)


def selection_condition(selection: Selection) -> tuple[str, dict[str, object]]:
    """The selection as a WHERE clause (empty if it takes everything) and its parameters."""
    conditions, values = [], dict[str, object]()
    for name, sign, moment in (("since", ">=", selection.since), ("until", "<", selection.until)):
        if moment is not None:
            conditions.append(f"recorded_at {sign} ${name}")
            values[name] = moment.astimezone(timezone.utc).replace(tzinfo=None)
    if selection.model is not None:
        conditions.append("model_name = $model AND model_version = $version")
        values["model"], _, values["version"] = selection.model.partition("@")
    if selection.cameras:
        conditions.append("list_contains($cameras, camera)")
        values["cameras"] = list(selection.cameras)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values
