"""`qc-edge dataset export`: a part of the log as pictures with labels that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import RecordedSince, RecordedUntil
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.dataset.exporting import DatasetSummary

Target = Annotated[
    Path, typer.Argument(metavar="OUT", help="The directory to make.", show_default=False)
]
Format = Annotated[
    Literal["folder", "coco", "yolo", "labelstudio", "fiftyone", "mvtec"],
    typer.Option("--format", help="How pictures and labels are laid out."),
]
Only = Annotated[
    list[str] | None,
    typer.Option(
        "--only",
        metavar="WHAT",
        help="Only [bold]labelled[/bold], [bold]fail[/bold], [bold]band[/bold] (near the "
        "threshold), [bold]disputed[/bold] or [bold]sample[/bold] (the random sample of what "
        "PASSed); given again, those as well.",
        show_default=False,
    ),
]
SplitBy = Annotated[
    Literal["lot", "part"],
    typer.Option("--split-by", help="What a split never tears apart."),
]
Shares = Annotated[
    str, typer.Option("--shares", metavar="T:V:T", help="train, val and test in per cent.")
]
Link = Annotated[
    bool,
    typer.Option(
        "--link",
        help="Hard links to the evidence where that is possible; never edit such a dataset.",
        show_default=False,
    ),
]


def export_command(
    name: Name,
    target: Target,
    format: Format = "folder",  # noqa: A002 - the option's name
    since: RecordedSince = None,
    until: RecordedUntil = None,
    only: Only = None,
    split_by: SplitBy = "lot",
    shares: Shares = "70:15:15",
    link: Link = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Export a dataset: raw and prepared pictures, labels in effect, boxes and masks, predictions.

    Each picture is held against the digest in its row. Splits go by lot and part, never by picture,
    and by a digest of their names: what was in test once is in test in every export. Disputed
    labels count as none. [bold]samples.jsonl[/bold] has all that the log knows of each picture,
    [bold]manifest.json[/bold] the digest of every file, [bold]datasheet.html[/bold] what is in it
    and what is wrong with it. The same query over the same log gives the same bytes.

    Nothing is overwritten; killed, it goes on where it was when it is called again. Works while the
    station runs, behind its frames.

    [dim]Examples:[/dim]
      [bold]qc-edge dataset export line1 november/ --only labelled[/bold]
      [bold]qc-edge dataset export line1 boxes/ --format coco --since 30d[/bold]
      [bold]qc-edge dataset export line1 to-label/ --format labelstudio --only band --only
      sample[/bold]
    """
    from qc_edge.commands.sql import yield_to_station
    from qc_edge.dataset.exporting import STEPS, export_dataset
    from qc_edge.dataset.request import DatasetRequest, Grouping, SplitRule, Wanted
    from qc_edge.domain.moment import parse_moment, parse_since
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths
    from qc_edge.terminal.audit_bar import AuditBar

    paths = StationPaths(root.absolute(), name)
    request = DatasetRequest(
        out=target.absolute(),
        kind=format,
        since=parse_since(since, utc_now()) if since else None,
        until=parse_moment(until) if until else None,
        wanted=tuple(map(Wanted.parse, only or ())),
        split=SplitRule.parse(shares, Grouping(split_by)),
        link=link,
    )
    yield_to_station(paths)
    with AuditBar(STEPS, quiet=as_json) as bar:
        summary = export_dataset(paths, request, bar.update)
    if as_json:
        print_json(summary.to_json_values())
    else:
        _print(summary)


def _print(summary: DatasetSummary) -> None:
    from qc_edge.terminal.tables import print_tables

    console, sheet = out(), summary.sheet
    console.print(
        f"{summary.samples:,} pictures of {sheet.parts:,} parts in {summary.out} "
        f"({summary.size / 1e6:,.1f} MB, {summary.kind}, sha256 {summary.digest[:12]})"
    )
    names = sorted({name for of_subset in sheet.classes.values() for name in of_subset})
    subsets = tuple(sheet.classes)
    rows: list[tuple[str, ...]] = [
        (name, *(f"{sheet.classes[subset].get(name, 0):,}" for subset in subsets)) for name in names
    ]
    print_tables(console, {"pictures": (("class", *subsets), rows)})
    for why, count in sheet.left_out.items():
        console.print(f"[yellow]{count:,} left out: the picture is {why}[/yellow]")
    for note in sheet.notes:
        console.print(f"[yellow]{note}[/yellow]")
    console.print(f"what is in it: {summary.out / 'datasheet.html'}")
