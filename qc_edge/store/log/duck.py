"""Opening DuckDB: the one place, so that no connection fetches extensions or draws a bar."""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

import duckdb

DAMAGE = (duckdb.Error, UnicodeDecodeError)
"""What DuckDB raises when it meets a damaged file; text in one need not be UTF-8, nor need the
message that quotes it.
"""

Setting = str | bool | int | float | list[str]


def open_duckdb(
    path: Path | None = None, *, read_only: bool = False, **settings: Setting
) -> duckdb.DuckDBPyConnection:
    """A connection to the database at `path`, or to one in memory. `settings` are DuckDB's own.

    What does not fit in memory is spilled beside the database, or into the system's directory for
    such files; DuckDB makes the place when it needs it and removes it. Raises duckdb.Error.
    """
    # Stations have no internet, and none would want code from there in the middle of a query.
    config: dict[str, Setting] = {"autoinstall_known_extensions": False, **settings}
    if path is None:
        # DuckDB's default is a directory in the current one, which the station may not write to.
        config.setdefault(
            "temp_directory", f"{tempfile.gettempdir()}/qc-edge-{secrets.token_hex(8)}"
        )
    log = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    # DuckDB does not take it in `config`. Where Python runs without a script it takes the
    # session for an interactive one and draws a bar on stdout after 2 s.
    log.execute("SET enable_progress_bar = false")
    return log


def quoted(text: str | Path) -> str:
    """`text` as an SQL string literal: ATTACH takes no parameters."""
    return "'" + str(text).replace("'", "''") + "'"
