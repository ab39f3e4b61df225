"""`qc-edge msa order` and `msa trials`: sheets to fill in, and what the station saw."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root, out

Truth = Annotated[
    Path,
    typer.Argument(
        metavar="TRUTH",
        help="CSV with the columns part and reference: good or bad.",
        show_default=False,
    ),
]
Trials = Annotated[int, typer.Option("--trials", metavar="N", min=1, max=20, help="Of each part.")]
Out = Annotated[Path, typer.Option("--out", metavar="PATH", help="Where it goes.")]


def order_command(
    truth: Truth,
    appraisers: Annotated[
        list[str],
        typer.Option("--appraiser", metavar="WHO", help="One sheet each; give it again."),
    ],
    directory: Annotated[Path, typer.Option("--out", metavar="DIR", help="For the sheets.")],
    trials: Trials = 3,
    seed: Annotated[int, typer.Option("--seed", help="The same one gives the same order.")] = 1,
) -> None:
    """Write a sheet for each appraiser: all parts, several times, in random order, without the
    truth.

    Fill in the column result (good or bad), and give the sheets and TRUTH to
    [bold]qc-edge msa attribute[/bold].

    [dim]Example:[/dim]
      [bold]qc-edge msa order truth.csv --appraiser anna --appraiser ben --out sheets[/bold]
    """
    from qc_edge.discipline.msa.station import blind_orders
    from qc_edge.discipline.msa.trials import read_truth
    from qc_edge.store.directories import make_directories
    from qc_edge.store.durable import write_file

    files = blind_orders(read_truth(truth), appraisers, trials, seed)
    make_directories([directory])
    for name, content in files.items():
        write_file(directory / name, content)
        out().print(f"written: {directory / name}")


def trials_command(
    name: Name,
    truth: Truth,
    out_file: Out,
    since: Annotated[
        str, typer.Option("--since", metavar="TIME", help="Parts seen since then: UTC, or an age.")
    ] = "8h",
    trials: Trials = 3,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Write what the station saw of the parts of TRUTH as trials: present each of them several
    times first.

    Parts are found by their id. A part counts as good if every view PASSed. Score, focus and other
    figures stand beside it, for [bold]qc-edge msa gauge --value focus[/bold].

    [dim]Example:[/dim]
      [bold]qc-edge msa trials line1 truth.csv --since 2h --trials 3 --out line1.csv[/bold]
    """
    from qc_edge.discipline.msa.station import station_trials
    from qc_edge.discipline.msa.trials import read_truth
    from qc_edge.domain.moment import parse_since
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths
    from qc_edge.store.durable import write_file

    paths = StationPaths(root.absolute(), name)
    content = station_trials(paths, read_truth(truth), parse_since(since, utc_now()), trials)
    write_file(out_file, content)
    out().print(f"written: {out_file}")
