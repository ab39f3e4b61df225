"""Named migrations: each runs once, in one transaction with the record that it ran."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources

import duckdb

from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now

Migration = Callable[[duckdb.DuckDBPyConnection], object]

_BOOK = "CREATE TABLE IF NOT EXISTS migrations (name VARCHAR NOT NULL, applied_at TIMESTAMP NOT NULL)"


def _m001_first_schema(log: duckdb.DuckDBPyConnection) -> None:
    log.execute(resources.files("qc_edge.store").joinpath("schema.sql").read_text(encoding="utf-8"))


MIGRATIONS: tuple[Migration, ...] = (_m001_first_schema,)
"""In order. Never edited once released: a change is a new one at the end."""


def migrate(log: duckdb.DuckDBPyConnection) -> list[str]:
    """Bring the database up to date; the names of what ran. Raises StoreError on a newer database."""
    log.execute(_BOOK)
    done = [name for (name,) in log.execute("SELECT name FROM migrations").fetchall()]
    known = [migration.__name__.lstrip("_") for migration in MIGRATIONS]
    if newer := set(done) - set(known):
        raise StoreError(
            f"the log was written by a newer version of the software (it has {', '.join(sorted(newer))})",
            hint="install that version again; the log cannot go back",
        )
    ran = []
    for name, migration in zip(known, MIGRATIONS, strict=True):
        if name not in done:
            log.execute("BEGIN")
            migration(log)
            log.execute("INSERT INTO migrations VALUES (?, ?)", [name, utc_now().replace(tzinfo=None)])
            log.execute("COMMIT")
            ran.append(name)
    return ran
