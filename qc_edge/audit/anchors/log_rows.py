"""The hashes of chosen rows of the log, wherever they stand. Judges nothing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from itertools import islice
from pathlib import Path

from qc_edge.domain.anchor import ChainHead
from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import StoreError
from qc_edge.query.rows import Rows

_ROWS = "SELECT chain_seq, chain_hash, recorded_at FROM {rows} WHERE chain_seq IN ({numbers})"
_PORTION = 2_000
"""Numbers in one query."""


def find_rows(
    journal: Sequence[Path], places: Sequence[Rows], numbers: Iterable[int]
) -> dict[int, ChainHead]:
    """Those of the rows `numbers` that the log has.

    From the station's journal (`journal` are its files), and what it lacks from the first of
    `places` that has it: the audit has held them against one another before.
    """
    wanted = set(numbers)
    found = _in_journal(journal, wanted)
    for place in places:
        missing = sorted(wanted - found.keys())
        if missing:
            found |= _in_place(place, missing)
    return found


def _in_journal(files: Sequence[Path], wanted: set[int]) -> dict[int, ChainHead]:
    found = {}
    for path in files:
        try:
            with path.open("rb") as file:
                for line in file:
                    number, _, rest = line.partition(b"\t")
                    if number.isdigit() and int(number) in wanted and (row := _parsed(rest)):
                        found[int(number)] = ChainHead(int(number), *row)
        except OSError:
            pass  # the audit of the chain has said so
    return found


def _parsed(rest: bytes) -> tuple[str, datetime] | None:
    sha256, _, text = rest.partition(b"\t")
    try:
        return sha256.decode("ascii"), datetime.fromisoformat(json.loads(text)["recorded_at"])
    except (ValueError, KeyError, TypeError):
        return None  # as above


def _in_place(place: Rows, numbers: list[int]) -> dict[int, ChainHead]:
    found: dict[int, ChainHead] = {}
    rest = iter(numbers)
    try:
        with place.held():
            while portion := list(islice(rest, _PORTION)):
                query = _ROWS.replace("{numbers}", ", ".join(map(str, portion)))
                for table in COLUMNS:
                    for seq, sha256, at in place.select(query, table, portion[0], portion[-1]):
                        found[seq] = ChainHead(seq, sha256, at.replace(tzinfo=timezone.utc))
    except StoreError:
        pass  # as above
    return found
