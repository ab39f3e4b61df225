"""What a line was told since its own counts were last compared with the station's."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import duckdb


@dataclass(frozen=True, slots=True)
class ToldSinceCount:
    """`counts` are the line's (JSON) when they were last compared, None if they never were; `at` is
    when (UTC, without a zone), `differed` whether they did not fit. `parts` are the numbers that
    were closed since, `accepted` those that the line could read ACCEPT of.
    """

    counts: str | None
    at: datetime | None
    differed: bool
    parts: int
    accepted: int


def told_since_count(log: duckdb.DuckDBPyConnection, output: str) -> ToldSinceCount:
    """Of one output. Raises duckdb.Error."""
    last = log.execute(
        "SELECT chain_seq, after, recorded_at, kind = 'line_count_differs' FROM events "
        "WHERE kind IN ('line_counted', 'line_count_differs') AND who = ? "
        "ORDER BY chain_seq DESC LIMIT 1",
        [output],
    ).fetchone()
    seq, counts, at, differed = last or (0, None, None, False)
    ((parts, accepted),) = log.execute(
        "SELECT count(*), count(*) FILTER (disposition = 'ACCEPT') FROM told "
        "WHERE output = ? AND closes AND chain_seq > ?",
        [output, seq],
    ).fetchall()
    return ToldSinceCount(counts, at, differed, parts, accepted)
