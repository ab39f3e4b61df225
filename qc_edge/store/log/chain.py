"""The chain: every row carries a hash over the one before it, so that tampering shows.

Changing one byte of what is hashed here makes every log that exists unverifiable.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from qc_edge.domain.anchor import ChainHead
from qc_edge.domain.inspection import COLUMNS, Row, values

GENESIS = "0" * 64
EMPTY = ChainHead(0, GENESIS, datetime.fromtimestamp(0, timezone.utc))
"""The head of a chain without rows."""

CHAIN = ("chain_seq", "chain_hash")
"""The columns of each table that hold a row's place in the chain; in the files that are published
they stand last.
"""


@dataclass(frozen=True, slots=True)
class Link:
    """A row as it is kept: its table, its values in column order, its place in the chain."""

    table: str
    values: tuple[Any, ...]
    seq: int
    sha256: str
    text: str
    """The row as canonical JSON, which the hash is taken over."""

    @property
    def head(self) -> ChainHead:
        """The head of the chain that ends with this link."""
        # The values of a row that was read from the journal are text.
        value = self.values[COLUMNS[self.table].index("recorded_at")]
        at = value if isinstance(value, datetime) else datetime.fromisoformat(value)
        return ChainHead(self.seq, self.sha256, at)


def canonical(table: str, row: tuple[Any, ...]) -> str:
    """The row as JSON with its columns in schema order, without spaces, times in UTC to the
    microsecond.

    Columns that are null are left out, so that a column added later changes no hash of an earlier
    row.
    """
    present = {
        name: value for name, value in zip(COLUMNS[table], row, strict=True) if value is not None
    }
    return json.dumps(
        {"table": table, **present},
        separators=(",", ":"),
        ensure_ascii=False,
        default=json_default,
        allow_nan=False,  # NaN is no JSON, and would not equal itself when it is verified
    )


def link(row: Row, seq: int, previous: str) -> Link:
    """`row` as the link number `seq`, after the one with the hash `previous`."""
    text = canonical(row.TABLE, values(row))
    return Link(row.TABLE, values(row), seq, chain_hash(previous, seq, text), text)


def chain_hash(previous: str, seq: int, text: str) -> str:
    """sha256 (hex) over the previous hash, the number and the canonical text, joined by
    newlines.
    """
    return hashlib.sha256(f"{previous}\n{seq}\n{text}".encode()).hexdigest()


def json_default(value: object) -> str:
    """For json.dumps: a time as ISO 8601 in UTC with microseconds; else TypeError."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat(timespec="microseconds")
    raise TypeError(f"{type(value).__name__} has no place in a row")
