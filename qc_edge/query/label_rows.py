"""Labels as SQL names them: every column, also where the rows are older; and which one counts.

The rule itself stands in views.sql, and is taken from there.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from pathlib import Path

from qc_edge.domain.inspection import COLUMNS, Label
from qc_edge.query import views
from qc_edge.query.published_files import oldest_file
from qc_edge.query.source import EVERYTHING, LogSource, Span
from qc_edge.query.typed_rows import to_row

LATER = {
    "role": "VARCHAR",
    "source": "VARCHAR",
    "said_at": "TIMESTAMP",
    "regions": "VARCHAR",
    "seen_sha256": "VARCHAR",
    "took_s": "DOUBLE",
    "blind": "BOOLEAN",
    "record_id": "VARCHAR",
}
"""Columns, with their types, that the labels of earlier versions do not have."""

_FIRST = {
    "label_id": "VARCHAR",
    "recorded_at": "TIMESTAMP",
    "station": "VARCHAR",
    "frame_id": "VARCHAR",
    "part_id": "VARCHAR",
    "label": "VARCHAR",
    "defect_class": "VARCHAR",
    "who": "VARCHAR",
    "why": "VARCHAR",
    "chain_seq": "BIGINT",
    "chain_hash": "VARCHAR",
}

NO_LABELS = (
    "(SELECT "
    + ", ".join(f"NULL::{kind} AS {name}" for name, kind in (_FIRST | LATER).items())
    + " WHERE false)"
)
"""For a log that has no such table."""


def label_relation(log: LogSource, span: Span = EVERYTHING) -> str:
    """What stands behind FROM for all labels, or those that `span` is about, with every column.

    Raises StoreError.
    """
    relation = log.relation("labels", span)
    return completed(relation, log.columns("labels")) if relation else NO_LABELS


def labels_of(log: LogSource, frame_id: str) -> list[Label]:
    """What people have said of a frame, oldest first. Raises StoreError."""
    names = COLUMNS[Label.TABLE]
    rows = log.fetch(
        f"SELECT {', '.join(names)} FROM {label_relation(log)} "  # noqa: S608
        "WHERE frame_id = $frame ORDER BY chain_seq",
        {"frame": frame_id},
    )
    return [to_row(Label, dict(zip(names, row, strict=True))) for row in rows]


def completed(relation: str, present: Collection[str]) -> str:
    """`relation`, of which the columns in `present` are there, with all columns of labels."""
    missing = [f"NULL::{kind} AS {name}" for name, kind in LATER.items() if name not in present]
    return f"(SELECT *, {', '.join(missing)} FROM {relation})" if missing else relation  # noqa: S608


def effective_labels(labels: str) -> str:
    """The view effective_labels over the rows that stand behind FROM as `labels`, in brackets."""
    return f"({_rule().replace('FROM labels', f'FROM {labels}')})"


@cache
def _rule() -> str:
    return next(view.body for view in views.described() if view.name == "effective_labels")


def rows_of_all_versions(
    published: Path, columns_of: Callable[[Path], Collection[str]]
) -> str | None:
    """What the view `labels` reads where the oldest published file lacks later columns, by which
    DuckDB would leave them out of all files; None where that is not so.

    By name then, which looks into all files first and so meets a replaced one more often
    (`published_files.union`): only on stations of an earlier version. `columns_of` gives the
    columns of a file.
    """
    oldest = oldest_file(published, "labels")
    if oldest is None or LATER.keys() <= set(columns_of(oldest)):
        return None
    later = ", ".join(f"NULL::{kind} AS {name}" for name, kind in LATER.items())
    return (
        f"SELECT {', '.join([*_FIRST, *LATER, 'date'])} FROM (SELECT * FROM read_parquet("  # noqa: S608
        "'@published@/labels/date=*/hour=*.parquet', hive_partitioning = true, "
        f"hive_types = {{date: DATE}}, union_by_name = true) UNION ALL BY NAME SELECT {later} "
        "WHERE false)"
    )
