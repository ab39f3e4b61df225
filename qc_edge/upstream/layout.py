"""The names of everything upstream: whoever reads there, and whoever compacts, goes by them.

A name never stands for other bytes later: everything is put only where nothing is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from qc_edge.domain.evidence.classes import EvidenceClass

TABLES = "tables"
STATIONS = "stations"
RECEIPTS = "receipts"

_RECEIPT = re.compile(r"receipts/station=([a-z0-9-]+)/date=(\d{4}-\d\d-\d\d)\.json")


@dataclass(frozen=True, slots=True)
class StationNames:
    """The names of one station that stands at `line`."""

    station: str
    line: str

    @property
    def claim(self) -> str:
        """Which station it is that sends under this name."""
        return f"{STATIONS}/{self.station}.json"

    @property
    def anchors(self) -> str:
        """The folder of its anchors."""
        return f"anchors/station={self.station}"

    def anchor(self, number: int) -> str:
        """Its anchor of that number, counted from 1; the newest has the highest."""
        return f"{self.anchors}/{number:08d}.json"

    @property
    def indexes(self) -> str:
        """The folder of the indexes of its records."""
        return f"records/station={self.station}/index"

    def index(self, number: int) -> str:
        """The index of its records with that number, counted from 1; the newest has the highest."""
        return f"{self.indexes}/{number:08d}.json"

    def record(self, sha256: str) -> str:
        """A record, by the digest of its bytes."""
        return f"records/station={self.station}/{sha256}"

    def seal(self, day: date) -> str:
        """The manifest of a day."""
        return f"seals/station={self.station}/date={day}.json"

    def table_file(self, path: str) -> str:
        """A file of a table, by its path in the published log: TABLE/date=.../hour=13.parquet."""
        table, _, hour = path.partition("/")
        return f"{TABLES}/{table}/line={self.line}/station={self.station}/{hour}"

    def unproven(self, kind: EvidenceClass, path: str) -> str:
        """A file whose row has no digest of its pixels, by its path among the station's state."""
        return f"evidence/{kind}/station={self.station}/{path}"

    def receipt(self, day: date) -> str:
        """The last that is put of a day: where it is, the day is whole."""
        return f"{RECEIPTS}/station={self.station}/date={day}.json"


def picture_name(kind: EvidenceClass, sha256: str) -> str:
    """A picture, by the digest of its pixels as rows have it: found from any row, sent once."""
    return f"evidence/{kind}/{sha256[:2]}/{sha256}"


def receipted(name: str) -> tuple[str, date] | None:
    """Station and day of a receipt's name; None if it is none."""
    found = _RECEIPT.fullmatch(name)
    return (found[1], date.fromisoformat(found[2])) if found else None
