"""How a station runs, from its lock, its status file and its spool. Never talks to the process.

A process that hangs still holds its lock and would not answer: only the age of the status file
tells it from one that works.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.diagnostics.remedies import fix_for
from qc_edge.publish.seal import sealed_days
from qc_edge.records.receipts import last_sync, read_receipt
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Settings, StationPaths
from qc_edge.upstream.age import OVERDUE_DAYS, SyncAge, is_overdue, shown_age

_SILENT_S = 4.0
"""A running station writes its status every second."""

_FRESH_S = 2.0
_LOOK_S = 0.1

_DEEP_SPOOL = 100
_OLD_FRAME_S = 10.0
_LOST_SHARE = 0.001
_INVALID_SHARE = 0.2
_FEWEST_PARTS = 20
"""Below so many parts a share of INVALID ones says nothing."""


def read_status(paths: StationPaths) -> dict[str, Any] | None:
    """The status that the station last wrote, None if it has not run since the box was started.

    The file is under /run, which is empty after a boot.
    """
    try:
        status: dict[str, Any] = json.loads(paths.status.read_bytes())
    except (OSError, ValueError):
        return None
    return status


def is_running(paths: StationPaths, settings: Settings) -> bool:
    """True if a process holds the lock of one of the station's roles."""
    return bool(_pids(paths, settings))


def current_status(paths: StationPaths, settings: Settings) -> dict[str, Any] | None:
    """The status that the station's process writes now, or None if it has not written any yet.

    A file that is old is waited for to be renewed, for a few seconds. If it is not, the status that
    comes back is not ready, and its only trouble says so. With `running`: False if there is no
    process; then it is what the last one wrote.
    """
    pids = _pids(paths, settings)
    status = read_status(paths)
    if not pids:
        return status and {**status, "running": False, "ready": False}
    pause, end = threading.Event(), time.monotonic() + _SILENT_S
    while status is None or status["pid"] not in pids or age_s(status) > _FRESH_S:
        if time.monotonic() > end or (status and age_s(status) > _SILENT_S + _FRESH_S):
            break
        pause.wait(_LOOK_S)
        status, pids = read_status(paths), _pids(paths, settings)
    if status is None or status["pid"] not in pids:
        return None  # of an earlier process: this one has only begun
    if age_s(status) > _FRESH_S:
        silent = f"no answer for {age_s(status):,.0f} s: the process hangs or cannot write"
        return {**status, "running": True, "ready": False, "troubles": [silent]}
    return {**status, "running": True}


def age_s(status: Mapping[str, Any]) -> float:
    """How long ago (s) the status was written; infinite if it is of a later time than now."""
    if "monotonic_ns" not in status:  # written by an older version
        return (utc_now() - datetime.fromisoformat(status["at"])).total_seconds()
    # Without the id of the boot: in a container a confined service sees another one than its box.
    age_ns = time.monotonic_ns() - int(status["monotonic_ns"])
    return age_ns / 1e9 if age_ns >= 0 else math.inf


def _pids(paths: StationPaths, settings: Settings) -> set[int]:
    """The processes that hold the locks of the station's roles."""
    holders = [holder_of(paths.lock(role)) for role in settings.station.roles]
    return {int(str(holder["pid"])) for holder in holders if holder}


def check_status(paths: StationPaths, settings: Settings) -> Iterator[Finding]:
    """Ready, or what keeps it from that; spool, latency, cameras and today's parts of a running
    station.
    """
    status, name = current_status(paths, settings), paths.name
    if not is_running(paths, settings):
        troubles = ", ".join(status["troubles"]) if status else ""
        last = f"; its last words: {troubles}" if troubles else ""
        yield warning(f"not running{last}", _start_command(paths))
        return
    if status is None:
        yield warning("starting: no status yet", f"follow it: journalctl -fu qc-edge@{name}")
        return
    for trouble in status["troubles"]:
        yield fault(trouble, fix_for(trouble, name))
    # A status file of the version before has none.
    for words in status.get("warnings", ()):
        yield warning(words, fix_for(words, name))
    if status["ready"]:
        yield ok("READY")
    yield from _pace(status, settings)
    for camera in status["cameras"]:
        yield from _camera(camera)
    yield from _today(status)


def check_spool(paths: StationPaths, settings: Settings) -> Iterator[Finding]:
    """Frames that wait though no process is there to inspect them."""
    if is_running(paths, settings):
        return
    waiting = sum(1 for _ in paths.frames.iterdir()) if paths.frames.is_dir() else 0
    if waiting:
        yield warning(
            f"{waiting:,} frames wait; they are inspected after the next start, and their "
            "parts are held",
            _start_command(paths),
        )
    else:
        yield ok("empty")


def _start_command(paths: StationPaths) -> str:
    if paths.root == Path("/"):
        return f"sudo systemctl start qc-edge@{paths.name}"
    return f"qc-edge run {paths.name} --root {paths.root}"


def _pace(status: Mapping[str, Any], settings: Settings) -> Iterator[Finding]:
    """Whether the inspection keeps up: how many frames wait, and how long a verdict takes."""
    depth, oldest, name = status["spool_depth"], status["spool_oldest_s"], status["station"]
    # A status file of the version before has none.
    if (behind := status.get("behind")) and status["ready"]:
        yield warning(behind, fix_for(behind, name))
    elif depth > _DEEP_SPOOL or oldest > _OLD_FRAME_S:
        yield warning(
            f"{depth:,} frames wait, the oldest for {oldest:.0f} s", fix_for("spool", name)
        )
    else:
        yield ok(f"{depth:,} frames wait")
    latency, deadline = status["latency"], settings.station.deadline_ms
    if latency and latency["p99_ms"] is not None:
        message = (
            f"p99 {latency['p99_ms']:.0f} ms from exposure to verdict, the deadline is "
            f"{deadline:g} ms"
        )
        # A part that is late is HOLD: warn while there is still a fifth of the deadline left.
        if latency["p99_ms"] > 0.8 * deadline:
            yield warning(
                message,
                "fewer frames a second, a smaller ROI, or station.deadline_ms if the line allows "
                "it",
            )
        else:
            yield ok(message)


def _camera(camera: Mapping[str, Any]) -> Iterator[Finding]:
    if not camera["connected"]:
        return  # one of the status's troubles, reported already
    message = (
        f"{camera['name']}: {camera['detail']}; {camera['triggers']:,} triggers, "
        f"{camera['lost']:,} lost, reopened {camera['reopened']} times"
    )
    if camera["lost"] > _LOST_SHARE * camera["triggers"] or camera["reopened"]:
        yield warning(message, "cable, switch, power; packet size and MTU: see box: network")
    else:
        yield ok(message)


def _today(status: Mapping[str, Any]) -> Iterator[Finding]:
    today = status["today"]
    parts = sum(today["verdicts"].values()) if today else 0
    if not parts:
        return
    invalid = today["verdicts"].get("INVALID", 0)
    message = f"{parts:,} parts today, {invalid:,} INVALID"
    if parts >= _FEWEST_PARTS and invalid > _INVALID_SHARE * parts:
        reason = max(today["reasons"], key=today["reasons"].get, default="")
        yield warning(f"{message}, most for {reason}", fix_for(reason, status["station"]))
    else:
        yield ok(message)


def check_upstream(paths: StationPaths, url: str) -> Iterator[Finding]:
    """How long ago everything went to `url`, and how many sealed days have no receipt of it."""
    unit = f"qc-edge-sync@{paths.name}"
    hint = f"journalctl -u {unit}; once more: sudo systemctl start {unit}"
    last_sync(paths.upstream)  # raises StoreError if it does not read
    receipts = {day: read_receipt(paths.upstream, day) for day in sealed_days(paths.published)}
    waiting = sorted(
        day for day, receipt in receipts.items() if receipt is None or receipt.url != url
    )
    wait = f"; {len(waiting)} sealed days wait, from {waiting[0]} on" if waiting else ""
    age = SyncAge(paths.upstream, lambda: url).seconds()
    if age is None:
        start = f"every night: sudo systemctl enable --now {unit}.timer; {hint}"
        yield warning(f"not everything was ever sent to {url}{wait}", start)
    elif age > OVERDUE_DAYS * 86_400:
        yield warning(f"everything was last sent to {url} {shown_age(age)} ago{wait}", hint)
    elif waiting and is_overdue(waiting[0]):
        # Its seal was never told, or it was sealed after nights without a publisher.
        yield warning(f"what was due was sent to {url} {shown_age(age)} ago{wait}", hint)
    else:
        yield ok(f"everything was sent to {url} {shown_age(age)} ago{wait}")
