"""`qc-edge demo`: a whole station on rendered parts, without a camera or a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, NoReturn

import typer

from qc_edge.terminal.options import Json, Root, out, print_json

Seconds = Annotated[
    float, typer.Option("--seconds", metavar="N", min=3.0, max=3600.0, help="Inspect for so long.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Render other parts than usual.", show_default=False),
]
Line = Annotated[
    bool,
    typer.Option("--line", help="With a conveyor, an ejector and a PLC, over Modbus TCP."),
]
SaveSvg = Annotated[Path | None, typer.Option("--save-svg", metavar="FILE", hidden=True)]


def command(
    seconds: Seconds = 30.0,
    as_json: Json = False,
    root: Root = Path("qc-edge-demo"),
    seed: Seed = None,
    line: Line = False,
    save_svg: SaveSvg = None,
) -> None:
    """Run a whole station on rendered parts, live, and close its count against the truth.

    pylon's camera emulator plays good parts, defective ones, and frames that
    the gates must refuse. After that a second station, for some seconds: two
    cameras that look at each part, and a changeover from one product to
    another by recipes. With --line instead, a PLC triggers each part, reads
    its verdict over Modbus and opens the gate or does not; the bins are held
    against the log. All are made anew under --root each time; what an
    earlier demo left there is removed, nothing else.

    Exit code 0 only if the count closes (triggers = PASS + FAIL + INVALID +
    lost, from the log), no defective part was ACCEPTed, every spoilt frame was
    refused for its true reason, every frame in the log is one of the
    rendered ones, and each part of the two products was judged by its own
    recipe; else 1. A good part that is rejected or held shows in the
    table, but is no failure. Ctrl-C ends early, with the summary.

    [dim]Examples:[/dim]
      [bold]qc-edge demo[/bold]
      [bold]qc-edge demo --seconds 10 --json | jq .confusion[/bold]
      [bold]qc-edge demo --line --seconds 10[/bold]
    """
    if line:
        _line(root, seconds, seed, as_json)
    from rich.console import Console

    from qc_edge.demo import display, summary, tips
    from qc_edge.demo.demo_run import SEED, DemoRun

    # stdout carries the JSON alone; the display may still use a terminal on stderr.
    console = Console(stderr=as_json)
    with display.display_on(console, silent=as_json) as screen:
        parts_seed = SEED if seed is None else seed
        report = DemoRun(root.absolute(), seconds, parts_seed, screen).run()
    commands = tips.tips(report)
    if as_json:
        print_json(summary.to_json_values(report, commands))
    else:
        summary.print_summary(console, report, commands)
    if save_svg:
        display.save_svg(report.snapshot, save_svg)
    raise typer.Exit(1 if report.faults else 0)


def _line(root: Path, seconds: float, seed: int | None, as_json: bool) -> NoReturn:
    from dataclasses import asdict

    from qc_edge.demo.demo_run import SEED
    from qc_edge.demo.line.run import LineRun

    report = LineRun(root.absolute(), seconds, SEED if seed is None else seed).run()
    if as_json:
        print_json({**asdict(report), "paths": str(report.paths.state), "ok": not report.faults})
    else:
        console = out()
        console.print(f"{report.sent} parts passed the camera, {report.defective} of them not good")
        for name, count in report.bins.items():
            console.print(f"  bin {name:7} {count:4}   told {report.told.get(name, 0):4}")
        console.print(f"exposure to told: p50 {report.p50_ms} ms")
        for fault in report.faults:
            console.print(f"[red]{fault}[/red]")
        if not report.faults:
            console.print("the bins close with the log, and nothing that is not good went through")
        station = f"{report.paths.name} --root {report.paths.root}"
        console.print(f"  qc-edge sql {station} 'FROM told_by_day'")
    raise typer.Exit(1 if report.faults else 0)
