"""The chain held against itself, and the places that keep its rows held against one another.

Every row of the journal must follow from the one before it; database and published files must tell
each row as the journal does. Where the journal has none, the rows' own hashes decide.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import TypeVar

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.audit.formatting import (
    about,
    code,
    difference,
    is_linked,
    join,
    ranges,
    rows_are,
    same,
)
from qc_edge.audit.journal import JournalFile, read_hour
from qc_edge.errors import StoreError
from qc_edge.query.rows import BusyRowsError, LoggedRow, Rows
from qc_edge.store.chain import GENESIS, chain_hash

_T = TypeVar("_T")

_WINDOW = 200_000
"""Rows whose numbers are held against one another at once, where the journal has none."""

LAG_S = 60.0
"""A running station publishes every few seconds; a row older than this must be there."""

_FAKED = (
    "somebody wrote to it: keep a copy, find out who; the other places still have the row as it was"
)
_REBUILT = "the station publishes from its database at its next start"


@dataclass(slots=True)
class ChainCheck:
    """One pass over all rows, oldest first. `running`: the station adds rows meanwhile."""

    report: AuditReport
    step: AuditStep
    places: list[Rows]
    running: bool
    now: datetime
    _last: dict[str, int] = field(default_factory=dict)
    _end: dict[str, tuple[int, str]] = field(default_factory=dict)
    _at: int = 0

    def check(self, journal: Sequence[Path], first: int, moved: Callable[[int], object]) -> int:
        """Every row from number `first` on; the number of the last one. `moved` hears of each
        portion.
        """
        for place in list(self.places):
            self._last[place.place] = self._ask(place, place.last, 0)
        at, began = first, False
        for path in journal:
            hour = self._read(path)
            if hour is None or not hour.lines:
                continue
            if hour.first > at:
                self._without_journal(at, hour.first - 1, moved, begins=not began)
            self._hour(hour)
            at, began = max(at, hour.last + 1), True
            self._at = at - 1
            moved(self.step.count)
        end = max(self._last.values(), default=0)
        if end >= at:
            self._without_journal(at, end, moved, begins=not began)
        return max(at - 1, end)

    def _read(self, path: Path) -> JournalFile | None:
        try:
            hour = read_hour(path)
        except OSError as fault:
            self.report.fault(
                "journal_unreadable",
                f"cannot be read: {fault.strerror}",
                f"journal/{path.name}",
                "look at the disk: dmesg, smartctl",
            )
            return None
        where = f"journal/{path.name}"
        for number, why in hour.damaged:
            if hour.torn_end and number > max(
                (each.number for each in hour.lines.values()), default=0
            ):
                if not self.running:
                    self.report.note(
                        "journal_torn",
                        "the last line is torn: a crash cut it short",
                        where,
                        "the next start cuts it off; no row was promised by it",
                    )
            else:
                self.report.fault(
                    "journal_damaged",
                    f"the line does not read: {why}",
                    f"{where} line {number}",
                    _FAKED,
                )
        if not hour.in_order:
            self.report.fault(
                "journal_order", "its rows do not stand in order of their numbers", where, _FAKED
            )
        for line in hour.twice:
            self.report.fault(
                "row_twice", f"row {line.seq} stands twice", f"{where} line {line.number}", _FAKED
            )
        return hour

    def _hour(self, hour: JournalFile) -> None:
        sound = self._links(hour)
        missing = sorted(set(range(hour.first, hour.last + 1)) - hour.lines.keys())
        for low, high in ranges(missing):
            self._missing("journal", low, high, "journal_missing", _FAKED)
        for place in list(self.places):
            self._ask(place, partial(self._compare, place, hour, sound), None)
        self.step.count += len(hour.lines)
        self._end["journal"] = hour.last, hour.lines[hour.last].sha256

    def _links(self, hour: JournalFile) -> set[int]:
        """The numbers of the lines that follow from the one before."""
        sound = set()
        for seq, line in hour.lines.items():
            before = hour.lines.get(seq - 1)
            previous = before.sha256 if before else self._hash_of(seq - 1)
            if previous is None or chain_hash(previous, seq, line.text) == line.sha256:
                sound.add(seq)
            else:
                self.report.fault(
                    "journal_changed",
                    f"row {seq} is not what its hash was taken over: {about(line.text)}",
                    hour.where(seq),
                    _FAKED,
                )
        return sound

    def _hash_of(self, seq: int) -> str | None:
        """The hash of the row before a window; None where no place has it."""
        if seq == 0:
            return GENESIS
        for known, sha256 in self._end.values():
            if known == seq:
                return sha256
        for place in list(self.places):
            found = self._ask(place, lambda: next(place.told(seq, seq), None), None)  # noqa: B023 - at once
            if found:
                return found.sha256
        return None

    def _compare(self, place: Rows, hour: JournalFile, sound: set[int]) -> None:
        seen = set()
        for told in place.told(hour.first, hour.last):
            if told.seq in seen:
                self._twice(place, told)
                continue
            seen.add(told.seq)
            line = hour.lines.get(told.seq)
            if line is None:
                continue
            same_text = told.text == line.text or same(told.text, line.text)
            if (told.sha256 == line.sha256 and same_text) or told.seq not in sound:
                continue
            words = difference(told.text, line.text) if not same_text else "its hash is another one"
            self.report.fault(
                f"{code(place)}_changed",
                f"row {told.seq} is not as the journal has it: {words} ({about(line.text)})",
                place.place,
                _FAKED,
            )
        self._lacking(place, hour, hour.lines.keys() - seen)

    def _lacking(self, place: Rows, hour: JournalFile, lacking: set[int]) -> None:
        last = self._last[place.place]
        for low, high in ranges(sorted(lacking)):
            if place.place == "database":
                self._missing(
                    place.place,
                    low,
                    high,
                    "database_missing",
                    "somebody deleted it; set the database aside, and the station rebuilds it from "
                    "the journal",
                )
            elif low > last and not self.running:
                self.report.note(
                    "not_published",
                    f"{rows_are(low, high)} not published yet",
                    place.place,
                    _REBUILT,
                )
            elif not (self.running and self._is_young(hour.lines[low].text)):
                self._missing(place.place, low, high, "published_missing", _REBUILT)

    def _is_young(self, text: str) -> bool:
        try:
            recorded = datetime.fromisoformat(json.loads(text)["recorded_at"])
        except (ValueError, KeyError):
            return False
        return self.now.astimezone(timezone.utc) - recorded < timedelta(seconds=LAG_S)

    def _without_journal(
        self, first: int, last: int, moved: Callable[[int], object], *, begins: bool
    ) -> None:
        """Rows that the journal does not have: older than it, or taken out of it."""
        only_elsewhere: list[tuple[int, int]] = []
        nowhere: list[tuple[int, int]] = []
        for low in range(first, last + 1, _WINDOW):
            high = min(last, low + _WINDOW - 1)
            found: set[int] = set()
            for place in list(self.places):
                previous = self._hash_of(low - 1)
                found |= self._ask(place, partial(self._by_hash, place, low, high, previous), set())
            join(only_elsewhere, ranges(sorted(found)))
            join(nowhere, ranges(sorted(set(range(low, high + 1)) - found)))
            self.step.count += high - low + 1
            self._at = high
            moved(self.step.count)
        if begins and only_elsewhere:
            words = f"the journal begins after row {last}: before it, the rows' own hashes decide"
            self.report.note("journal_begins", words, "journal")
        else:
            for low, high in only_elsewhere:
                self._missing("journal", low, high, "journal_missing", _FAKED)
        for low, high in nowhere:
            self._missing(
                "all places", low, high, "row_missing", "look at the upstream or at a backup"
            )

    def _by_hash(self, place: Rows, first: int, last: int, previous: str | None) -> set[int]:
        seen: set[int] = set()
        before = first - 1
        for told in place.told(first, min(last, self._last[place.place])):
            if told.seq in seen:
                self._twice(place, told)
                continue
            if told.seq == before + 1 and previous and not is_linked(previous, told):
                self.report.fault(
                    f"{code(place)}_changed",
                    f"row {told.seq} is not what its hash was taken over: {about(told.text)}",
                    place.place,
                    _FAKED,
                )
            seen.add(told.seq)
            before, previous = told.seq, told.sha256
        if previous:
            self._end[place.place] = before, previous
        if seen:
            for low, high in ranges(sorted(set(range(first, last + 1)) - seen)):
                if high < self._last[place.place] or place.place == "database":
                    self._missing(place.place, low, high, f"{code(place)}_missing", _FAKED)
        return seen

    def _missing(self, where: str, low: int, high: int, kind: str, hint: str) -> None:
        self.report.fault(kind, f"{rows_are(low, high)} missing", where, hint)

    def _twice(self, place: Rows, told: LoggedRow) -> None:
        self.report.fault(
            "row_twice", f"row {told.seq} stands twice: {about(told.text)}", place.place, _FAKED
        )

    def _ask(self, place: Rows, action: Callable[[], _T], otherwise: _T) -> _T:
        """What `action` finds in `place`; a place that cannot be read is left out from then on."""
        try:
            with place.held():
                return action()
        except BusyRowsError:
            self.report.note(
                "database_busy",
                "the station was started meanwhile; its database was held against "
                f"the journal up to row {self._at}",
                place.place,
            )
        except StoreError as fault:
            self.report.fault(f"{code(place)}_unreadable", fault.message, place.place, fault.hint)
        self.places.remove(place)
        return otherwise
