"""Which judged parts stand for a model's past: those nearest the threshold, and the newest."""

from __future__ import annotations

from datetime import timezone
from typing import Any

from qc_edge.domain.history import StoredInput
from qc_edge.store.ledger import Ledger

_RECENT = 5_000
"""Rows that are looked at: the last shifts, not the whole past of the model."""


def sample(ledger: Ledger, model: str, size: int) -> list[StoredInput]:
    """At most `size` judged inspections of `model` (NAME@VERSION) whose prepared input is kept,
    oldest first.

    All by the one engine that judged with this model last. Half of them are the nearest to their
    threshold, where a score that moves turns a verdict; the others are the newest. Raises
    StoreError.
    """
    name, _, version = model.partition("@")
    same = (
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
    query = (
        f"WITH recent AS (SELECT {columns}, chain_seq, {', '.join(same)} FROM inspections "  # noqa: S608
        "WHERE model_name = $name AND model_version = $version AND score IS NOT NULL "
        f"AND prepared_path IS NOT NULL ORDER BY chain_seq DESC LIMIT {_RECENT}), "
        f"last AS (SELECT {', '.join(same)} FROM recent ORDER BY chain_seq DESC LIMIT 1), "
        "alike AS (SELECT recent.*, row_number() OVER (ORDER BY recent.chain_seq DESC) AS age, "
        "row_number() OVER (ORDER BY abs(score - threshold), recent.chain_seq DESC) AS distance "
        "FROM recent "
        "JOIN last ON "
        f"{' AND '.join(f'recent.{each} IS NOT DISTINCT FROM last.{each}' for each in same)}) "
        f"SELECT {columns} FROM alike WHERE age <= $size // 2 OR distance <= $size // 2 ORDER BY "
        "chain_seq"
    )
    with ledger.snapshot() as log:
        rows = log.execute(query, {"name": name, "version": version, "size": size}).fetchall()
    return [StoredInput(*_timed(row)) for row in rows]


def _timed(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:2], row[2].replace(tzinfo=timezone.utc), *row[3:])
