"""The rows of one file that a station has sent, as the tables of the plant have them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qc_edge.publish.seal import SealedFile
from qc_edge.upstream.fleet.sent_days import SentDay, SentDays

if TYPE_CHECKING:
    import pyarrow as pa


def sent_rows(days: SentDays, sent: SentDay, file: SealedFile) -> pa.Table:
    """With the line, station and date by which whoever reads the files has them, of the folders.

    Raises AuditError if the file is not what was sealed, ArrowException if it does not read,
    UpstreamError.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pq.read_table(pa.BufferReader(days.file(sent, file)))
    # Times upstream are UTC and say so: not every engine knows Delta's times without a zone.
    for place, column in enumerate(table.schema):
        if pa.types.is_timestamp(column.type):
            utc = pa.timestamp("us", tz="UTC")
            table = table.set_column(place, column.name, table.column(place).cast(utc))
    # None is "required": a column that comes later has no values in earlier rows.
    table = table.cast(pa.schema([field.with_nullable(True) for field in table.schema]))
    rows = table.num_rows
    if "station" in table.column_names:
        table = table.drop_columns(["station"])
    table = table.append_column("station", pa.array([sent.names.station] * rows, pa.string()))
    table = table.append_column("date", pa.array([sent.seal.day] * rows, pa.date32()))
    return table.append_column("line", pa.array([sent.names.line] * rows, pa.string()))
