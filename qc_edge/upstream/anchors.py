"""The head of the chain kept upstream: the log may not become another behind what was told there.

The newest anchor counts, by its number. A station that was restored from upstream puts one of its
own, with the row that it goes on from.
"""

from __future__ import annotations

import json

from qc_edge.audit.anchors.log_rows import find_rows
from qc_edge.domain.anchor import Anchor, ChainHead
from qc_edge.errors import AuditError, UpstreamError
from qc_edge.query.rows import Rows
from qc_edge.upstream.layout import StationNames
from qc_edge.upstream.targets import Target


def newest_anchor(target: Target, names: StationNames) -> tuple[int, Anchor | None]:
    """The newest anchor upstream, and the highest number that is taken; 0 and None before there is
    one.

    Raises UpstreamError.
    """
    number, name, data = target.newest(names.anchors)
    if not data:
        return number, None
    try:
        anchor = Anchor.of_fields(json.loads(data))
    except (ValueError, KeyError, TypeError):
        raise UpstreamError(
            f"{target.url}/{name} is no anchor", hint="who else writes there?"
        ) from None
    return number, anchor


def check_and_anchor(target: Target, names: StationNames, rows: Rows) -> ChainHead | None:
    """Hold the log against the newest anchor upstream, and put its head there if it has moved.

    The head is None for a log without rows. Raises AuditError if the log is not the one that was
    anchored, UpstreamError.
    """
    number, anchor = newest_anchor(target, names)
    with rows.held():
        last = rows.last()
    found = find_rows((), [rows], {last, anchor.head.seq} if anchor else {last})
    if anchor:
        row = found.get(anchor.head.seq)
        if row is None or row.sha256 != anchor.head.sha256:
            what = "is not in the log" if row is None else "has another hash in the log"
            raise AuditError(
                f"row {anchor.head.seq}, anchored upstream as number {number}, {what}: the log was "
                "cut or written anew",
                hint="nothing was sent; keep the disk as it is. A station restored otherwise than "
                "by qc-edge restore, or set up anew, needs another name",
            )
    head = found.get(last)
    if head and (anchor is None or head.seq > anchor.head.seq):
        put_anchor(target, names, number + 1, head)
    return head


def put_anchor(target: Target, names: StationNames, number: int, head: ChainHead) -> None:
    """Put the anchor with that number; the one of another sync at the same moment may stay."""
    fields = Anchor(names.station, head).fields()
    target.put_if_absent(names.anchor(number), json.dumps(fields, indent=1).encode())
