"""Which days are to be sent: sealed, told by their event as they are, and not receipted yet."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

from qc_edge.errors import AuditError, StoreError
from qc_edge.publish.seal import Seal, file_sha256, read_seal, seal_path, sealed_days
from qc_edge.query.audit_queries import SEALS, fetch
from qc_edge.query.rows import Rows
from qc_edge.records.receipts import read_receipt
from qc_edge.settings import StationPaths


@dataclass(frozen=True, slots=True)
class SealedDay:
    """A day as its manifest has it: the manifest's bytes and their sha256 (hex)."""

    seal: Seal
    manifest: bytes
    sha256: str

    @property
    def day(self) -> date:
        """The day."""
        return self.seal.day


@dataclass(slots=True)
class SealedDays:
    """The sealed days of a station, held against the events that tell them."""

    paths: StationPaths
    told: dict[date, str]

    @classmethod
    def of(cls, paths: StationPaths, rows: Rows) -> SealedDays:
        """By the published log, which `rows` reads. Raises StoreError."""
        return cls(
            paths,
            {
                date.fromisoformat(detail.split()[0]): digest
                for detail, digest in fetch(rows, SEALS, "events", 0, 2**62)
                if detail and digest
            },
        )

    def untold(self) -> list[date]:
        """Days with a manifest that no published event tells yet: they wait."""
        return sorted(sealed_days(self.paths.published) - self.told.keys())

    def due(self, url: str, since: date | None = None) -> Iterator[date]:
        """The days that are not receipted at `url` yet, oldest first; `since` leaves out earlier
        ones.
        """
        for day in sorted(self.told):
            if since is not None and day < since:
                continue
            receipt = read_receipt(self.paths.upstream, day)
            if receipt is None or (receipt.url, receipt.seal_sha256) != (url, self.told[day]):
                yield day

    def read(self, day: date) -> SealedDay:
        """That day, if its manifest is the one that its event tells. Raises AuditError."""
        path = seal_path(self.paths.published, day)
        try:
            manifest, digest = path.read_bytes(), file_sha256(path)
            seal = read_seal(self.paths.published, day)
        except (OSError, StoreError) as fault:
            raise AuditError(f"the seal of {day}: {fault}", hint=_KEEP) from None
        if digest != self.told[day] or seal.station != self.paths.name:
            raise AuditError(
                f"the seal of {day} is not the one that was written: its sha256 is "
                f"{digest[:12]}, its event says {self.told[day][:12]}",
                hint=_KEEP,
            )
        return SealedDay(seal, manifest, digest)


_KEEP = "nothing of that day was sent; qc-edge verify NAME says more"
