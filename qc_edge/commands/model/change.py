"""`qc-edge model activate`, `rollback` and `accept`: what a person decides about the model of a
station.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.activation import Activation
    from qc_edge.recipe.model_change import CurrentModel, OwnBundles
    from qc_edge.settings import StationPaths

Ref = Annotated[
    str, typer.Argument(metavar="REF", help="NAME@VERSION of the bundle.", show_default=False)
]


def activate_command(
    name: Name,
    ref: Ref,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Let another bundle judge, on record; a running station goes on judging until it is proven.

    The station loads the new model beside the one in force, runs its golden frames, and changes
    over between two frames; no frame is lost or judged twice. If anything fails, the bundle in
    force stays and the reason is told (exit code 65). A station at rest proves it when it starts.
    Thresholds belong to their bundle: the new one begins with its own.

    [dim]Examples:[/dim]
      [bold]qc-edge model activate line1 flange@3 --by anna --reason "finds stains, report
      117"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.model_change import CurrentModel, activate
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked

    attribution = Attribution.parse(by, reason)
    paths = StationPaths(root.absolute(), name)
    # As the station's user: it must be able to read the record, also if root made it.
    act_as_owner(paths.state)
    refuse_revoked(paths, "bundle", ref)
    current = CurrentModel.of(paths, allow_damaged=True)
    _report(paths, current, activate(paths, current, ref, attribution), as_json)


def rollback_command(
    name: Name, by: By = None, reason: Why = None, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Take back the last activation: the bundle before judges again, in one step.

    It is loaded and proven beside the one in force like any other; what was compiled for it is
    still there.

    [dim]Examples:[/dim]
      [bold]qc-edge model rollback line1 --by anna --reason "rejects good parts"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.model_change import CurrentModel, roll_back
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked

    attribution = Attribution.parse(by, reason)
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    current = CurrentModel.of(paths)
    activation = roll_back(
        paths, current, attribution, lambda before: refuse_revoked(paths, "bundle", before)
    )
    _report(paths, current, activation, as_json)


def accept_command(
    name: Name, by: By = None, reason: Why = None, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Accept scores that moved with another engine or model file, on record, so that the station
    may judge.

    A station that scores its stored inputs otherwise than before does not start, and says what
    moved. Accept it only if the new scores are the right ones. It holds for this change alone;
    start the station, or activate the bundle, again.

    [dim]Examples:[/dim]
      [bold]qc-edge model accept line1 --by anna --reason "new driver, checked with 30 known
      parts"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.model_change import accept
    from qc_edge.recipe.score_identity import format_moved_scores
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths

    attribution = Attribution.parse(by, reason)
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    record, moved = accept(paths, attribution)
    if as_json:
        print_json({"record_id": record.record_id, "bundle": record.bundle, "found": record.found})
        return
    console = out()
    console.print(f"accepted by {record.made_by}: {moved.found}", markup=False)
    console.print(f"  before: {moved.before.engine}\n  now:    {moved.after.engine}", markup=False)
    console.print(format_moved_scores(moved), markup=False)
    console.print("start the station, or activate the bundle, again")


def _report(paths: StationPaths, current: CurrentModel, record: Activation, as_json: bool) -> None:
    """Wait until a running station has taken up or refused `record`, and print which.

    Raises ModelError if it was refused.
    """
    from qc_edge.errors import ModelError
    from qc_edge.recipe.model_change import OwnBundles, wait_for_outcome

    state = wait_for_outcome(paths, record) if current.running else ""
    if state.startswith("refused"):
        raise ModelError(
            f"{record.bundle} was {state}",
            hint=f"{current.reference} goes on judging; mend the reason and activate again",
        )
    own = OwnBundles.of(paths, current.settings)
    _note_views(name=paths.name, bundle=record.bundle, own=own)
    if as_json:
        print_json(
            {
                "record_id": record.record_id,
                "bundle": record.bundle,
                "before": record.before,
                "in_force": state == "in force",
                "views_with_their_own": dict(own.views),
            }
        )
        return
    console = out()
    console.print(f"model of {paths.name}: {record.before} -> [bold]{record.bundle}[/bold]")
    if state == "in force":
        what = "what has no bundle of its own" if own.views else "every part from now on"
        console.print(f"in force: {what} is judged by it")
    elif current.running:
        console.print(f"[yellow]not in force yet[/yellow]; ask qc-edge model list {paths.name}")
    else:
        console.print(
            "the station is not running: it proves it when it starts, and then judges by it"
        )


def _note_views(name: str, bundle: str, own: OwnBundles) -> None:
    """On stderr, for scripts too: which views go on with another bundle, and what changes that."""
    from rich.console import Console

    kept = {view: other for view, other in own.views.items() if other != bundle}
    if not kept:
        return
    listed = ", ".join(f"{view} {other}" for view, other in kept.items())
    if own.recipe is None:
        words = f"views with a bundle of their own keep it: {listed}. [[view]] bundle changes it"
    else:
        recipe = own.recipe.partition("@")[0]
        words = (
            f"the recipe {own.recipe} is in force, and its views keep their bundles: {listed}. "
            f"Change it by qc-edge recipe edit {name} {recipe}, approve and activate"
        )
    Console(stderr=True).print(f"note: {words}", markup=False, soft_wrap=True)
