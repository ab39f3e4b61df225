"""Anchors: the head of the chain of rows, as it is kept where the station cannot take it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone

MESSAGE_ID = "4b6f0e9a3f1c4c7e9d2f7a55c1e8b603"
"""Of an anchor in journald: `journalctl MESSAGE_ID=...` finds all of them. Never changes."""

FIELDS = (
    "MESSAGE_ID",
    "QC_EDGE_STATION",
    "QC_EDGE_CHAIN_SEQ",
    "QC_EDGE_CHAIN_HASH",
    "QC_EDGE_CHAIN_TIME",
    "QC_EDGE_ANCHOR_KEY",
    "QC_EDGE_ANCHOR_SIGNATURE",
)
"""The fields of an anchor in journald; the last two only of one that is signed. They are stable:
whoever collects journals elsewhere goes by them.
"""

_SIGNED = "qc-edge anchor 1"
"""Signed before the values, so that a signature made for anything else is none for an anchor."""


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The newest row of a log: its number, its hash (hex), and when it was recorded (UTC).

    The hash is taken over the row and the hash before it, so it stands for all rows up to this one.
    """

    seq: int
    sha256: str
    recorded_at: datetime


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of one station's chain at one moment.

    `signature` (base64, Ed25519 over `signed`) is by the key whose public half is `key`
    (`ed25519:...`); both are empty where the station has no key.
    """

    station: str
    head: ChainHead
    key: str = ""
    signature: str = ""

    @property
    def signed(self) -> bytes:
        """What the signature is made over."""
        values = self.station, str(self.head.seq), self.head.sha256, _text(self.head.recorded_at)
        return "\n".join([_SIGNED, *values, ""]).encode()

    def fields(self) -> dict[str, str]:
        """The anchor as FIELDS, those that are empty left out; `of_fields` reads them."""
        values = (
            MESSAGE_ID,
            self.station,
            str(self.head.seq),
            self.head.sha256,
            _text(self.head.recorded_at),
            self.key,
            self.signature,
        )
        return {name: value for name, value in zip(FIELDS, values, strict=True) if value}

    @classmethod
    def of_fields(cls, fields: Mapping[str, str]) -> Anchor:
        """The anchor that a message has. Raises KeyError or ValueError if it is none."""
        at = datetime.fromisoformat(fields["QC_EDGE_CHAIN_TIME"]).astimezone(timezone.utc)
        return cls(
            fields["QC_EDGE_STATION"],
            ChainHead(int(fields["QC_EDGE_CHAIN_SEQ"]), fields["QC_EDGE_CHAIN_HASH"], at),
            fields.get("QC_EDGE_ANCHOR_KEY", ""),
            fields.get("QC_EDGE_ANCHOR_SIGNATURE", ""),
        )


def _text(at: datetime) -> str:
    return at.astimezone(timezone.utc).isoformat(timespec="microseconds")
