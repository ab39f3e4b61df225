"""Numbers of rows as ranges, so that a thousand missing rows are one finding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


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


def append_ranges(to: list[tuple[int, int]], more: Iterable[tuple[int, int]]) -> None:
    """Append ranges that lie behind those in `to`; one that continues the last is joined to it."""
    for low, high in more:
        if to and to[-1][1] + 1 == low:
            to[-1] = to[-1][0], high
        else:
            to.append((low, high))


def describe_range(low: int, high: int) -> str:
    """A range of rows in words, with its verb: `row 7 is`, `rows 7 to 9 (3) are`."""
    return f"row {low} is" if low == high else f"rows {low} to {high} ({high - low + 1:,}) are"
