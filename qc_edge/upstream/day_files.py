"""The files of one sealed day sent and read back: manifest, tables, and at last the receipt."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

from qc_edge.errors import AuditError, UpstreamError
from qc_edge.publish.seal import SealedFile
from qc_edge.records.receipts import Receipt, keep_receipt, parse_receipt
from qc_edge.upstream.due import SealedDay
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.pace import SendingPace
from qc_edge.upstream.targets import Target

_ALTERED = (
    "nothing replaces what is upstream, and a sealed day never changes: find out who wrote there"
)


class DayFiles:
    """Sends what a sealed day's manifest names. A name that is taken must hold the same bytes."""

    def __init__(
        self, target: Target, names: StationNames, pace: SendingPace, pool: ThreadPoolExecutor
    ) -> None:
        self._target = target
        self._names = names
        self._pace = pace
        self._pool = pool

    def send_manifest(self, sealed: SealedDay) -> None:
        """Raises AuditError if another one of that day is upstream, UpstreamError."""
        self.put(self._names.seal(sealed.day), sealed.manifest, sealed.sha256)

    def send_tables(
        self, published: Path, sealed: SealedDay, on_file: Callable[[int], object]
    ) -> None:
        """Send every file that the manifest names, in parallel; `on_file` is called with its bytes.

        Raises AuditError if one is not as it was sealed, here or upstream, or UpstreamError.
        """
        sending = [
            (file, self._pool.submit(self._send_file, published, file))
            for file in sealed.seal.files
        ]
        try:
            for file, sent in sending:
                sent.result()
                on_file(file.bytes)
        finally:
            for _, sent in sending:
                sent.cancel()

    def send_receipt(self, receipt: Receipt) -> tuple[Receipt, bytes]:
        """Put the receipt upstream; the one that stands there, and its bytes.

        One that is there already, of a sync that was ended here or ran at the same time, stands.
        Raises AuditError if that is of another seal, UpstreamError.
        """
        self._target.put_if_absent(self._names.receipt(receipt.day), receipt.to_json())
        return self._receipt(receipt.day, receipt.seal_sha256)

    def receipt_there(self, sealed: SealedDay) -> tuple[Receipt, bytes] | None:
        """The receipt of that day if it is upstream: then all of it is, though this station has
        lost its own, and whatever its settings have become. Raises as `send_receipt`.
        """
        if self._target.size(self._names.receipt(sealed.day)) is None:
            return None
        return self._receipt(sealed.day, sealed.sha256)

    def _receipt(self, day: date, seal_sha256: str) -> tuple[Receipt, bytes]:
        name = self._names.receipt(day)
        there = self._target.get(name) or b""
        try:
            stands = parse_receipt(there)
        except ValueError as fault:
            raise UpstreamError(f"{self._target.url}/{name}: {fault}", _ALTERED) from None
        if stands.seal_sha256 != seal_sha256:
            raise AuditError(f"{self._target.url}/{name} is of another seal", hint=_ALTERED)
        return stands, there

    def keep_receipt(self, directory: Path, stands: Receipt, there: bytes) -> None:
        """Keep the receipt that stands upstream: from then on the day is not due here.

        Raises StoreError.
        """
        # Put when the same place had another url: here it counts for this one.
        kept = replace(stands, url=self._target.url)
        keep_receipt(directory, stands.day, there if kept == stands else kept.to_json())

    def put(self, name: str, data: bytes, sha256: str) -> None:
        """Put `data`, read it back and compare. Raises AuditError or UpstreamError."""
        self._pace.take(len(data))
        was_put = self._target.put_if_absent(name, data)
        there = self._target.get(name)
        if there is not None and hashlib.sha256(there).hexdigest() == sha256:
            return
        if was_put:
            raise UpstreamError(
                f"{self._target.url}/{name} was put and reads back otherwise: "
                f"{'nothing' if there is None else f'{len(there):,} bytes'} of {len(data):,}",
                hint="do not trust that server or disk; look at its log",
            )
        raise AuditError(
            f"{self._target.url}/{name} is there with other bytes than those of this station",
            hint=_ALTERED,
        )

    def _send_file(self, published: Path, file: SealedFile) -> None:
        path = published / file.path
        try:
            data = path.read_bytes()
        except OSError as fault:
            raise AuditError(f"{path}: {fault.strerror}", hint=_VERIFY) from None
        if len(data) != file.bytes or hashlib.sha256(data).hexdigest() != file.sha256:
            raise AuditError(
                f"{path} is not the file that was sealed: its bytes have another sha256", _VERIFY
            )
        self.put(self._names.table_file(file.path), data, file.sha256)


_VERIFY = "qc-edge verify NAME says more; a sealed day never changes: restore it from a backup"
