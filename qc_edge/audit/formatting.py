"""Rows put into words for findings, and compared: what they say counts, not how it is escaped."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence

from qc_edge.query.rows import LoggedRow, Rows, normal
from qc_edge.store.chain import chain_hash


def ranges(numbers: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Ascending numbers as ranges (first, last)."""
    low = high = None
    for number in numbers:
        if low is None or high is None:
            low = high = number
        elif number == high + 1:
            high = number
        else:
            yield low, high
            low = high = number
    if low is not None and high is not None:
        yield low, high


def join(known: list[tuple[int, int]], more: Iterable[tuple[int, int]]) -> None:
    """Add ranges that lie behind the known ones; one that continues the last becomes part of it."""
    for low, high in more:
        if known and known[-1][1] + 1 == low:
            known[-1] = known[-1][0], high
        else:
            known.append((low, high))


def rows_are(low: int, high: int) -> str:
    """A range of rows, with its verb."""
    return f"row {low} is" if low == high else f"rows {low} to {high} ({high - low + 1:,}) are"


def code(place: Rows) -> str:
    """The beginning of the kinds of finding in that place."""
    return place.place.partition(" ")[0]


def is_linked(previous: str, told: LoggedRow) -> bool:
    """True if the row is what its hash was taken over, after the row with the hash `previous`."""
    if chain_hash(previous, told.seq, told.text) == told.sha256:
        return True
    try:
        return chain_hash(previous, told.seq, normal(told.text)) == told.sha256
    except ValueError:
        return False


def same(one: str, other: str) -> bool:
    """True if both say the same, however they are escaped."""
    try:
        return bool(json.loads(one) == json.loads(other))
    except ValueError:
        return False


def difference(here: str, there: str) -> str:
    """What differs, in words, at most three columns."""
    mine, theirs = json.loads(here), json.loads(there)
    names = [name for name in mine | theirs if mine.get(name) != theirs.get(name)]
    words = [
        f"{name} is {mine.get(name)!r}, the journal says {theirs.get(name)!r}" for name in names[:3]
    ]
    return "; ".join(words) + (f"; and {len(names) - 3} more" if len(names) > 3 else "")


def about(text: str) -> str:
    """Which row that is, for a person."""
    try:
        row = json.loads(text)
    except ValueError:
        return "its text is no JSON"
    for name, words in (("label_id", "label of part {part_id}"), ("part_id", "part {part_id}")):
        if name in row and "part_id" in row:
            return (
                f"{words.format(**row)}, "
                f"{row.get(name) if name == 'label_id' else row.get('frame_id')}"
            )
    return str(row.get("event_id") or row.get("gap_id") or row.get("table"))
