"""Bringing DuckDB's write-ahead log into the database file while no part waits for it.

Left alone, DuckDB does that within the commit that makes the log longer than 16 MB (12,000 rows:
0.3 s), and merges the row groups that it wrote before on the way (120,000 rows: 0.9 s), while the
next part waits. Never called within a commit, therefore, but between parts.
"""

from __future__ import annotations

import os
from pathlib import Path

import duckdb

CHECKPOINT_WAL_BYTES = 4 << 20
"""A write-ahead log of this size is worth a checkpoint: some 3,600 rows, 20 to 40 ms."""

VACUUM_AFTER_CHECKPOINTS = 8
"""Each checkpoint leaves a row group of its own; merging pays once there are so many. A log that is
never merged takes 290 bytes a row instead of 160 to 210, and a question half as long again.
"""


def disable_vacuum(log: duckdb.DuckDBPyConnection) -> None:
    """From now on no checkpoint merges row groups, but those of `Checkpointer` that say so."""
    log.execute("SET max_vacuum_tasks = 0")


class Checkpointer:
    """Decides when a checkpoint is due. Used under the ledger's lock."""

    def __init__(self, database: Path) -> None:
        self._wal = f"{database}.wal"
        self._since_vacuum = 0

    def run_if_due(self, log: duckdb.DuckDBPyConnection, *, paused: bool) -> bool:
        """Make a checkpoint if the write-ahead log is long; True if one was made.

        While the line has `paused`, also one that merges row groups, if there are many: up to 1 s.
        Raises duckdb.Error.
        """
        size = self._wal_bytes()
        try:
            if size >= CHECKPOINT_WAL_BYTES:
                log.execute("CHECKPOINT log")
                self._since_vacuum += 1
                return True
            if size and paused and self._since_vacuum >= VACUUM_AFTER_CHECKPOINTS:
                log.execute("SET max_vacuum_tasks = 1")
                try:
                    log.execute("CHECKPOINT log")
                    self._since_vacuum = 0
                finally:
                    disable_vacuum(log)
                return True
        except duckdb.TransactionException:
            pass  # a reader has a transaction open, which DuckDB 1.5 does not allow: next time
        return False

    def _wal_bytes(self) -> int:
        try:
            return os.stat(self._wal).st_size  # noqa: PTH116 (hot path: no Path objects)
        except FileNotFoundError:
            return 0
