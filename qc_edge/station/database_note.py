"""A note beside the database, for whoever meets DuckDB's "Could not set lock on file".

Nobody can change DuckDB's message; but who looks at the directory then finds this file.
"""

from __future__ import annotations

from qc_edge.errors import StoreError
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.store.durable import write_file

_NOTE = """\
traceability.duckdb belongs to the running station alone: DuckDB lets one process write a file or
many read it, never both. Do not open it; whoever holds it open keeps the station from starting.

Ask qa.duckdb beside it instead. It has everything, up to ten seconds ago, at any time:

    qc-edge sql {name} "FROM inspections ORDER BY recorded_at DESC LIMIT 10"
    duckdb -readonly {qa}

To take it away: qc-edge export {name} {name}.duckdb
"""


def leave_database_note(paths: StationPaths) -> None:
    """Write the note if it is not there, or not about this place."""
    text = _NOTE.format(name=paths.name, qa=paths.qa)
    try:
        if not paths.database_note.exists() or paths.database_note.read_text("utf-8") != text:
            write_file(paths.database_note, text.encode())
    except (StoreError, OSError, UnicodeDecodeError) as fault:
        LOG.warning("%s is not written: %s", paths.database_note, fault)
