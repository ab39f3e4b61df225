"""Receipts: for each day that is upstream, what was sent, where to, and that it was read back.

`upstream/date=2026-11-27.json`, as it is upstream. Whoever removes a day's files to make room
goes by them. Beside them `last-sync.json` says when everything that was due was sent.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import date, datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.store.durable import write_file

FORMAT = 1
"""Of a receipt; a reader refuses any other."""

_LAST = "last-sync.json"


@dataclass(frozen=True, slots=True)
class Receipt:
    """What of one day is upstream. `seal_sha256` is the digest (hex) of the day's manifest.

    `rows` and `files` are those of the tables, `size_bytes` those of files and pictures together.
    `pictures` says how many of each class of evidence are there; of a class that it does not name
    none were sent. `not_sent` pictures were missing here, or are not what was judged. `classes` are
    those that were to be sent; receipts of earlier versions do not say.
    """

    station: str
    line: str
    day: date
    url: str
    seal_sha256: str
    rows: int
    files: int
    size_bytes: int
    pictures: dict[str, int]
    not_sent: int
    sent_at: datetime
    software: str
    classes: tuple[str, ...] = ()

    def to_json(self) -> bytes:
        """The bytes of its file, here and upstream."""
        return json.dumps({"format": FORMAT, **asdict(self)}, indent=1, default=str).encode()


class _ReceiptShape(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=FORMAT, le=FORMAT)
    station: str
    line: str
    day: date
    url: str
    seal_sha256: str = Field(pattern="^[0-9a-f]{64}$")
    rows: int
    files: int
    size_bytes: int
    pictures: dict[str, int]
    not_sent: int
    sent_at: AwareDatetime
    software: str
    classes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LastSync:
    """When everything that was due was last sent (aware UTC), and where to."""

    at: datetime
    url: str


def receipt_path(directory: Path, day: date) -> Path:
    """Where the receipt of that day is, or will be."""
    return directory / f"date={day}.json"


def parse_receipt(data: bytes) -> Receipt:
    """A receipt from its bytes. Raises ValueError if they are none."""
    try:
        shape = _ReceiptShape.model_validate_json(data)
    except ValidationError as faults:
        raise ValueError(f"no receipt of format {FORMAT}: {faults.errors()[0]['msg']}") from None
    return Receipt(**shape.model_dump(exclude={"format"}))


def read_receipt(directory: Path, day: date) -> Receipt | None:
    """The receipt of that day; None if there is none that reads: then the day is sent again."""
    try:
        return parse_receipt(receipt_path(directory, day).read_bytes())
    except (OSError, ValueError):
        return None


def keep_receipt(directory: Path, day: date, data: bytes) -> None:
    """Keep the bytes of a receipt durably. Raises StoreError."""
    write_file(receipt_path(directory, day), data)


def keep_last_sync(directory: Path, url: str) -> None:
    """Say that everything that was due is upstream now. Raises StoreError."""
    values = {"format": FORMAT, "at": utc_now().isoformat(), "url": url}
    write_file(directory / _LAST, json.dumps(values).encode())


def last_sync(directory: Path) -> LastSync | None:
    """When everything that was due was last sent; None if never. Raises StoreError if that cannot
    be read.
    """
    path = directory / _LAST
    try:
        values = json.loads(path.read_bytes())
        return LastSync(datetime.fromisoformat(values["at"]), str(values["url"]))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as fault:
        raise StoreError(f"cannot read {path}: {fault}", hint="the next sync writes it") from None
