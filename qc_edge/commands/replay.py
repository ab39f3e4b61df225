"""`qc-edge replay`: what another threshold or another model would have done, before anything is
changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import Cameras, Database, Plot, Since, Until, text_option
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.analysis.replay.result import ReplayResult
    from qc_edge.domain.history import Flip
    from qc_edge.settings import StationPaths

Threshold = Annotated[
    str | None, text_option("--threshold", metavar="X", help="Judge the stored scores by this.")
]
Bundle = Annotated[
    str | None,
    text_option(
        "--bundle", metavar="NAME@VERSION", help="Score the stored prepared inputs with this model."
    ),
]
On = Annotated[
    Literal["stored"],
    typer.Option("--on", help="With --bundle: the prepared inputs that were kept."),
]
Model = Annotated[
    str | None,
    text_option("--model", metavar="NAME@VERSION", help="Only parts that this model judged."),
]
CostEscape = Annotated[
    float | None, text_option("--cost-escape", metavar="C", help="What one escape costs.")
]
CostOverkill = Annotated[
    float | None,
    text_option("--cost-overkill", metavar="C", help="What one good part thrown away costs."),
]
FlipsCsv = Annotated[
    Path | None, text_option("--csv", metavar="FILE", help="Every part whose verdict turns.")
]
FlipsLimit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="Show at most so many turned parts.")
]
Results = Annotated[
    Path | None,
    text_option("--results", metavar="FILE", help="With --bundle: where the scores are kept."),
]


def command(
    name: Name,
    threshold: Threshold = None,
    bundle: Bundle = None,
    on: On = "stored",
    since: Since = None,
    until: Until = None,
    model: Model = None,
    camera: Cameras = None,
    cost_escape: CostEscape = None,
    cost_overkill: CostOverkill = None,
    plot: Plot = None,
    csv: FlipsCsv = None,
    limit: FlipsLimit = 20,
    database: Database = False,
    results: Results = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show what another threshold, or another model, would have done to the parts of the past.

    Verdict counts before and after, every part whose verdict turns, escapes and overkill against
    labels with their 95 % intervals (Wilson), and what that costs. Each verdict is held against the
    threshold that it was judged by; where that changed, the answer says when. Nothing is changed.
    It reads what the station publishes, also while it runs. INVALID frames have no score and never
    turn.

    --plot FILE.html shows the turned parts as pictures, the worst first, each linked to its report
    in FILE-parts/ beside it; --limit says how many.

    With --bundle, each stored prepared input is scored again. Scores are kept as they come; the
    same command goes on where it stopped.

    [dim]Examples:[/dim]
      [bold]qc-edge replay line1 --threshold 0.42[/bold]
      [bold]qc-edge replay line1 --threshold 0.42 --from 2026-11-01 --plot effect.html[/bold]
      [bold]qc-edge replay line1 --threshold 0.42 --csv turned.csv[/bold]
      [bold]qc-edge replay line1 --threshold 0.42 --cost-escape 250 --cost-overkill 4[/bold]
      [bold]qc-edge replay line1 --bundle reference@2 --plot scatter.svg[/bold]
    """
    from qc_edge.analysis.label_outcome import Costs
    from qc_edge.analysis.output_files import OutputFiles
    from qc_edge.analysis.replay.replay import replay_model, replay_threshold
    from qc_edge.analysis.replay.request import ReplayRequest
    from qc_edge.analysis.selection import parse_selection
    from qc_edge.recipe.threshold_change import parse_threshold
    from qc_edge.settings import StationPaths
    from qc_edge.terminal.scoring_bar import ScoringBar

    del on  # so far there is one value: the option is there so that scripts may say it
    paths = StationPaths(root.absolute(), name)
    request = ReplayRequest(
        threshold=None if threshold is None else parse_threshold(threshold),
        bundle=bundle,
        selection=parse_selection(since, until, model, camera or ()),
        costs=Costs.from_options(cost_escape, cost_overkill),
        limit=limit,
        outputs=OutputFiles(plot, csv),
        results=results,
        link_reports=partial(_write_reports, paths, plot) if plot else None,
    )
    if request.bundle is None:
        result = replay_threshold(paths, request, database=database)
    else:
        with ScoringBar() as bar:
            result = replay_model(paths, request, bar, database=database)
    if as_json:
        print_json(result.to_json_values())
    else:
        _print(name, result)


def _write_reports(paths: StationPaths, page: Path, flips: Sequence[Flip]) -> dict[str, str]:
    """The reports of these parts in a directory beside the page; frame id -> link."""
    from urllib.parse import quote

    from qc_edge.errors import QcEdgeError
    from qc_edge.report.html import render_html
    from qc_edge.report.part_report import examine_part
    from qc_edge.store.durable import write_file
    from qc_edge.terminal.audit_bar import AuditBar

    links, directory = dict[str, str](), page.with_name(f"{page.stem}-parts")
    with AuditBar({"reports": "reports"}, quiet=False) as bar:
        for number, flip in enumerate(flips):
            bar.update("reports", number, len(flips))
            try:
                report = examine_part(paths, flip.part_id, flip.frame_id, recompute=True)
            except QcEdgeError:
                continue  # the picture stands without it: gone from the log since
            write_file(directory / f"{flip.frame_id}.html", render_html(report).encode())
            links[flip.frame_id] = quote(f"{directory.name}/{flip.frame_id}.html")
    return links


def _print(name: str, result: ReplayResult) -> None:
    from qc_edge.analysis.replay.plot import describe_change
    from qc_edge.analysis.replay.thresholds_then import describe_thresholds
    from qc_edge.terminal.tables import print_result

    impact, console = result.impact, out()
    then = describe_thresholds(impact.thresholds_then, impact.zone)
    model = f"{result.model}, " if result.model else ""
    console.print(
        f"[bold]{name}[/bold]: {model}threshold [bold]{describe_change(impact)}[/bold] "
        f"on {impact.totals.inspections:,} inspections"
        + (f"; thresholds then: {then} ({impact.zone})" if then else "")
    )
    print_result(
        console, warnings=result.warnings, tables=result.tables(), footnotes=result.footnotes
    )
