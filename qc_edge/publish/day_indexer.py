"""Makes the look-up index of every sealed day, and makes it again where it is missing or damaged.

Works beside the line at the publisher's low priority, one day at a time; nothing waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import count
from pathlib import Path

import numpy as np

from qc_edge.errors import StoreError
from qc_edge.publish.seal import Seal, file_sha256, read_seal, seal_path, sealed_days
from qc_edge.query.lookup import day_index
from qc_edge.query.lookup.index_keys import DECIDING_KINDS, KEYS, entries_sql
from qc_edge.query.published_files import hour_of, sql_path
from qc_edge.service.logs import LOG
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger

_FAR = 0xFFFFFFFF
"""A day whose numbers lie further apart has no index: entries hold 32 bits of them."""


class DayIndexer:
    """The indexes of one station's sealed days. One thread."""

    def __init__(self, ledger: Ledger, directory: Path, disk: Disk) -> None:
        self._ledger = ledger
        self._directory = directory
        self._disk = disk
        self._refused: set[date] = set()
        self._turn = count()

    def tend(self, on_file: Callable[[], None] = lambda: None) -> date | None:
        """Make the index of the newest sealed day that has none, which is returned; or else hold
        one that there is against its checksums and its seal, each in turn, and remove it if it does
        not fit.

        Raises StoreError, OSError: then it is tried again.
        """
        days, have = sealed_days(self._directory), day_index.indexed_days(self._directory)
        for day in sorted(have - days):
            self._disk.unlink(day_index.index_path(self._directory, day))
        if missing := days - have - self._refused:
            day = max(missing)
            self._make(day, on_file)
            return day
        if known := sorted(have & days):
            self._check(known[next(self._turn) % len(known)])
        return None

    def _check(self, day: date) -> None:
        path = day_index.index_path(self._directory, day)
        try:
            head = day_index.checked_head(path)
            if (head.day, head.seal_sha256) != (day, file_sha256(seal_path(self._directory, day))):
                raise day_index.DamagedIndexError("it is of another seal")
        except (ValueError, KeyError) as fault:
            LOG.warning("the look-up index of %s is made again: %s", day, fault)
            self._disk.unlink(path)

    def _make(self, day: date, on_file: Callable[[], None]) -> None:
        try:
            digest = file_sha256(seal_path(self._directory, day))
            content = self._content(read_seal(self._directory, day), digest, on_file)
        except StoreError as fault:
            # A day that does not read is for `verify`; it is looked up in its rows, if at all.
            self._refused.add(day)
            LOG.warning("no look-up index of %s: %s", day, fault)
            return
        path = day_index.index_path(self._directory, day)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._disk.write(path, [content], path.with_name(f".{path.name}.tmp"))

    def _content(self, seal: Seal, digest: str, on_file: Callable[[], None]) -> bytes:
        first, last = seal.first_seq or 0, seal.last_seq or 0
        if last - first >= _FAR:
            raise StoreError(f"the numbers of {seal.day} lie too far apart", hint="qc-edge verify")
        hours = np.full((len(day_index.TABLES), day_index.HOURS, 2), _FAR, np.uint32)
        entries = [np.empty(0, np.uint64)]
        newest: dict[str, int] = {}
        for file in seal.files:
            table = file.path.partition("/")[0]
            hour = hour_of(Path(file.path))
            if file.first_seq is None or file.last_seq is None or hour is None:
                continue
            if table in day_index.TABLES:
                place = day_index.TABLES.index(table)
                hours[place, hour.hour] = file.first_seq - first, file.last_seq - first
            relation = f"read_parquet({sql_path(self._directory / file.path)})"
            with self._ledger.snapshot() as log:
                if table in KEYS:
                    found = log.execute(entries_sql(table, relation, first)).fetchnumpy()
                    entries.append(found["entry"])
                if table == "events":
                    rows = log.execute(
                        f"SELECT kind, max(chain_seq) FROM {relation} GROUP BY kind"  # noqa: S608
                    ).fetchall()
                    for kind, number in rows:
                        if kind in DECIDING_KINDS:
                            newest[kind] = max(number, newest.get(kind, 0))
            on_file()
        return day_index.to_bytes(
            seal.day, digest, (first, last), newest, hours, np.sort(np.concatenate(entries))
        )
