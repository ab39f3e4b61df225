"""`qc-edge replay`: what another threshold or another model would have done, before anything is
changed.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.analysis.replay_answer import ReplayAnswer
    from qc_edge.analysis.replay_question import ReplayQuestion
    from qc_edge.settings import StationPaths


def _option(*names: str, metavar: str, help: str) -> Any:  # noqa: A002 - as typer calls it
    return typer.Option(*names, metavar=metavar, help=help, show_default=False)


Threshold = Annotated[
    str | None, _option("--threshold", metavar="X", help="Judge the stored scores by this.")
]
Bundle = Annotated[
    str | None,
    _option(
        "--bundle", metavar="NAME@VERSION", help="Score the stored prepared inputs with this model."
    ),
]
On = Annotated[
    Literal["stored"],
    typer.Option("--on", help="With --bundle: the prepared inputs that were kept."),
]
From = Annotated[
    str | None, _option("--from", metavar="TIME", help="Recorded at or after this (UTC).")
]
To = Annotated[str | None, _option("--to", metavar="TIME", help="Recorded before this (UTC).")]
Model = Annotated[
    str | None,
    _option("--model", metavar="NAME@VERSION", help="Only parts that this model judged."),
]
Camera = Annotated[
    list[str] | None,
    _option("--camera", metavar="CAMERA", help="Only this camera; may be given again."),
]
CostEscape = Annotated[
    float | None, _option("--cost-escape", metavar="C", help="What one escape costs.")
]
CostOverkill = Annotated[
    float | None,
    _option("--cost-overkill", metavar="C", help="What one good part thrown away costs."),
]
Plot = Annotated[
    Path | None, _option("--plot", metavar="FILE", help="Draw it: FILE.svg, .html or .png.")
]
Csv = Annotated[
    Path | None, _option("--csv", metavar="FILE", help="Every part whose verdict turns.")
]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="Show at most so many turned parts.")
]
Database = Annotated[
    bool,
    typer.Option("--database", help="Read the database of a stopped station.", show_default=False),
]
Results = Annotated[
    Path | None,
    _option("--results", metavar="FILE", help="With --bundle: where the scores are kept."),
]


def command(
    name: Name,
    threshold: Threshold = None,
    bundle: Bundle = None,
    on: On = "stored",
    since: From = None,
    until: To = None,
    model: Model = None,
    camera: Camera = None,
    cost_escape: CostEscape = None,
    cost_overkill: CostOverkill = None,
    plot: Plot = None,
    csv: Csv = None,
    limit: Limit = 20,
    database: Database = False,
    results: Results = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show what another threshold, or another model, would have done to the parts of the past.

    Verdict counts before and after, every part whose verdict turns, escapes and overkill against
    labels with their 95 % intervals (Wilson), and what that costs. Nothing is changed. It reads
    what the station publishes, also while it runs. INVALID frames have no score and never turn.

    With --bundle, each stored prepared input is scored again. Scores are kept as they come; the
    same command goes on where it stopped.

    [dim]Examples:[/dim]
      [bold]qc-edge replay line1 --threshold 0.42[/bold] [bold]qc-edge replay line1 --threshold 0.42
      --from 2026-11-01 --plot effect.html --csv turned.csv[/bold] [bold]qc-edge replay line1
      --threshold 0.42 --cost-escape 250 --cost-overkill 4[/bold] [bold]qc-edge replay line1
      --bundle reference@2 --plot scatter.svg[/bold]
    """
    from qc_edge.analysis.replay import ask_threshold
    from qc_edge.analysis.replay_question import ReplayQuestion
    from qc_edge.settings import StationPaths

    del on  # the one thing that it can be
    paths = StationPaths(root.absolute(), name)
    question = ReplayQuestion.parse(
        threshold=threshold,
        bundle=bundle,
        since=since,
        until=until,
        model=model,
        cameras=camera or (),
        cost_escape=cost_escape,
        cost_overkill=cost_overkill,
        limit=limit,
        plot=plot,
        csv=csv,
        results=results,
    )
    if question.bundle is None:
        answer = ask_threshold(paths, question, database=database)
    else:
        answer = _ask_model(paths, question, database)
    if as_json:
        print_json(answer.told())
    else:
        _print(name, answer)


def _ask_model(paths: StationPaths, question: ReplayQuestion, database: bool) -> ReplayAnswer:
    """With a bar on stderr that says how far, how fast and how long yet."""
    from qc_edge.analysis.replay import ask_model
    from qc_edge.terminal.tables import scoring_bar

    with scoring_bar() as bar:

        def begin(count: int, known: int) -> Callable[[int], object]:
            task = bar.add_task(
                question.bundle or "", total=count, rate=f"{known:,} known" if known else ""
            )

            def advance(parts: int) -> None:
                speed = bar.tasks[task].speed
                bar.update(task, advance=parts, rate=f"{speed:.0f}/s" if speed else "")

            return advance

        return ask_model(paths, question, begin, database=database)


def _print(name: str, answer: ReplayAnswer) -> None:
    from rich.text import Text

    from qc_edge.terminal.tables import print_tables

    effect, console = answer.effect, out()
    before = "" if effect.threshold_before is None else f"{effect.threshold_before:g} → "
    model = f"{answer.model}, " if answer.model else ""
    console.print(
        f"[bold]{name}[/bold]: {model}threshold {before}[bold]{effect.threshold:g}[/bold] "
        f"on {effect.totals.inspections:,} inspections"
    )
    for words in answer.notes:
        console.print(Text(f"  {words}", "yellow"))
    print_tables(console, answer.tables())
    for words in answer.remarks:
        console.print(Text(words))
