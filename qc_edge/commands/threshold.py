"""`qc-edge threshold`: change a station's threshold, on record, or show how it came to be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from datetime import datetime

    from qc_edge.analysis.threshold_preview import ThresholdPreview
    from qc_edge.domain.threshold import ThresholdRecord, ThresholdState
    from qc_edge.recipe.threshold_change import ThresholdChange
    from qc_edge.settings import StationPaths

Action = Annotated[
    Literal["set", "show"], typer.Argument(help="[bold]set[/bold] X, or [bold]show[/bold].")
]
Value = Annotated[
    str | None,
    typer.Argument(metavar="X", help="The new threshold, a score in 0..1.", show_default=False),
]
By = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who answers for it.", show_default=False)
]
Why = Annotated[
    str | None, typer.Option("--reason", metavar="TEXT", help="Why.", show_default=False)
]
At = Annotated[
    str | None,
    typer.Option(
        "--at",
        metavar="TIME",
        help="From when (UTC, 2026-11-24T06:00); now if left out.",
        show_default=False,
    ),
]


View = Annotated[
    str | None,
    typer.Option(
        "--view",
        metavar="VIEW",
        help="Of which view of a part, where the station has several.",
        show_default=False,
    ),
]

Yes = Annotated[
    bool, typer.Option("--yes", help="With [bold]set[/bold]: do not ask.", show_default=False)
]


def command(
    name: Name,
    action: Action = "show",
    value: Value = None,
    by: By = None,
    reason: Why = None,
    at: At = None,
    view: View = None,
    yes: Yes = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Change the threshold of a station, on record, or show every change and what is in force.

    A score at or above the threshold FAILs. A change is a dated record that is never edited; a
    running station takes it up within a second, writes an event with before, after, who and why,
    and every later row names it. Verdicts that stand never change. It belongs to the model bundle
    that is in force: another bundle has its own, and so has each view of a part ([[view]] in the
    settings): [bold]--view[/bold] says which.

    [bold]set[/bold] shows first which verdicts of the last day it would have turned over, and asks;
    [bold]--yes[/bold] does not ask, and a script that leaves it out changes nothing (exit code 64).
    [bold]qc-edge replay NAME --threshold X[/bold] looks further back.

    [dim]Examples:[/dim]
      [bold]qc-edge threshold line1[/bold] [bold]qc-edge threshold line1 set 0.42 --by anna --reason
      "two escapes at the customer"[/bold] [bold]qc-edge threshold line1 set 0.45 --by ben --reason
      "new light" --at 2026-11-24T06:00[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.threshold_change import ThresholdChange, current_threshold
    from qc_edge.settings import StationPaths

    paths = StationPaths(root.absolute(), name)
    if action == "set":
        change = ThresholdChange.parse(value, by, reason, at)
        _set(paths, change, view, yes, as_json)
        return
    if given := [text for text in (value, by, reason, at) if text is not None]:
        raise UsageError(
            f"`show` takes no {given[0]!r}", hint=f"qc-edge threshold {name} set X --by WHO ..."
        )
    state = current_threshold(paths, view)
    others = [current_threshold(paths, other) for other in state.views if view is None]
    if as_json:
        values = _json_values(state)
        if others:
            values["views"] = {other.view: _json_values(other) for other in others}
        print_json(values)
        return
    _print(name, state)
    for other in others:
        out().print(
            f"view {other.view}: [bold]{other.value:g}[/bold] for {other.bundle} "
            f"({other.threshold_id})"
        )


def _set(
    paths: StationPaths, change: ThresholdChange, view: str | None, yes: bool, as_json: bool
) -> None:
    from qc_edge.analysis.threshold_preview import preview_threshold
    from qc_edge.errors import UsageError
    from qc_edge.recipe.threshold_change import (
        check_change,
        current_threshold,
        wait_until_in_force,
        write_change,
    )
    from qc_edge.service.owner import act_as_owner

    if not yes and (as_json or not sys.stdin.isatty()):
        why = "--json is for scripts" if as_json else "this is no terminal"
        raise UsageError(
            f"nobody can be asked whether to set {change.value:g}: {why}; nothing was changed",
            hint="--yes sets it without asking",
        )
    # As the station's user, who must be able to read the record.
    act_as_owner(paths.state)
    before = current_threshold(paths, view, allow_damaged=True)
    check_change(paths, before, change, before.now)
    if before.recipe:
        Console(stderr=True).print(
            f"[yellow]note[/yellow]: the recipe {before.recipe} is in force, and its thresholds go "
            f"first: a view that it gives one keeps that. Change it by qc-edge recipe edit "
            f"{paths.name} {before.recipe.partition('@')[0]}, approve and activate",
            soft_wrap=True,
        )
    preview = preview_threshold(paths, before.bundle, change.value, before.now, before.camera)
    if not as_json:
        _print_preview(preview)
    if not yes and not typer.confirm(f"set it from {before.value:g} to {change.value:g}?"):
        out().print("nothing was changed")
        raise typer.Exit(1)
    record = write_change(paths, before, change)
    taken = before.running and change.at is None and wait_until_in_force(paths, record)
    if as_json:
        values = {**_record_values(record), "before": before.threshold_id, "taken_up": taken}
        values["recipe"] = before.recipe
        print_json({**values, "last_day": preview.to_json_values()})
        return
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


def _print_preview(preview: ThresholdPreview) -> None:
    from rich.text import Text

    from qc_edge.terminal.tables import print_tables

    for sentence in preview.sentences:
        out().print(Text(sentence))
    print_tables(out(), preview.tables())


def _json_values(state: ThresholdState) -> dict[str, Any]:
    records = [{**_record_values(record), "state": state.state(record)} for record in state.records]
    return {
        "bundle": state.bundle,
        "threshold": state.value,
        "threshold_id": state.threshold_id,
        "initial": state.initial_id,
        "records": records,
    }


def _record_values(record: ThresholdRecord) -> dict[str, Any]:
    from dataclasses import asdict

    values = asdict(record) | {"threshold_id": record.threshold_id}
    # Through JSON and back, so that times are text as in the record's file.
    plain: dict[str, Any] = json.loads(
        json.dumps(values, default=lambda moment: moment.isoformat())
    )
    return plain


def _print(name: str, threshold: ThresholdState) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

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
