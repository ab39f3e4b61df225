"""The text beside an export in a directory: what it is, and how to open it."""

from __future__ import annotations

from qc_edge.export.portable_database import ExportContent

_TEXT = """\
Export of station {station}, made on {made_at:%Y-%m-%d %H:%M} UTC.

*.parquet    the rows, one file for each table; anything that reads Parquet opens them
qa.duckdb    views, labels and macros over these files
qa.sql       the same as SQL
{pictures}
The views look for the files in the directory in which their client runs. So begin here:

    cd THIS_DIRECTORY
    duckdb -readonly qa.duckdb -c "FROM yield_by_hour"

or, in Python:

    log = duckdb.connect("DIRECTORY/qa.duckdb", read_only=True)
    log.execute("SET file_search_path = 'DIRECTORY'")
    log.sql("FROM yield_by_hour").show()

All times are UTC. `FROM export_info` says what was asked for.
"""

_PICTURES = """\
evidence/    the pictures, where raw_path, prepared_path and map_path say;
             evidence_files has each with how it compared with its row
"""


def read_me(content: ExportContent) -> str:
    """The text for this export."""
    pictures = _PICTURES if content.pictures is not None else ""
    return _TEXT.format(station=content.station, made_at=content.made_at, pictures=pictures)
