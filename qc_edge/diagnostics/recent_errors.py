"""What went wrong with a station lately: error lines, grave events, files that were set aside."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from itertools import takewhile

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.diagnostics.host import Host
from qc_edge.query.journal_reader import newest_rows
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths

_RECENT = timedelta(hours=24)
_SECONDS = len("2026-11-23T03:14:15")
_GRAVE_EVENTS = {
    "camera_lost",
    "camera_missing",
    "camera_silent",
    "disk_none",
    "log_mended",
    "settings_refused",
    "fault",
    "threshold_refused",
    "announcement_failed",
    "announcement_unknown",
    "late_announcement",
}
"""Kinds of events that a technician should know of."""


def check_errors(host: Host, paths: StationPaths) -> Iterator[Finding]:
    """Errors of the last 24 h from journald, or, where it has none, from the station's own log.

    A plain user may not read the system's journal and gets no lines; a station under another prefix
    has no unit. The log's events are there in both cases.
    """
    unit = f"qc-edge@{paths.name}"
    output = host.ask(
        "journalctl", "-u", unit, "-p", "err", "--since=-24h", "-o", "short-iso", "-q"
    )
    if output:
        lines = [line for line in output.splitlines() if line.strip()]
        last = "; ".join(f"{line[11:16]} {line.partition(': ')[2]}" for line in lines[-3:])
        yield warning(
            f"{len(lines)} error lines in the last 24 h, the last: {last}",
            f"journalctl -u {unit} -p err --since -24h",
        )
        return
    # Rows come newest first, and times in ISO format sort as text: stop at the first old one.
    since = (utc_now() - _RECENT).isoformat()[:_SECONDS]
    recent = takewhile(
        lambda row: str(row.get("recorded_at", "")) >= since, newest_rows(paths.journal)
    )
    grave = [row for row in recent if row["table"] == "events" and row.get("kind") in _GRAVE_EVENTS]
    if not grave:
        yield ok("none in the last 24 h")
        return
    counts = Counter(row["kind"] for row in grave).most_common()
    kinds = ", ".join(f"{count} {kind}" for kind, count in counts)
    last = f"{str(grave[0]['recorded_at'])[11:16]} UTC {grave[0]['detail']}"
    yield warning(f"events of the last 24 h: {kinds}; the last: {last}", f"journalctl -u {unit}")


def check_set_aside(paths: StationPaths) -> Iterator[Finding]:
    """Databases that did not open and were set aside when the log was made anew."""
    if files := sorted(paths.set_aside.glob("*")):
        yield warning(
            f"{len(files)} damaged files of the log were set aside, the last {files[-1].name}",
            f"its rows were brought back; send it to the vendor: {paths.set_aside}",
        )
    else:
        yield ok("the log was never damaged")
