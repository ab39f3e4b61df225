"""What `qc-edge threshold` shows on a terminal: the records, and what became of a change."""

from __future__ import annotations

from datetime import datetime

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from qc_edge.analysis.threshold_preview import ThresholdPreview
from qc_edge.domain.threshold import ThresholdRecord, ThresholdState
from qc_edge.recipe.threshold_change import ThresholdChange
from qc_edge.settings import StationPaths
from qc_edge.terminal.options import out
from qc_edge.terminal.tables import print_tables


def print_preview(preview: ThresholdPreview) -> None:
    """What the change would have turned in the last day."""
    for sentence in preview.sentences:
        out().print(Text(sentence))
    print_tables(out(), preview.tables())


def note_recipe(name: str, threshold: ThresholdState) -> None:
    """On stderr, for scripts too: where a recipe in force goes before any threshold's record."""
    if threshold.recipe:
        recipe = threshold.recipe.partition("@")[0]
        Console(stderr=True).print(
            f"[yellow]note[/yellow]: the recipe {threshold.recipe} is in force, and its thresholds "
            "go first: a view that it gives one keeps that. Change it by qc-edge recipe edit "
            f"{name} {recipe}, approve and activate",
            soft_wrap=True,
        )


def print_change(
    paths: StationPaths,
    before: ThresholdState,
    change: ThresholdChange,
    record: ThresholdRecord,
    *,
    taken: bool,
) -> None:
    """What `record` changes, and from when on. `taken`: the running station judges by it."""
    console, of_view = out(), f", view {record.view}," if record.view else ""
    console.print(
        f"threshold of {paths.name}{of_view} for {record.bundle}: {before.value:g} -> "
        f"[bold]{record.value:g}[/bold]"
    )
    if change.at is not None:
        console.print(f"from {_moment(record.at)} (UTC) on; until then it stays as it is")
    elif taken:
        where = "where the recipe gives none" if before.recipe else "every part"
        console.print(f"in force: {where} from now on is judged by {record.threshold_id}")
    elif before.running:
        console.print("[yellow]the station has not taken it up yet[/yellow]; ask qc-edge status")
    else:
        console.print("the station is not running: it takes it up when it starts")
    for damaged in before.damaged:
        console.print(
            f"[yellow]set aside[/yellow]: the record {damaged}, which is not as it was made, is in "
            f"{paths.set_aside}",
            soft_wrap=True,
        )
    for later in before.coming:
        if later.at > record.at:
            console.print(
                f"[yellow]note[/yellow]: {later.value:g} comes at {_moment(later.at)}, by "
                f"{later.made_by}"
            )


def print_records(name: str, threshold: ThresholdState) -> None:
    """The threshold in force and every record, the newest last."""
    console = out()
    console.print(
        f"{name}: [bold]{threshold.value:g}[/bold] for {threshold.bundle} "
        f"({threshold.threshold_id})"
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("from (UTC)", "threshold", "bundle", "by", "why", ""):
        table.add_column(heading, overflow="fold")
    table.add_row(
        "", threshold.initial_id.rpartition(":")[2], threshold.bundle, "", "initial value", ""
    )
    for record in sorted(threshold.records, key=lambda record: (record.at, record.record_id)):
        state = threshold.state(record)
        style = {"in force": "bold green", "to come": "yellow"}.get(state, "dim")
        value, made_by = f"{record.value:g}", record.made_by
        cells = (_moment(record.at), value, record.bundle, made_by, record.reason, state)
        table.add_row(*(Text(cell, style) for cell in cells))
    console.print(table)


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
