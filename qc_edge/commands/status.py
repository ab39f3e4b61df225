"""`qc-edge status`: how a station is, from its status file; the station is not asked."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import typer

from qc_edge.domain.printable import printable
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json


def command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Say whether a station is ready, and if not, why; its counts, spool, latency, model and
    calibration.

    Exit code 0 if it is ready, 3 if it is not running, 1 if it runs but is not ready or does not
    answer.

    [dim]Examples:[/dim]
      [bold]qc-edge status line1[/bold]
      [bold]qc-edge status line1 --json | jq .today[/bold]
    """
    from qc_edge.diagnostics.liveness import current_status, is_running
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    status = current_status(paths, settings)
    running = status["running"] if status else is_running(paths, settings)
    if as_json:
        print_json(status or {"station": name, "running": running, "ready": False})
    elif status is None:
        out().print(f"{name}: {'starting' if running else 'has not run since the box was started'}")
    else:
        _print(name, status, running, settings.station.calendar.zone)
    if not running:
        raise typer.Exit(3)  # "program is not running" for init scripts, by the Linux Standard Base
    raise typer.Exit(0 if status and status["ready"] else 1)


def _print(name: str, status: dict[str, Any], running: bool, zone: tzinfo) -> None:
    from rich.table import Table
    from rich.text import Text

    ready = status["ready"]
    console = out()
    head = Text.assemble((name, "bold"), "  ")
    if not running:
        seen = datetime.fromisoformat(status["at"]).astimezone(zone)
        head.append(f"NOT RUNNING, last seen {seen:%Y-%m-%d %H:%M:%S %Z}", "bold red")
    elif ready:
        head.append("READY", "bold green")
    else:
        head.append("NOT READY", "bold red")
    console.print(head)
    for trouble in status["troubles"] if running else ():
        console.print(Text(f"  {trouble}", "red"))
    if running and ready and status.get("behind"):
        console.print(Text(f"  {status['behind']}", "yellow"))
    for warning in status.get("warnings", ()) if running else ():
        console.print(Text(f"  {warning}", "yellow"))
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
    for key, value in _rows(status):
        table.add_row(Text(key, "dim"), Text(printable(value)))
    console.print(table)


def _rows(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """What is shown of the status, line by line: a label and its text."""
    yield from _today(status)
    oldest = f", oldest {status['spool_oldest_s']:.1f} s" if status["spool_depth"] else ""
    backlog = status.get("backlog_waiting", 0)  # a status file of the version before has none
    of_backlog = f", {backlog:,} of a backlog" if backlog else ""
    yield "spool", f"{status['spool_depth']:,} waiting{of_backlog}{oldest}"
    latency = status["latency"]
    if latency and latency["frames"]:
        figures = (
            f"p50 {latency['p50_ms']:.1f} ms, p99 {latency['p99_ms']:.1f} ms, max "
            f"{latency['max_ms']:.1f} ms"
        )
        yield "latency", f"{figures} over the last {latency['frames']:,} frames"
    for camera in status["cameras"]:
        state = camera["detail"] if camera["connected"] else f"NOT CONNECTED: {camera['detail']}"
        counts = (
            f"{camera['triggers']:,} triggers, {camera['lost']:,} lost, reopened "
            f"{camera['reopened']} times"
        )
        yield f"camera {camera['name']}", f"{state}; {counts}"
    yield from _model(status)
    for output in status.get("outputs", ()):
        peers = ", ".join(output["peers"]) or "nobody is connected"
        trouble = output["trouble"] or output["line_trouble"]
        yield f"output {output['name']}", trouble or f"{output['listen']}: {peers}"
    for record in status["calibrations"]:
        due = f"due in {record['due_in_days']:.0f} d" if record["due_in_days"] > 0 else "EXPIRED"
        starting = ", a starting one: calibrate on real parts" if record["starting"] else ""
        if record.get("learning"):
            starting = f", learning from {record['learning']} frames: every part is held"
        yield f"calibration {record['camera']}", f"{record['calibration_id']}, {due}{starting}"
    if (reload := status.get("reload")) and reload["detail"]:
        yield f"reload {reload['outcome']}", reload["detail"]
    yield "disk", status["disk"]
    if upstream := status.get("upstream"):
        yield "upstream", upstream
    yield "clock", status["clock"]
    for repair in status["mended"]:
        yield "mended at start", repair


def _today(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if today := status["today"]:
        yield f"today ({status.get('time_zone', 'UTC')})", _counts(today)
        if reasons := sorted(today["reasons"].items(), key=lambda item: -item[1]):
            yield "invalid for", ", ".join(f"{count:,} {reason}" for reason, count in reasons)
    if shift := status.get("shift"):
        since = f"since {shift['began'][11:]}"
        yield f"shift {shift['name']}", f"{since}: {_counts(shift['counts'])}"
    if part := status["last_part"]:
        verdict = f"{part['part_id']} {part['verdict']} {part['disposition']}: {part['detail']}"
        yield "last part", verdict


def _counts(counts: dict[str, Any]) -> str:
    verdicts = counts["verdicts"]
    words = ", ".join(
        f"{verdicts.get(verdict, 0):,} {verdict}" for verdict in ("PASS", "FAIL", "INVALID")
    )
    inspected, uncounted = sum(verdicts.values()), counts.get("uncounted", 0)
    if not uncounted:
        counter = ""
    elif uncounted == inspected:
        counter = "; no counter: nothing counts the triggers"
    else:
        counter = f"; no counter for {uncounted:,} of them"
    return f"{words}; {counts['held']:,} held, {counts['lost']:,} lost{counter}"


def _model(status: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Model, engine and threshold in force, and the shadow; a station that captures has none."""
    if status.get("recipe"):
        yield "recipe", f"{status['recipe']}; {status['recipe_reason']}"
    if status.get("recipes_resident"):
        yield "resident", ", ".join(status["recipes_resident"])
    if news := status.get("recipe_news"):
        yield "", news
    if status["model"]:
        digest = status["model_sha256"][:12]
        yield "model", f"{status['model']} (sha256 {digest}); {status['model_reason']}"
        if status["model_news"]:
            yield "", status["model_news"]
        yield "engine", f"{status['engine']}: {status['engine_reason']}"
        yield "threshold", f"{status['threshold']:g} ({status['threshold_id']})"
    for view in status.get("views", ()):
        judged = f"{view['model']}, threshold {view['threshold']:g} ({view['threshold_id']})"
        yield f"view {view['name']}", f"camera {view['camera']}: {judged}"
    # .get: a status that an older version has written has no such key.
    if shadow := status.get("shadow"):
        counts = (
            f"{shadow['scored']:,} scored, {shadow['failed']:,} failed, "
            f"{shadow['dropped']:,} dropped"
        )
        yield "shadow", f"{shadow['bundle']} {shadow['state']}; {counts}"
