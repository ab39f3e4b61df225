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
    the gates must refuse. The station is made anew under --root each time; what
    an earlier demo left there is removed, nothing else.

    Exit code 0 only if the count closes (triggers = PASS + FAIL + INVALID +
    lost, from the log), no defective part was ACCEPTed, every spoilt frame was
    refused for its true reason, and every frame in the log is one of the
    rendered ones; else 1. A good part that is rejected or held shows in the
    table, but is no failure. Ctrl-C ends early, with the summary.

    [dim]Examples:[/dim]
      [bold]qc-edge demo[/bold]
      [bold]qc-edge demo --seconds 10 --json | jq .confusion[/bold]
    """
    from rich.console import Console

    from qc_edge.demo.display import display_on
    from qc_edge.demo.display import save_svg as save
    from qc_edge.demo.performance import SEED, Performance
    from qc_edge.demo.summary import as_json as in_json
    from qc_edge.demo.summary import print_summary, tips

    shown_on = Console(stderr=as_json)
    with display_on(shown_on, silent=as_json) as display:
        chosen = SEED if seed is None else seed
        report = Performance(root.absolute(), seconds, chosen, display).play()
    given = tips(report)
    if as_json:
        print_json(in_json(report, given))
    else:
        print_summary(shown_on, report, given)
    if save_svg:
        save(report.scene, save_svg)
    raise typer.Exit(1 if report.account.faults else 0)
