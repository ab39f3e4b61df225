"""The look-up indexes of all sealed days of a station together: which hours need to be read.

An index is a hint. A day that has none, or a damaged one, counts as one where anything may be.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

from qc_edge.query.lookup.day_index import (
    DayIndex,
    index_path,
    indexed_days,
    key_hash,
    numbers_of,
    opened,
    read_head,
)
from qc_edge.query.source import EVERYTHING, Span
from qc_edge.service.logs import LOG


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows may be: the `numbers` of the chain and the `hours` (UTC) with their files, and
    anywhere on a day that is not among `days`.
    """

    days: set[date]
    numbers: list[int]
    hours: set[datetime]


class SealedIndex:
    """The indexes of one station, for one question: what it has read of them stays as it was. An
    index that is made again meanwhile has other checksums, or says the same. Belongs to one thread.
    """

    def __init__(self, published: Path) -> None:
        self._published = published
        self._heads: dict[date, DayIndex] | None = None

    def places(self, table: str, span: Span) -> Places | None:
        """Where rows of `table` may be that `span` is about; None if it gives nothing to go by."""
        if span.keys is not None:
            hashes = [key_hash(table, key) for key in span.keys]
            return self._places(
                table, [(head, self._numbers(head, hashes)) for head in self._usable()]
            )
        if span.newest_of:
            newest = (self._newest(table, kind, span.last) for kind in span.newest_of)
            return self._places(table, [found for found in newest if found])
        if span.last < EVERYTHING.last:
            hours = {
                hour
                for head in self._usable()
                for hour in head.hours_of(table, span.first, span.last)
            }
            return Places({head.day for head in self._usable()}, [], hours)
        return None

    def _places(self, table: str, found: Iterable[tuple[DayIndex, list[int]]]) -> Places:
        # A day that turned out damaged on the way is read as a whole, and nothing of it twice.
        days = {head.day for head in self._usable()}
        sound = [(head, number) for head, all_ in found if head.day in days for number in all_]
        hours = {hour for head, number in sound for hour in head.hours_of(table, number, number)}
        return Places(days, [number for _, number in sound], hours)

    def _newest(self, table: str, kind: str, last: int) -> tuple[DayIndex, list[int]] | None:
        """The newest event of that kind up to number `last`, and the day it is on."""
        best: tuple[int, DayIndex | None] = 0, None
        for head in self._usable():
            number = head.newest.get(kind, 0)
            if number > last >= head.first_seq:
                # The day's last of this kind is too new: it may have an earlier one.
                earlier = self._numbers(head, [key_hash(table, kind)])
                number = max((each for each in earlier if each <= last), default=0)
            if best[0] < number <= last:
                best = number, head
        return (best[1], [best[0]]) if best[1] else None

    def _numbers(self, head: DayIndex, hashes: list[int]) -> list[int]:
        try:
            with opened(index_path(self._published, head.day)) as file:
                return numbers_of(file, head, hashes)
        except (OSError, ValueError) as fault:
            self._pass_over(head.day, fault)
            return []

    def _usable(self) -> list[DayIndex]:
        """The heads of all indexes that can be used."""
        if self._heads is None:
            self._heads = {}
            for day in indexed_days(self._published):
                try:
                    with opened(index_path(self._published, day)) as file:
                        head = read_head(file)
                    if head.day == day:
                        self._heads[day] = head
                except (OSError, ValueError, KeyError) as fault:
                    self._pass_over(day, fault)
        return list(self._heads.values())

    def _pass_over(self, day: date, fault: Exception) -> None:
        if self._heads is not None:
            self._heads.pop(day, None)
        words = "all rows of that day are read; the station makes it again"
        LOG.warning("the look-up index of %s: %s: %s", day, fault, words)
