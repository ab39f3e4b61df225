"""`qc-edge threshold`: change a station's threshold, on record, or show how it came to be."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.threshold import ThresholdRecord, ThresholdState
    from qc_edge.recipe.threshold_change import ThresholdChange
    from qc_edge.settings import StationPaths

Action = Annotated[
    Literal["set", "show", "propose", "proposals", "approve", "decline"],
    typer.Argument(
        help="[bold]set[/bold] X, [bold]show[/bold]; [bold]propose[/bold] X, "
        "[bold]proposals[/bold], [bold]approve[/bold] ID, [bold]decline[/bold] ID."
    ),
]
Value = Annotated[
    str | None,
    typer.Argument(
        metavar="X|ID",
        help="The new threshold, a score in 0..1; or the id of a proposal.",
        show_default=False,
    ),
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

    [bold]propose[/bold] writes down what you would set, and changes nothing; [bold]approve[/bold],
    by somebody else, puts it in force. The page has both. Where the settings ask for two people
    ([approval] threshold), [bold]set[/bold] is refused.

    [dim]Examples:[/dim]
      [bold]qc-edge threshold line1[/bold] [bold]qc-edge threshold line1 set 0.42 --by anna --reason
      "two escapes at the customer"[/bold] [bold]qc-edge threshold line1 set 0.45 --by ben --reason
      "new light" --at 2026-11-24T06:00[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.threshold_change import ThresholdChange, current_threshold
    from qc_edge.settings import StationPaths

    paths = StationPaths(root.absolute(), name)
    if action in {"propose", "proposals", "approve", "decline"}:
        from qc_edge.terminal.threshold_proposals import act

        act(paths, action, (value, by, reason), view, as_json=as_json)
        return
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
    from qc_edge.terminal.threshold_output import note_recipe, print_records

    print_records(name, state)
    note_recipe(name, state)
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
    from qc_edge.terminal.threshold_output import note_recipe, print_change, print_preview

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
    note_recipe(paths.name, before)
    preview = preview_threshold(paths, before.bundle, change.value, before.now, before.camera)
    if not as_json:
        print_preview(preview)
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
    print_change(paths, before, change, record, taken=taken)


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
