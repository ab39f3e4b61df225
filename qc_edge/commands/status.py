"""`qc-edge status`: how a station is, asked from outside; reads its status file and touches
nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json


def command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Say whether a station is ready, and if not, why; its counts, spool, latency, model and
    calibration.

    Exit code 0 if it is ready, 3 if it is not running, 1 if it runs but is not ready.

    [dim]Examples:[/dim]
      [bold]qc-edge status line1[/bold]
      [bold]qc-edge status line1 --json | jq .today[/bold]
    """
    from qc_edge.service.lock import holder_of
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    running = any(holder_of(paths.lock(role)) for role in settings.station.roles)
    status = _read(paths.status)
    if status is not None:
        status["running"] = running
        status["ready"] = running and status["ready"]
    if as_json:
        print_json(status or {"station": name, "running": running, "ready": False})
    elif status is None:
        out().print(f"{name}: {'starting' if running else 'has not run since the box was started'}")
    else:
        _print(name, status, running)
    if not running:
        raise typer.Exit(3)
    raise typer.Exit(0 if status and status["ready"] else 1)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        status: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return None
    return status


def _print(name: str, status: dict[str, Any], running: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    ready = status["ready"]
    console = out()
    head = Text.assemble((name, "bold"), "  ")
    if not running:
        head.append(f"NOT RUNNING, last seen {status['at']}", "bold red")
    elif ready:
        head.append("READY", "bold green")
    else:
        head.append("NOT READY", "bold red")
    console.print(head)
    for trouble in status["troubles"] if running else ():
        console.print(Text(f"  {trouble}", "red"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for key, value in _rows(status):
        table.add_row(Text(key, "dim"), Text(value))
    console.print(table)


def _rows(status: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    if today := status["today"]:
        verdicts = today["verdicts"]
        counts = ", ".join(
            f"{verdicts.get(each, 0):,} {each}" for each in ("PASS", "FAIL", "INVALID")
        )
        rows.append(("today (UTC)", f"{counts}; {today['held']:,} held, {today['lost']:,} lost"))
        reasons = sorted(today["reasons"].items(), key=lambda item: -item[1])
        if reasons:
            rows.append(
                ("invalid for", ", ".join(f"{count:,} {reason}" for reason, count in reasons))
            )
    if last := status["last_part"]:
        rows.append(
            (
                "last part",
                f"{last['part_id']} {last['verdict']} {last['disposition']}: {last['detail']}",
            )
        )
    oldest = f", oldest {status['spool_oldest_s']:.1f} s" if status["spool_depth"] else ""
    rows.append(("spool", f"{status['spool_depth']:,} waiting{oldest}"))
    latency = status["latency"]
    if latency and latency["frames"]:
        figures = (
            f"p50 {latency['p50_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms, max "
            f"{latency['max_ms']:.1f} ms"
        )
        rows.append(("latency", f"{figures} over the last {latency['frames']:,} frames"))
    for camera in status["cameras"]:
        state = camera["detail"] if camera["connected"] else f"NOT CONNECTED: {camera['detail']}"
        counts = (
            f"{camera['triggers']:,} triggers, {camera['lost']:,} lost, reopened "
            f"{camera['reopened']} times"
        )
        rows.append((f"camera {camera['name']}", f"{state}; {counts}"))
    if status["model"]:
        rows.append(
            (
                "model",
                (
                    f"{status['model']} (sha256 {status['model_sha256'][:12]}); "
                    f"{status['model_reason']}"
                ),
            )
        )
        if status["model_news"]:
            rows.append(("", status["model_news"]))
        rows.append(("engine", f"{status['engine']}: {status['engine_reason']}"))
        rows.append(("threshold", f"{status['threshold']:g} ({status['threshold_id']})"))
    if shadow := status.get("shadow"):
        counts = (
            f"{shadow['scored']:,} scored, {shadow['failed']:,} failed, "
            f"{shadow['dropped']:,} dropped"
        )
        rows.append(("shadow", f"{shadow['bundle']} {shadow['state']}; {counts}"))
    for record in status["calibrations"]:
        due = f"due in {record['due_in_days']:.0f} d" if record["due_in_days"] > 0 else "EXPIRED"
        starting = ", a starting one: calibrate on real parts" if record["starting"] else ""
        rows.append(
            (f"calibration {record['camera']}", f"{record['calibration_id']}, {due}{starting}")
        )
    rows += [("disk", status["disk"]), ("clock", status["clock"])]
    rows += [("mended at start", words) for words in status["mended"]]
    return rows
