"""`qc-edge recipe approve`, `activate` and `rollback`: what a person decides about recipes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from qc_edge.commands.recipe.arguments import Reference, Wanted
from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.activation import Changeover
    from qc_edge.settings import StationPaths


def approve_command(
    name: Name,
    recipe: Reference,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Approve a revision of a recipe, on record: from now on it may judge.

    Its bundles, calibrations and cameras are held against the station first, and its number must
    belong to no other approved recipe. What is revoked upstream, or names a bundle or calibration
    that is, is refused (exit code 65).

    [dim]Examples:[/dim]
      [bold]qc-edge recipe approve line1 bottle --by carla --reason "trial 12 is good"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.recipe_editing import approve
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked_recipe

    attribution = Attribution.parse(by, reason)
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    record = approve(paths, recipe, attribution, refuse_revoked_recipe)
    if as_json:
        print_json({"record_id": record.record_id, "recipe": record.recipe, "by": record.made_by})
        return
    out().print(f"approved by {record.made_by}: {record.recipe}", markup=False)


def activate_command(
    name: Name,
    recipe: Wanted,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Change over to another product, on record; the running station does it between two frames.

    The newest approved revision judges every frame that is exposed from then on; frames from
    before are judged by the recipe before. What a camera needs is set and read back. If anything
    fails, the recipe in force stays and the reason is told (exit code 65). [bold]station[/bold]
    goes back to what the settings say. A station at rest does it when it starts.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe activate line1 bottle --by anna --reason "order 4711"[/bold]
      [bold]qc-edge recipe activate line1 7 --by anna --reason "order 4712"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.request import request_changeover
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked_recipe

    paths = StationPaths(root.absolute(), name)
    answers = Attribution.parse(by, reason)
    act_as_owner(paths.state)
    record = request_changeover(paths, recipe, answers.by, answers.reason, refuse_revoked_recipe)
    _report(paths, record, as_json)


def rollback_command(
    name: Name, by: By = None, reason: Why = None, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Take back the last changeover: the recipe before judges again, in one step.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe rollback line1 --by anna --reason "wrong product"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.request import request_rollback
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.upstream.releases.staged import refuse_revoked_recipe

    paths = StationPaths(root.absolute(), name)
    answers = Attribution.parse(by, reason)
    act_as_owner(paths.state)
    record = request_rollback(paths, answers.by, answers.reason, refuse_revoked_recipe)
    _report(paths, record, as_json)


def _report(paths: StationPaths, record: Changeover, as_json: bool) -> None:
    """Wait until a running station has changed over or refused, and print which.

    Raises RecipeError if it was refused.
    """
    from qc_edge.errors import RecipeError
    from qc_edge.recipe.changeover.request import wait_for_changeover
    from qc_edge.service.lock import holder_of
    from qc_edge.settings import Role

    running = holder_of(paths.lock(Role.INSPECT)) is not None
    state = wait_for_changeover(paths, record) if running else ""
    if state.startswith("refused"):
        raise RecipeError(
            f"the changeover to {record.recipe} was {state}",
            hint=f"{record.before} goes on judging; mend the reason and activate again",
        )
    if as_json:
        values = {"record_id": record.record_id, "recipe": record.recipe, "before": record.before}
        print_json({**values, "in_force": state == "in force"})
        return
    console = out()
    console.print(f"recipe of {paths.name}: {record.before} -> [bold]{record.recipe}[/bold]")
    if state == "in force":
        console.print("in force: every frame exposed from now on is judged by it")
    elif running:
        console.print(f"[yellow]not in force yet[/yellow]; ask qc-edge recipe list {paths.name}")
    else:
        console.print("the station is not running: it changes over when it starts")
