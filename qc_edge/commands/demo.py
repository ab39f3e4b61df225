"""`qc-edge demo`: a whole station on rendered parts, without a camera or a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import Json, Root, print_json

Seconds = Annotated[
    float, typer.Option("--seconds", metavar="N", min=3.0, max=3600.0, help="Inspect for so long.")
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, help="Render other parts than usual.", show_default=False),
]
SaveSvg = Annotated[Path | None, typer.Option("--save-svg", metavar="FILE", hidden=True)]


def command(
    seconds: Seconds = 30.0,
    as_json: Json = False,
    root: Root = Path("qc-edge-demo"),
    seed: Seed = None,
    save_svg: SaveSvg = None,
) -> None:
    """Run a whole station on rendered parts, live, and close its count against the truth.

    pylon's camera emulator plays good parts, defective ones, and frames that
    the gates must refuse. After that a second station, for some seconds: two
    cameras that look at each part, and a changeover from one product to
    another by recipes. Both are made anew under --root each time; what an
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
    """
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
