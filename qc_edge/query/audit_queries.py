"""The queries of an audit, in SQL. They give rows; what those mean is for the audit to say.

In each, {rows} stands for the rows of one table between two numbers of the chain (`Rows.select`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from qc_edge.query.rows import Rows

WRONG_VERDICTS = """
SELECT chain_seq, frame_id, part_id, score, threshold, verdict, disposition, hold_reason,
       needs_review
FROM {rows} WHERE verdict IS DISTINCT FROM
          CASE WHEN score IS NULL THEN 'INVALID' WHEN score >= threshold THEN 'FAIL' ELSE 'PASS' END
   OR disposition IS DISTINCT FROM
          CASE WHEN score IS NULL OR hold_reason IS NOT NULL THEN 'HOLD'
               WHEN score >= threshold THEN 'REJECT' ELSE 'ACCEPT' END
   OR needs_review IS DISTINCT FROM (score IS NULL OR abs(score - threshold) <= review_band)
ORDER BY chain_seq
"""
"""Of inspections: those that `domain.verdict.decide` would not give for their own score, threshold,
review band and hold reason.
"""

TWICE = (
    "SELECT {name}, count(*), min(chain_seq) FROM {rows} GROUP BY {name} HAVING count(*) > 1 "
    "ORDER BY {name}"
)
"""Values of the id column {name} that more than one row has."""

MASKED_LABELS = (
    "SELECT chain_seq, label_id, part_id, regions FROM {rows} "
    "WHERE contains(regions, '\"mask\"') ORDER BY chain_seq"
)
LABELS = "SELECT chain_seq, label_id, frame_id, part_id FROM {rows} ORDER BY chain_seq"

JUMPS = """
SELECT camera, previous_id, frame_id, previous + 1, number - 1 FROM (
    SELECT camera, frame_id, camera_frame_number AS number,
           lag(camera_frame_number) OVER (PARTITION BY camera ORDER BY frame_id) AS previous,
           lag(frame_id) OVER (PARTITION BY camera ORDER BY frame_id) AS previous_id
    FROM {rows} WHERE original_name IS NULL AND camera_frame_number IS NOT NULL)
WHERE number > previous + 1 ORDER BY frame_id
"""
"""Of inspections: gaps in a camera's own frame numbers, with the frames before and after and the
first and last number that is missing. Files dropped by other nodes (`original_name`) have none.
"""

NUMBERLESS = (
    "SELECT camera, frame_id FROM {rows} WHERE original_name IS NULL AND "
    "camera_frame_number IS NULL"
)
"""Of inspections: frames of the station's own cameras that came without a number."""

UNCOUNTED = """
SELECT camera, count(*) FILTER (original_name IS NOT NULL OR camera_frame_number IS NULL), count(*)
FROM {rows} GROUP BY camera ORDER BY camera
"""
"""Of inspections: how many frames of each camera have no number of it, and how many there are."""

OPENED = (
    "SELECT who, event_id FROM {rows} WHERE kind IN ('camera_opened', 'camera_back') ORDER "
    "BY event_id"
)
"""Of events: when a camera was opened, from which its numbers begin anew."""

LOSSES = """
SELECT camera, gap_id, lost, first_frame_number, last_frame_number FROM {rows}
WHERE first_frame_number IS NOT NULL ORDER BY gap_id
"""
"""Of gaps: frames that are known to be lost, by the camera's numbers."""

SEALS = "SELECT detail, after FROM {rows} WHERE kind = 'sealed' ORDER BY chain_seq"
"""Of events: the day that was sealed (first word of `detail`) and the digest of its manifest."""

RULE_RUNS = """
WITH marked AS (
    SELECT chain_seq, camera, captured_at,
           hash(calibration_id, threshold_id, threshold, settings_digest, model_name, model_version,
                model_sha256, engine_backend, engine_version, engine_device, engine_plan_sha256,
                {view}, {recipe})
           AS rules
    FROM {rows}),
begun AS (
    SELECT *, rules IS DISTINCT FROM lag(rules) OVER (PARTITION BY camera ORDER BY chain_seq)
              AS begins
    FROM marked),
numbered AS (
    SELECT chain_seq, camera, captured_at,
           sum(begins::INTEGER) OVER (PARTITION BY camera ORDER BY chain_seq) AS run FROM begun),
runs AS (
    SELECT min(chain_seq) AS first_seq, max(chain_seq) AS last_seq, count(*) AS count,
           max(captured_at)::TIMESTAMP AS exposed_until
    FROM numbered GROUP BY camera, run)
SELECT camera, first_seq, last_seq, count, frame_id, calibration_id, threshold_id, threshold,
       settings_digest, model_name, model_version, model_sha256, engine_backend, engine_version,
       engine_device, engine_plan_sha256, {view}, {recipe}, exposed_until
FROM runs JOIN {rows} AS inspected ON inspected.chain_seq = first_seq ORDER BY first_seq
"""
"""Of inspections: for each camera the stretches of rows that name the same rules; {view} and
{recipe} are the columns of that name, NULL where older rows have none.
"""

BACKWARDS = """
SELECT * FROM (
    SELECT chain_seq, recorded_at::TIMESTAMP AS recorded, lag(chain_seq) OVER chain AS before_seq,
           lag(recorded_at::TIMESTAMP) OVER chain AS before
    FROM {rows} WINDOW chain AS (ORDER BY chain_seq))
WHERE recorded < before - INTERVAL 2 SECOND ORDER BY chain_seq
"""
"""Of all tables: rows that were recorded over 2 s before the row before them."""

CLOCK_EVENTS = """
SELECT chain_seq, recorded_at::TIMESTAMP, detail FROM {rows} WHERE kind = 'clock' ORDER BY chain_seq
"""
"""Of events: what was noticed about the wall clock."""

NEWEST_ID = "SELECT max({name}) FROM {rows}"
"""The highest id of a table, in its column {name}."""

OTHER_IDS = "SELECT {name} FROM {rows} WHERE {name} IS NOT NULL"
"""All ids of a table that has few rows."""

SET_ASIDE = """
SELECT regexp_extract(detail, '^[0-9]{8}T[0-9]{12}Z-[a-z0-9-]+') FROM {rows}
WHERE kind IN ('row_unreadable', 'sidecar_set_aside')
"""
"""Of events: the ids of what is in quarantine and was no frame; their `detail` begins with it."""


@dataclass(frozen=True, slots=True)
class EvidenceClaim:
    """What a row says of its evidence, and what is needed to make the prepared input again."""

    chain_seq: int
    frame_id: str
    part_id: str
    camera: str
    original_name: str | None
    pixel_format: str | None
    bit_depth: int | None
    reason: str
    raw_path: str | None
    raw_sha256: str | None
    prepared_path: str | None
    prepared_sha256: str | None
    map_path: str | None
    map_sha256: str | None
    preprocess_id: str
    calibration_id: str
    recorded_at: datetime


def evidence_claims(rows: Rows, first: int, last: int) -> Iterator[EvidenceClaim]:
    """What the inspections number `first` to `last` say of their evidence. Raises StoreError."""
    present = rows.columns("inspections")
    columns = ", ".join(
        name if name in present else f"NULL AS {name}" for name in EvidenceClaim.__slots__
    )
    query = f"SELECT {columns} FROM {{rows}} ORDER BY chain_seq"  # noqa: S608
    return (EvidenceClaim(*row) for row in rows.select(query, "inspections", first, last))


def fetch(rows: Rows, query: str, table: str, first: int, last: int) -> list[tuple[Any, ...]]:
    """The whole result of one of the queries above. Raises StoreError."""
    with rows.held():
        return list(rows.select(query, table, first, last))
