"""The schema of the log as named migrations, read from schema.sql.

Each runs once, in one transaction with the record that it ran.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import duckdb

from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG

_RECORDS = (
    "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"
)
_ADDS = re.compile(r"m\d{3}_")
"""Named so, a migration only adds tables, and columns that may be null: older software goes on with
the log. One that does more must have a name of another kind.
"""
_HEADER = re.compile(r"(?m)^-- migration (\w+)$")


@dataclass(frozen=True, slots=True)
class Migration:
    """One section of schema.sql. Never edited once released: a change is a new one at the end."""

    name: str
    sql: str


@cache
def migrations() -> tuple[Migration, ...]:
    """All migrations, in order."""
    source = resources.files("qc_edge.store.log").joinpath("schema.sql").read_text(encoding="utf-8")
    _, *sections = _HEADER.split(source)
    return tuple(map(Migration, sections[::2], sections[1::2]))


def migrate(log: duckdb.DuckDBPyConnection, steps: Sequence[Migration] | None = None) -> list[str]:
    """Run those of `steps` (all, if None) that the database lacks; the names of what ran.

    What a newer software has added stays, and is left empty by this one (docs/decisions/0035).
    Raises StoreError if the database has a migration that does more than add.
    """
    steps = migrations() if steps is None else steps
    log.execute(_RECORDS)
    done = {name for (name,) in log.execute("SELECT name FROM migrations").fetchall()}
    newer = sorted(done - {migration.name for migration in steps})
    if foreign := [name for name in newer if not _ADDS.match(name)]:
        raise StoreError(
            f"the log was written by a newer version of the software (it has {', '.join(foreign)})",
            hint="install that version again; the log cannot go back",
        )
    if newer:
        LOG.info("the log has columns of a newer version, left empty: %s", ", ".join(newer))
    ran = []
    for migration in steps:
        if migration.name not in done:
            log.execute("BEGIN")
            try:
                # In one transaction, so that no crash leaves a change without its record.
                log.execute(migration.sql)
                log.execute(
                    "INSERT INTO migrations VALUES (?, ?)",
                    [migration.name, utc_now().replace(tzinfo=None)],
                )
                log.execute("COMMIT")
            except duckdb.Error:
                log.execute("ROLLBACK")
                raise
            ran.append(migration.name)
    return ran
