"""The text of a row (its canonical JSON) compared with another one, and put into words."""

from __future__ import annotations

import json

from qc_edge.query.rows import LoggedRow, normal
from qc_edge.store.log.chain import chain_hash


def is_linked(previous: str, row: LoggedRow) -> bool:
    """True if the row is what its hash was taken over, after the row with the hash `previous`."""
    if chain_hash(previous, row.seq, row.text) == row.sha256:
        return True
    # DuckDB's to_json escapes some characters otherwise than Python's json, by which the hash was
    # taken. Only then is the text read and written again: for most rows that would be work for
    # nothing.
    try:
        return chain_hash(previous, row.seq, normal(row.text)) == row.sha256
    except ValueError:
        return False


def same_values(text: str, journal_text: str) -> bool:
    """True if both hold the same values, however their characters are escaped."""
    try:
        return bool(json.loads(text) == json.loads(journal_text))
    except ValueError:
        return False


def describe_difference(text: str, journal_text: str) -> str:
    """The columns that differ, in words, at most three of them."""
    row, journal_row = json.loads(text), json.loads(journal_text)
    names = [name for name in row | journal_row if row.get(name) != journal_row.get(name)]
    differences = [
        f"{name} is {row.get(name)!r}, the journal says {journal_row.get(name)!r}"
        for name in names[:3]
    ]
    return "; ".join(differences) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")


def describe_row(text: str) -> str:
    """Which row that is, for a person: its part and frame, its label, or its own id."""
    try:
        row = json.loads(text)
    except ValueError:
        return "its text is no JSON"
    if "label_id" in row and "part_id" in row:
        return f"label of part {row['part_id']}, {row['label_id']}"
    if "part_id" in row:
        return f"part {row['part_id']}, {row.get('frame_id')}"
    return str(row.get("event_id") or row.get("gap_id") or row.get("table"))
