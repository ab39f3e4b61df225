"""DuckDB, opened: the one place, so that no database here fetches extensions or draws into an answer."""

from __future__ import annotations

from pathlib import Path

import duckdb

Setting = str | bool | int | float | list[str]


def open_duckdb(
    path: Path | None = None, *, read_only: bool = False, **settings: Setting
) -> duckdb.DuckDBPyConnection:
    """A connection to the database at `path`, or to one in memory. `settings` are DuckDB's own.

    Raises duckdb.Error.
    """
    config: dict[str, Setting] = {"autoinstall_known_extensions": False, **settings}
    log = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    # Not taken in `config`. Where Python runs without a script, DuckDB draws a bar on stdout after 2 s.
    log.execute("SET enable_progress_bar = false")
    return log
