"""How a station lives: its unit, its status, the cameras that it holds, its errors. Asks from
outside.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

from qc_edge.diagnostics.finding import Level, Seen, ok
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.remedies import fix_for
from qc_edge.query.recent_rows import newest_rows
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.settings import Settings, StationPaths

_STALE_S = 10.0
_DEEP = 100
_OLD_S = 10.0
_LOST_SHARE = 0.001
_INVALID_SHARE = 0.2
_FEW = 20
_RECENT = timedelta(hours=24)
_GRAVE = {
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

_PERSON = {"65": "model or calibration", "78": "settings"}


def read_status(paths: StationPaths) -> dict[str, Any] | None:
    """What the station last said of itself, None if it has not run since the box was started."""
    try:
        status: dict[str, Any] = json.loads(paths.status.read_bytes())
    except (OSError, ValueError):
        return None
    return status


def is_running(paths: StationPaths, settings: Settings) -> bool:
    """True if a process has one of the station's roles."""
    return any(holder_of(paths.lock(role)) for role in settings.station.roles)


def check_unit(host: Host, name: str) -> Iterator[Seen]:
    """What systemd says of the station's service."""
    asked = "LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,UnitFileState"
    said = host.ask("systemctl", "show", f"qc-edge@{name}", f"--property={asked}")
    if not said:
        yield ok("systemd does not run here")
        return
    unit = dict(line.split("=", 1) for line in said.splitlines() if "=" in line)
    if unit.get("LoadState") != "loaded":
        yield (
            Level.WARNING,
            f"there is no unit for qc-edge@{name}",
            f"sudo qc-edge install --station {name}",
        )
        return
    words = f"qc-edge@{name} is {unit.get('ActiveState')} ({unit.get('SubState')})"
    code = unit.get("ExecMainStatus", "0")
    if unit.get("ActiveState") == "failed":
        why = f"exit code {code}" + (
            f": {_PERSON[code]}, not tried again" if code in _PERSON else ""
        )
        yield (
            Level.FAULT,
            f"{words}, {why}",
            f"mend what is red here, then: sudo systemctl restart qc-edge@{name}",
        )
        return
    if unit.get("ActiveState") != "active":
        yield Level.WARNING, words, f"sudo systemctl start qc-edge@{name}"
    elif (restarts := int(unit.get("NRestarts", "0") or 0)) > 0:
        yield (
            Level.WARNING,
            f"{words}, restarted {restarts} times",
            f"why: journalctl -u qc-edge@{name} -p err",
        )
    else:
        yield ok(words)
    if unit.get("UnitFileState") not in {"enabled", "enabled-runtime", "static", "linked"}:
        fix = f"sudo systemctl enable qc-edge@{name}"
        yield Level.WARNING, f"it does not start with the box ({unit.get('UnitFileState')})", fix


def check_status(paths: StationPaths, settings: Settings) -> Iterator[Seen]:
    """Ready, or what keeps it from that; spool, latency, cameras and today's parts of a running
    station.
    """
    status, name = read_status(paths), paths.name
    if not is_running(paths, settings):
        last = (
            f"; its last words: {', '.join(status['troubles'])}"
            if status and status["troubles"]
            else ""
        )
        yield Level.WARNING, f"not running{last}", _start(paths)
    elif status is None:
        yield Level.WARNING, "starting: no status yet", f"follow it: journalctl -fu qc-edge@{name}"
    else:
        age = (utc_now() - datetime.fromisoformat(status["at"])).total_seconds()
        if age > _STALE_S:
            fix = f"sudo systemctl restart qc-edge@{name}"
            yield (
                Level.FAULT,
                f"its status is {age:,.0f} s old: the process hangs or cannot write",
                fix,
            )
            return
        for trouble in status["troubles"]:
            yield Level.FAULT, trouble, fix_for(trouble, name)
        if status["ready"]:
            yield ok("READY")
        yield from _pace(status, settings)
        for camera in status["cameras"]:
            yield from _camera(camera)
        yield from _today(status)


def check_spool(paths: StationPaths, settings: Settings) -> Iterator[Seen]:
    """Frames that wait though nobody is there to inspect them."""
    if is_running(paths, settings):
        return
    waiting = sum(1 for _ in paths.frames.iterdir()) if paths.frames.is_dir() else 0
    if waiting:
        said = (
            f"{waiting:,} frames wait; they are inspected after the next start, and their "
            "parts are held"
        )
        yield Level.WARNING, said, _start(paths)
    else:
        yield ok("empty")


def check_errors(host: Host, paths: StationPaths) -> Iterator[Seen]:
    """Errors of the last 24 h: the journal's, or, where it tells none, the log's own events."""
    unit = f"qc-edge@{paths.name}"
    if said := host.ask(
        "journalctl", "-u", unit, "-p", "err", "--since=-24h", "-o", "short-iso", "-q"
    ):
        lines = [line for line in said.splitlines() if line.strip()]
        last = "; ".join(f"{line[11:16]} {line.partition(': ')[2]}" for line in lines[-3:])
        fix = f"journalctl -u {unit} -p err --since -24h"
        yield Level.WARNING, f"{len(lines)} error lines in the last 24 h, the last: {last}", fix
        return
    since = (utc_now() - _RECENT).isoformat()
    rows = takewhile(
        lambda row: str(row.get("recorded_at", "")) >= since[:19], newest_rows(paths.journal)
    )
    grave = [row for row in rows if row["table"] == "events" and row.get("kind") in _GRAVE]
    if not grave:
        yield ok("none in the last 24 h")
        return
    kinds = ", ".join(
        f"{number} {kind}" for kind, number in Counter(row["kind"] for row in grave).most_common()
    )
    last = f"{str(grave[0]['recorded_at'])[11:16]} UTC {grave[0]['detail']}"
    yield (
        Level.WARNING,
        f"events of the last 24 h: {kinds}; the last: {last}",
        f"journalctl -u {unit}",
    )


def check_damage(paths: StationPaths) -> Iterator[Seen]:
    """Databases that did not open and were set aside."""
    if kept := sorted(paths.set_aside.glob("*")):
        said = f"{len(kept)} damaged files of the log were set aside, the last {kept[-1].name}"
        yield (
            Level.WARNING,
            said,
            f"its rows were brought back; send it to the vendor: {paths.set_aside}",
        )
    else:
        yield ok("the log was never damaged")


def _start(paths: StationPaths) -> str:
    if paths.root == Path("/"):
        return f"sudo systemctl start qc-edge@{paths.name}"
    return f"qc-edge run {paths.name} --root {paths.root}"


def _pace(status: Mapping[str, Any], settings: Settings) -> Iterator[Seen]:
    depth, oldest, name = status["spool_depth"], status["spool_oldest_s"], status["station"]
    if depth > _DEEP or oldest > _OLD_S:
        said = f"{depth:,} frames wait, the oldest for {oldest:.0f} s"
        yield Level.WARNING, said, fix_for("spool", name)
    else:
        yield ok(f"{depth:,} frames wait")
    latency, deadline = status["latency"], settings.station.deadline_ms
    if latency and latency["p99_ms"] is not None:
        said = (
            f"p99 {latency['p99_ms']:.0f} ms from exposure to verdict, the deadline is "
            f"{deadline:g} ms"
        )
        late = latency["p99_ms"] > 0.8 * deadline
        fix = "fewer frames a second, a smaller ROI, or station.deadline_ms if the line allows it"
        yield (Level.WARNING, said, fix) if late else ok(said)


def _camera(camera: Mapping[str, Any]) -> Iterator[Seen]:
    if not camera["connected"]:
        return  # leads the status
    said = (
        f"{camera['name']}: {camera['detail']}; {camera['triggers']:,} triggers, "
        f"{camera['lost']:,} lost, "
        f"reopened {camera['reopened']} times"
    )
    if camera["lost"] > _LOST_SHARE * camera["triggers"] or camera["reopened"]:
        yield Level.WARNING, said, "cable, switch, power; packet size and MTU: see box: network"
    else:
        yield ok(said)


def _today(status: Mapping[str, Any]) -> Iterator[Seen]:
    today = status["today"]
    parts = sum(today["verdicts"].values()) if today else 0
    if not parts:
        return
    invalid = today["verdicts"].get("INVALID", 0)
    said = f"{parts:,} parts today, {invalid:,} INVALID"
    if parts >= _FEW and invalid > _INVALID_SHARE * parts:
        reason = max(today["reasons"], key=today["reasons"].get, default="")
        yield Level.WARNING, f"{said}, most for {reason}", fix_for(reason, status["station"])
    else:
        yield ok(said)
