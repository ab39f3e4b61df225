"""The places besides the journal that keep the rows as tables: database and published files."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from qc_edge.audit.finding import AuditReport
from qc_edge.errors import StoreError
from qc_edge.query.database_at_rest import DatabaseBusyError
from qc_edge.query.rows import Rows
from qc_edge.store.log.chain import GENESIS

_T = TypeVar("_T")

JOURNAL = "journal"


def code(place: Rows) -> str:
    """The beginning of the kinds of finding in that place: `database` or `published`."""
    return place.place.partition(" ")[0]


class RowPlaces:
    """Those places that can still be read, and how far each has been checked.

    A place that cannot be read gets a finding and is left out from then on, so that one torn file
    does not end the audit of all the others. One thread.
    """

    def __init__(self, report: AuditReport, places: Sequence[Rows]) -> None:
        self._report = report
        self._places = list(places)
        self._last: dict[str, int] = {}
        self._heads: dict[str, tuple[int, str]] = {}
        self.checked_to = 0
        """The number of the last row that was held against the journal."""

    def __iter__(self) -> Iterator[Rows]:
        """The places as they are now: one may be left out on the way."""
        return iter(list(self._places))

    def find_last(self) -> None:
        """Look up the last row of each place, once: a running station adds rows meanwhile."""
        for place in self:
            self._last[place.place] = self.read(place, place.last, 0)

    def last_in(self, place: Rows) -> int:
        """The number of the last row of that place, as it was found at the beginning."""
        return self._last[place.place]

    @property
    def last(self) -> int:
        """The number of the last row that any of the places has."""
        return max(self._last.values(), default=0)

    def set_head(self, name: str, seq: int, sha256: str) -> None:
        """Keep the hash of the last row that was checked in a place, or in JOURNAL."""
        self._heads[name] = seq, sha256

    def hash_of(self, seq: int) -> str | None:
        """The hash of row `seq`, for the row after it; None where no place has it."""
        if seq == 0:
            return GENESIS
        for head, sha256 in self._heads.values():
            if head == seq:
                return sha256
        for place in self:
            row = self.read(place, lambda: next(place.read(seq, seq), None), None)  # noqa: B023 - at once
            if row:
                return row.sha256
        return None

    def read(self, place: Rows, action: Callable[[], _T], otherwise: _T) -> _T:
        """What `action` reads in `place`; `otherwise` if that fails, and the place is left out."""
        try:
            with place.held():
                return action()
        except DatabaseBusyError:
            # Not a fault: verify gives the database back between two portions, and a station that
            # starts takes it.
            self._report.note(
                "database_busy",
                "the station was started meanwhile; its database was held against "
                f"the journal up to row {self.checked_to}",
                place.place,
            )
        except StoreError as fault:
            self._report.fault(f"{code(place)}_unreadable", fault.message, place.place, fault.hint)
        self._places.remove(place)
        return otherwise
