"""What the log of a station says was in force last, for whoever does not run it.

Reads published files and the end of the journal, so that it works while the station runs, while it
does not, and where it refuses to start.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from qc_edge.domain.in_force import InForce
from qc_edge.errors import StoreError
from qc_edge.query.journal_reader import newest_rows
from qc_edge.query.published_log import PublishedLog
from qc_edge.settings import StationPaths

_KIND = "in_force"
_UNPUBLISHED = 20_000
"""Rows at the end of the journal that may not be published yet: a station that was killed left
seconds of them.
"""


def last_snapshot(paths: StationPaths) -> InForce | None:
    """The newest snapshot in the log; None if there is none, or none can be read."""
    text = _in_journal(paths) or _published(paths)
    try:
        return InForce.from_json(text) if text else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def told_of(paths: StationPaths, record: str) -> set[str]:
    """The kinds of the published events that name the file `record`; empty if none can be read."""
    query = "SELECT DISTINCT kind FROM {events} WHERE record = ?"
    return {str(kind) for (kind,) in _fetch(paths, ("kind", "record"), query, [record])}


def _in_journal(paths: StationPaths) -> str | None:
    try:
        for row in islice(newest_rows(paths.journal), _UNPUBLISHED):
            if row["table"] == "events" and row.get("kind") == _KIND:
                return str(row.get("after"))
    except OSError:
        pass
    return None


def _published(paths: StationPaths) -> str | None:
    query = (
        f"SELECT after FROM {{events}} WHERE kind = '{_KIND}' "  # noqa: S608
        "ORDER BY chain_seq DESC LIMIT 1"
    )
    rows = _fetch(paths, ("chain_seq", "kind", "after"), query)
    return str(rows[0][0]) if rows else None


def _fetch(
    paths: StationPaths, columns: Sequence[str], query: str, parameters: Sequence[str] = ()
) -> Sequence[Sequence[object]]:
    """What `query` finds in the published events, which stand in it as {events}; nothing if there
    are none, or they cannot be read.
    """
    try:
        with PublishedLog(paths.published) as log:
            cursor = log.cursor()
            relation = cursor.relation("events", columns=columns)
            if relation is None:
                return ()
            return cursor.fetch(query.format(events=relation), list(parameters))
    except StoreError:
        return ()
