"""The look-up indexes of all sealed days of a station together: which hours need to be read.

An index is a hint. A day that has none, a damaged one, or one of another seal counts as one where
anything may be.
"""

from __future__ import annotations

import hashlib
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
from qc_edge.query.published_files import seal_path
from qc_edge.query.source import EVERYTHING, Span
from qc_edge.service.logs import LOG


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows may be: the `numbers` of the chain and the `hours` (UTC) with their files, and
    anywhere on a day that is not among `days`; nowhere else if it is `certain`, which a log whose
    clock was set back may belie.
    """

    days: set[date]
    numbers: list[int]
    hours: set[datetime]
    certain: bool = False


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
            found = [each for kind in span.newest_of for each in self._newest(table, kind, span)]
            return self._places(table, found)
        if span.last < EVERYTHING.last:
            hours = {
                hour
                for head in self._usable()
                for hour in head.hours_of(table, span.first, span.last)
            }
            certain = any(
                head.first_seq <= span.first and span.last <= head.last_seq
                for head in self._usable()
            )
            return Places({head.day for head in self._usable()}, [], hours, certain)
        return None

    def _places(self, table: str, found: Iterable[tuple[DayIndex, list[int]]]) -> Places:
        # A day that turned out damaged on the way is read as a whole, and nothing of it twice.
        days = {head.day for head in self._usable()}
        sound = [(head, number) for head, all_ in found if head.day in days for number in all_]
        hours = {hour for head, number in sound for hour in head.hours_of(table, number, number)}
        return Places(days, [number for _, number in sound], hours)

    def _newest(self, table: str, kind: str, span: Span) -> list[tuple[DayIndex, list[int]]]:
        """The newest event of that kind up to the span's last number, and the day it is on."""
        last, certain, perhaps = (
            span.last,
            dict[int, DayIndex](),
            list[tuple[DayIndex, list[int]]](),
        )
        for head in self._usable():
            number = head.newest.get(kind, 0)
            if 0 < number <= last:
                certain[number] = head
            elif number > last >= head.first_seq:
                # The day's last of this kind is too new: it may have an earlier one. All that have
                # its hash, for the highest may be another row with the same.
                numbers = self._numbers(head, [key_hash(table, kind)])
                perhaps.append((head, [each for each in numbers if each <= last]))
        newest = max(certain, default=0)
        return [(certain[newest], [newest]), *perhaps] if newest else perhaps

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
                    seal = seal_path(self._published, day).read_bytes()
                    if (head.day, head.seal_sha256) == (day, hashlib.sha256(seal).hexdigest()):
                        self._heads[day] = head
                except (OSError, ValueError, KeyError) as fault:
                    self._pass_over(day, fault)
        return list(self._heads.values())

    def _pass_over(self, day: date, fault: Exception) -> None:
        if self._heads is not None:
            self._heads.pop(day, None)
        words = "all rows of that day are read; the station makes it again"
        LOG.warning("the look-up index of %s: %s: %s", day, fault, words)
