"""`qc-edge recipe list` and `show`: which recipes there are, what they say, which one judges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qc_edge.commands.recipe.arguments import Reference
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.records.recipes import Recipe
    from qc_edge.settings import StationPaths


def list_command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """Show every recipe: its number, its product, what is approved, which one is in force.

    The newest approved revision is the one that a changeover takes; a newer one that nobody has
    approved is shown beside it.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe list line1[/bold]
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from qc_edge.recipe.changeover.request import current_recipe
    from qc_edge.records import changeovers
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    history = changeovers.load(paths.changeovers)
    current, rows = current_recipe(history), _rows(paths, current_recipe(history))
    if as_json:
        print_json({"in_force": current, "pending": _pending(history.pending), "recipes": rows})
        return
    console = out()
    why = f": {history.in_force.words}" if history.in_force else ": the settings judge"
    console.print(Text(f"{name}: {current}{why}"))
    if history.pending:
        console.print(Text(f"to come: {history.pending.recipe}, {history.pending.words}", "yellow"))
    if not rows:
        console.print(f"no recipe yet: qc-edge recipe new {name} RECIPE --number N --product TEXT")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("number", "recipe", "product", "approved", "newest", ""):
        table.add_column(heading, overflow="fold")
    for row in rows:
        cells = (str(row["number"]), row["name"], row["product"], row["approved"] or "not yet")
        newest = row["newest"] if row["newest"] != row["approved"] else ""
        style = "bold green" if row["in_force"] else ""
        state = "in force" if row["in_force"] else ""
        table.add_row(*(Text(cell, style) for cell in (*cells, newest, state)))
    console.print(table)


def show_command(
    name: Name, recipe: Reference, root: Root = DEFAULT_ROOT, as_json: Json = False
) -> None:
    """Show a revision of a recipe as the TOML that [bold]edit --file[/bold] takes, who made and who
    approved it.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe show line1 bottle[/bold] [bold]qc-edge recipe show line1 bottle@2
      --json[/bold]
    """
    from qc_edge.recipe.changeover.approved import ApprovedRecipes
    from qc_edge.records import recipes
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    shown = (
        recipes.load(paths.recipes, recipe)
        if "@" in recipe
        else recipes.load_newest(paths.recipes, recipe)
    )
    approval = ApprovedRecipes.of(paths).by_reference.get(shown.reference)
    if as_json:
        values = recipe_values(shown)
        approved = {"by": approval.made_by, "at": approval.made_at} if approval else None
        print_json({**values, "approved": approved})
        return
    console = out()
    made = f"{shown.made_at:%Y-%m-%d %H:%M} (UTC) by {shown.made_by}: {shown.reason}"
    console.print(f"# {shown.reference}, made {made}", markup=False)
    words = (
        f"approved {approval.made_at:%Y-%m-%d %H:%M} (UTC) by {approval.made_by}: {approval.reason}"
        if approval
        else "not approved: it cannot judge"
    )
    console.print(f"# {words}", markup=False)
    console.print(recipes.content_toml(shown.content), markup=False, end="")


def recipe_values(recipe: Recipe) -> dict[str, Any]:
    """A revision as plain values, for scripts."""
    return {
        "recipe": recipe.reference,
        "made_at": recipe.made_at,
        "made_by": recipe.made_by,
        "reason": recipe.reason,
        **recipe.content.model_dump(mode="json", exclude_defaults=True),
    }


def _rows(paths: StationPaths, current: str) -> list[dict[str, Any]]:
    from qc_edge.domain.activation import recipe_name
    from qc_edge.recipe.changeover.approved import ApprovedRecipes
    from qc_edge.records import recipes

    approved = ApprovedRecipes.of(paths)
    rows = []
    for name in recipes.names(paths.recipes):
        newest = recipes.load_newest(paths.recipes, name)
        reference = approved.newest(name)
        shown = approved.load(reference) if reference else newest
        rows.append(
            {
                "number": shown.content.number,
                "name": name,
                "product": shown.content.product,
                "approved": reference,
                "newest": newest.reference,
                "in_force": recipe_name(current) == name,
            }
        )
    return sorted(rows, key=lambda row: row["number"])


def _pending(record: Any) -> dict[str, Any] | None:
    return (
        {"recipe": record.recipe, "by": record.made_by, "reason": record.reason} if record else None
    )
