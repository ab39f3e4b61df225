"""The journal of a station made again from its published rows, each held against its hash."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from qc_edge.domain.anchor import ChainHead
from qc_edge.errors import AuditError
from qc_edge.query.rows import Rows, normal
from qc_edge.store.durable import Disk
from qc_edge.store.log.chain import EMPTY, Link, chain_hash
from qc_edge.store.log.journal import Journal

_AT_ONCE = 2000


def prepare_journal(
    directory: Path, rows: Rows, progress: Callable[[str, int, int], object]
) -> tuple[ChainHead, Callable[[], None]]:
    """Write the journal of all published rows beside `directory`, which has none: its last row, and
    what gives it its name at once; until that is called there is no journal.

    Raises AuditError at the first row that does not follow from the one before it. StoreError.
    """
    disk, new = Disk(), directory.with_name(f".{directory.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    new.mkdir(parents=True)
    journal, head = Journal(new, disk), EMPTY
    portion: list[Link] = []
    began = head.recorded_at
    with rows.held():
        last = rows.last()
        for row in rows.read(1, last):
            text = normal(row.text)
            if row.seq != head.seq + 1 or chain_hash(head.sha256, row.seq, text) != row.sha256:
                day = head.recorded_at.date()
                before = f"; --up-to {day} brings all before it" if head.seq else ""
                raise AuditError(
                    f"row {row.seq} does not follow from row {head.seq}",
                    hint="the day between is not upstream, or what is there was altered: "
                    f"keep the disk that was lost, and ask for help{before}",
                )
            values = json.loads(text)
            head = ChainHead(row.seq, row.sha256, datetime.fromisoformat(values["recorded_at"]))
            if portion and (len(portion) == _AT_ONCE or head.recorded_at.hour != began.hour):
                journal.append(portion, began)
                portion = []
            if not portion:
                began = head.recorded_at
            portion.append(Link(values["table"], (), row.seq, row.sha256, text))
            if row.seq % _AT_ONCE == 0:
                progress("journal", row.seq, last)
    if portion:
        journal.append(portion, began)
    journal.close()
    disk.sync_directory(new)

    def publish() -> None:
        # Whole under its name or not at all; the empty directory of a new station gives way.
        new.replace(directory)
        disk.sync_directory(directory.parent)

    return head, publish
