"""DuckDB, opened: the one place, so that no database here fetches extensions or draws into an
answer.
"""

from __future__ import annotations

import secrets
import tempfile
from pathlib import Path

import duckdb

Setting = str | bool | int | float | list[str]


def open_duckdb(
    path: Path | None = None, *, read_only: bool = False, **settings: Setting
) -> duckdb.DuckDBPyConnection:
    """A connection to the database at `path`, or to one in memory. `settings` are DuckDB's own.

    What does not fit in memory is spilled beside the database, or into the system's directory for
    such files; DuckDB makes the place when it needs it and removes it. Raises duckdb.Error.
    """
    config: dict[str, Setting] = {"autoinstall_known_extensions": False, **settings}
    if path is None:
        # Its default is a directory in the current one, which need not be ours to write.
        config.setdefault(
            "temp_directory", f"{tempfile.gettempdir()}/qc-edge-{secrets.token_hex(8)}"
        )
    log = duckdb.connect(str(path or ":memory:"), read_only=read_only, config=config)
    # Not taken in `config`. Where Python runs without a script, DuckDB draws a bar on stdout after
    # 2 s.
    log.execute("SET enable_progress_bar = false")
    return log


def quoted(text: str | Path) -> str:
    """`text` as a literal of SQL."""
    return "'" + str(text).replace("'", "''") + "'"
