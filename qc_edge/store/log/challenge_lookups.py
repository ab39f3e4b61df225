"""What a running station looks up of its challenges. Writes nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb

from qc_edge.domain.inspection import COLUMNS

Values = Mapping[str, Any]
"""The values of a row by column."""


def newest_entries(log: duckdb.DuckDBPyConnection) -> list[Values]:
    """The newest row of the register for each recipe and serial, in the order in which the parts
    came into it. Raises duckdb.Error.
    """
    return _rows(
        log,
        "challenge_parts",
        "SELECT {columns} FROM (SELECT *, min(chain_seq) OVER mine AS first, row_number() OVER "
        "(mine ORDER BY chain_seq DESC) AS number FROM challenge_parts "
        "WINDOW mine AS (PARTITION BY recipe, serial)) WHERE number = 1 ORDER BY first",
    )


def newest_challenges(log: duckdb.DuckDBPyConnection) -> list[Values]:
    """The newest row for each recipe of the challenges that were not given up. Raises
    duckdb.Error.
    """
    return _rows(
        log,
        "challenges",
        "SELECT {columns} FROM challenges WHERE outcome <> 'given_up' "
        "QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY chain_seq DESC) = 1",
    )


def last_passed(log: duckdb.DuckDBPyConnection) -> list[Values]:
    """The newest row for each recipe of the challenges that passed. Raises duckdb.Error."""
    return _rows(
        log,
        "challenges",
        "SELECT {columns} FROM challenges WHERE outcome = 'passed' "
        "QUALIFY row_number() OVER (PARTITION BY recipe ORDER BY chain_seq DESC) = 1",
    )


def missed_without_end(log: duckdb.DuckDBPyConnection) -> list[Values]:
    """Challenges that missed a part and have no row of their end. Raises duckdb.Error."""
    names = ("challenge_id", "recipe", "began_at", "shown", "missed", "detail")
    rows = log.execute(
        "SELECT challenge_id, any_value(recipe), min(captured_at), count(DISTINCT serial), "
        "count_if(outcome = 'missed'), "
        "string_agg(detail, '; ' ORDER BY chain_seq) FILTER (outcome = 'missed') "
        "FROM challenge_results WHERE challenge_id <> 'none' "
        "AND challenge_id NOT IN (SELECT challenge_id FROM challenges) "
        "GROUP BY challenge_id HAVING count_if(outcome = 'missed') > 0 ORDER BY min(chain_seq)"
    ).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def same_picture_before(
    log: duckdb.DuckDBPyConnection, frames: Sequence[str], digests: Sequence[str]
) -> str | None:
    """An inspection of a challenge part, none of `frames`, whose frame has one of these digests of
    its pixels (sha256, hex); None if there is none. Raises duckdb.Error.
    """
    row = log.execute(
        "SELECT frame_id FROM inspections WHERE hold_reason = 'challenge' "
        "AND list_contains($1, raw_sha256) AND NOT list_contains($2, frame_id) LIMIT 1",
        [list(digests), list(frames)],
    ).fetchone()
    return row[0] if row else None


def times_shown(log: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How often each serial was shown. Raises duckdb.Error."""
    return dict(
        log.execute("SELECT serial, count(*) FROM challenge_results GROUP BY serial").fetchall()
    )


def known_records(log: duckdb.DuckDBPyConnection, ids: Sequence[str]) -> set[str]:
    """Those of the records with these ids that have a row already. Raises duckdb.Error."""
    rows = log.execute(
        "SELECT record_id FROM challenge_parts WHERE list_contains($1, record_id)", [list(ids)]
    )
    return {record for (record,) in rows.fetchall()}


def _rows(log: duckdb.DuckDBPyConnection, table: str, query: str) -> list[Values]:
    names = COLUMNS[table]
    rows = log.execute(query.format(columns=", ".join(names))).fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]
