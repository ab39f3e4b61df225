"""`qc-edge line status` and `watch`: a station's outputs, from its status file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import typer
from rich.console import Group, RenderableType

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

_BITS = ("ready", "busy", "result", "alarm", "reset needed")
_FAULTS = (
    *("camera", "engine", "calibration", "disk", "clock", "late", "behind", "peer"),
    *("pairing", "ejection", "station"),
)


def status_command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Show each output: whether it listens, who is connected, its bits and counts, the last twenty
    results and what became of them.

    Exit code 0 if all are well, 3 if the station is not running, 1 if one is not well: it does not
    listen, or its line is silent or has its alarm on.

    [dim]Examples:[/dim]
      [bold]qc-edge line status line1[/bold]
      [bold]qc-edge line status line1 --json | jq '.outputs[0].words.accepted'[/bold]
    """
    running, outputs = _outputs(name, root)
    if as_json:
        print_json({"station": name, "running": running, "outputs": outputs})
    else:
        out().print(_shown(name, running, outputs))
    if not running:
        raise typer.Exit(3)
    raise typer.Exit(1 if any(map(_trouble, outputs)) else 0)


def watch_command(name: Name, root: Root = DEFAULT_ROOT) -> None:
    """Show the same again and again, once a second, until Ctrl-C.

    [dim]Examples:[/dim]
      [bold]qc-edge line watch line1[/bold]
    """
    from rich.live import Live

    pause = threading.Event()
    with Live(console=out(), auto_refresh=False) as live:
        while True:
            live.update(_shown(name, *_outputs(name, root)), refresh=True)
            pause.wait(1.0)


def _outputs(name: str, root: Any) -> tuple[bool, list[dict[str, Any]]]:
    from qc_edge.diagnostics.liveness import current_status, is_running
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    status = current_status(paths, settings)
    if status is None:
        return is_running(paths, settings), []
    return bool(status["running"]), list(status.get("outputs", []))


def _shown(name: str, running: bool, outputs: list[dict[str, Any]]) -> RenderableType:
    from rich.table import Table
    from rich.text import Text

    if not running:
        return Text(f"{name}: not running", "bold red")
    if not outputs:
        return Text(f"{name}: no [[output]] in its settings: the line learns nothing")
    blocks: list[RenderableType] = []
    for output in outputs:
        head = Text.assemble((output["name"], "bold"), f"  {output['protocol']} {output['listen']}")
        blocks.append(head)
        if trouble := _trouble(output):
            blocks.append(Text(f"  {trouble}", "red"))
        table = Table(box=None, show_header=False, padding=(0, 2, 0, 2))
        for key, value in _rows(output):
            table.add_row(Text(key, "dim"), Text(value))
        blocks.append(table)
    return Group(*blocks)


def _trouble(output: dict[str, Any]) -> str:
    return str(output["trouble"] or output["line_trouble"])


def _rows(output: dict[str, Any]) -> Iterator[tuple[str, str]]:
    words = output["words"]
    if output["protocol"] == "webhook":
        yield "waiting", ", ".join(output["peers"])
        told = [f"{words[each]:,} {each}" for each in ("accepted", "rejected", "held")]
        yield "taken", ", ".join(told)
        for line in output["last"]:
            yield "", line
        return
    yield "connected", ", ".join(output["peers"]) or "nobody"
    yield "bits", _named(words["state"], _BITS) or "none"
    yield "faults", _named(words["faults"], _FAULTS) or "none"
    yield "trigger", f"{words['trigger_taken']} taken, {words['triggers']:,} since the start"
    counts = ("accepted", "rejected", "held", "lost")
    yield "told", ", ".join(f"{words[each]:,} {each}" for each in counts)
    for line in output["last"]:
        yield "", line


def _named(bits: int, names: tuple[str, ...]) -> str:
    return ", ".join(name for at, name in enumerate(names) if bits >> at & 1)
