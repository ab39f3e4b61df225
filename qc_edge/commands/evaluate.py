"""`qc-edge evaluate`: how well a bundle judges the pictures of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfStation, Root, out, print_json

Bundle = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE",
        help="NAME@VERSION or a bundle's directory; [bold]:ENGINE[/bold] behind it names the "
        "engine.",
        show_default=False,
    ),
]
Directory = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Its directory.", show_default=False)
]
Against = Annotated[
    str | None, text_option("--against", metavar="OTHER", help="Another bundle, same pictures.")
]
Split = Annotated[
    Literal["train", "val", "test", "all"] | None,
    typer.Option(
        "--split", help="Which part; test, or all where nothing is split.", show_default=False
    ),
]
Threshold = Annotated[
    str | None, text_option("--threshold", metavar="X", help="Judge by this, not by the bundle's.")
]
Report = Annotated[
    Path | None,
    text_option("--report", metavar="FILE", help="FILE.html with curves and the worst mistakes."),
]


def command(
    bundle: Bundle,
    dataset: Directory,
    against: Against = None,
    split: Split = None,
    threshold: Threshold = None,
    report: Report = None,
    station: OfStation = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Evaluate a bundle on a dataset, on pictures that it has not seen; nothing is changed.

    ROC and precision, escapes and overkill at the threshold, false alarms at a recall, by class,
    view and part, what the errors cost, whether a score means what it says. And what the figures
    are worth: a baseline that needs no model, and how often the map points at the defect. Intervals
    are over groups, never over pictures.

    With --against the same for another bundle on the same pictures, and the paired difference.

    [dim]Examples:[/dim]
      [bold]qc-edge evaluate flange@3 november/ --report flange-3.html[/bold]
      [bold]qc-edge evaluate ./flange/4 november/ --against flange@3 --station line1[/bold]
    """
    from qc_edge.analysis.comparison.side import SideLookup
    from qc_edge.dataset.reading import open_dataset
    from qc_edge.errors import UsageError
    from qc_edge.recipe.threshold_change import parse_threshold
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.store.durable import write_file
    from qc_edge.terminal.scoring_bar import ScoringBar
    from qc_edge.terminal.tables import print_result
    from qc_edge.training.evaluating import evaluate
    from qc_edge.training.report_page import evaluation_page, evaluation_tables

    if report is not None and report.suffix.lower() != ".html":
        raise UsageError(f"--report {report} is no page", hint="name it FILE.html")
    paths = StationPaths(root.absolute(), station) if station else None
    lookup = SideLookup(paths, load_settings(paths.settings) if paths else None)
    given = None if threshold is None else parse_threshold(threshold)
    sides = [lookup.find(bundle, given)]
    if against is not None:
        sides.append(lookup.find(against, None))
    found = open_dataset(dataset.absolute())
    with ScoringBar() as bar:
        result = evaluate(sides, found, split, bar)
    if report is not None:
        write_file(report.absolute(), evaluation_page(result).encode())
    if as_json:
        print_json(result.to_json_values())
    else:
        tables = evaluation_tables(result)
        print_result(out(), warnings=result.notes, tables=tables, footnotes=())
