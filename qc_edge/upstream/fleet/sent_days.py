"""What stations have sent, by their receipts and seals: a list of names upstream proves nothing,
for a file that a server has lost, or does not show today, is not in it.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from qc_edge.errors import AuditError
from qc_edge.publish.seal import Seal, SealedFile, parse_seal
from qc_edge.records.receipts import parse_receipt
from qc_edge.upstream.fleet.delta_tables import StationDay
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.targets import Target

_KEPT_MAX = 1000
"""Seals in memory, some 50 KB each: those of one night are read once for all tables."""


@dataclass(frozen=True, slots=True)
class SentDay:
    """A day of a station whose seal is the one of its receipt."""

    names: StationNames
    seal: Seal

    def files(self, table: str) -> list[SealedFile]:
        """The files of that table."""
        return [file for file in self.seal.files if file.path.partition("/")[0] == table]


class SentDays:
    """The days of stations at one target. Any thread may ask."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._kept: dict[StationDay, SentDay] = {}

    def read(self, day: StationDay) -> SentDay:
        """That day. Raises AuditError if its receipt or its seal is not there or not what was sent,
        UpstreamError.
        """
        if (kept := self._kept.get(day)) is None:
            if len(self._kept) >= _KEPT_MAX:
                self._kept.clear()
            kept = self._kept[day] = self._read(day)
        return kept

    def file(self, sent: SentDay, file: SealedFile) -> bytes:
        """The bytes of a file, as they were sealed. Raises as `read`."""
        return self._get(sent.names.table_file(file.path), file.sha256)

    def _read(self, day: StationDay) -> SentDay:
        name = StationNames(day.station, "").receipt(day.day)
        try:
            receipt = parse_receipt(self._target.get(name) or b"")
            if (receipt.station, receipt.day) != (day.station, day.day):
                raise ValueError(f"is of {receipt.station}, {receipt.day}")
            names = StationNames(receipt.station, receipt.line)
            name = names.seal(receipt.day)
            seal = parse_seal(self._get(name, receipt.seal_sha256))
        except ValueError as fault:
            raise AuditError(f"{self._target.url}/{name}: {fault}", hint=_LOOK) from None
        return SentDay(names, seal)

    def _get(self, name: str, sha256: str) -> bytes:
        data = self._target.get(name)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            what = "is not there" if data is None else "is not what was sent"
            raise AuditError(f"{self._target.url}/{name} {what}", hint=_LOOK)
        return data


_LOOK = "the day is committed once it is there as it was sent: who removes or writes there?"
