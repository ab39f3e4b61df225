"""A sample of the inputs that a model has scored: those nearest the threshold, and the newest.

For the running station, which has the log open: reads through its ledger.
"""

from __future__ import annotations

from qc_edge.domain.acceptance import ScoreSource, score_words
from qc_edge.domain.history import StoredInput
from qc_edge.query.typed_rows import with_aware_time
from qc_edge.store.log.ledger import Ledger

RECENT_ROWS = 5_000
"""The newest of the model's rows are sampled: the last shifts, not its whole past."""


def sample_inputs(ledger: Ledger, model: str, size: int) -> list[StoredInput]:
    """At most `size` scored inspections of `model` (NAME@VERSION) whose prepared input was kept,
    oldest first.

    All were scored by the one engine that ran this model last, as scores of different engines need
    not agree. Half of them are the nearest to their threshold, where a score that moves turns a
    verdict; the others are the newest. Raises StoreError.
    """
    name, _, version = model.partition("@")
    engine_columns = (
        "model_sha256",
        "engine_backend",
        "engine_version",
        "engine_device",
        "engine_plan_sha256",
    )
    columns = (
        "frame_id, part_id, recorded_at, camera, score, threshold, verdict, prepared_path, "
        "prepared_sha256"
    )
    engine = ", ".join(engine_columns)
    same_engine = " AND ".join(
        f"recent.{name} IS NOT DISTINCT FROM last.{name}" for name in engine_columns
    )
    query = (
        f"WITH recent AS (SELECT {columns}, chain_seq, {engine} FROM inspections "  # noqa: S608
        "WHERE model_name = $name AND model_version = $version AND score IS NOT NULL "
        f"AND prepared_path IS NOT NULL ORDER BY chain_seq DESC LIMIT {RECENT_ROWS}), "
        f"last AS (SELECT {engine} FROM recent ORDER BY chain_seq DESC LIMIT 1), "
        "alike AS (SELECT recent.*, row_number() OVER (ORDER BY recent.chain_seq DESC) AS age, "
        "row_number() OVER (ORDER BY abs(score - threshold), recent.chain_seq DESC) AS distance "
        f"FROM recent JOIN last ON {same_engine}) "
        f"SELECT {columns} FROM alike WHERE age <= $size // 2 OR distance <= $size // 2 ORDER BY "
        "chain_seq"
    )
    with ledger.snapshot() as log:
        rows = log.execute(query, {"name": name, "version": version, "size": size}).fetchall()
    return [StoredInput(*with_aware_time(row)) for row in rows]


def last_scored_by(ledger: Ledger, model: str) -> ScoreSource | None:
    """The model file and the engine of the newest row that `model` (NAME@VERSION) has scored, in
    the words of the snapshots; None if it has scored none. Raises StoreError.
    """
    name, _, version = model.partition("@")
    query = (
        "SELECT model_sha256, engine_backend, engine_version, engine_device, engine_plan_sha256 "
        "FROM inspections WHERE model_name = $name AND model_version = $version "
        "AND score IS NOT NULL ORDER BY chain_seq DESC LIMIT 1"
    )
    with ledger.snapshot() as log:
        row = log.execute(query, {"name": name, "version": version}).fetchone()
    if row is None:
        return None
    sha256, backend, engine_version, device, plan = row
    return score_words(model, sha256, f"{backend} {engine_version} on {device}", plan)
