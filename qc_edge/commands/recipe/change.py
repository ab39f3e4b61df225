"""`qc-edge recipe new`, `copy` and `edit`: revisions of recipes, which judge nothing yet."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.commands.recipe.arguments import Number, Product, RecipeName
from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why, out, print_json

if TYPE_CHECKING:
    from qc_edge.records.recipe_content import RecipeContent
    from qc_edge.records.recipes import Recipe

File = Annotated[
    Path | None,
    typer.Option(
        "--file", metavar="FILE", help="The content, as TOML; - reads stdin.", show_default=False
    ),
]
Set = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one value: view.top.threshold=0.4; [bold]none[/bold] takes it out. May be "
        "given again.",
        show_default=False,
    ),
]
NewName = Annotated[
    str, typer.Argument(metavar="NEW", help="The name of the copy.", show_default=False)
]


def new_command(
    name: Name,
    recipe: RecipeName,
    number: Number = None,
    product: Product = None,
    file: File = None,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Write the first revision of a recipe, proposed from what is in force now.

    It spells out each view with its bundle, threshold and calibration, and how each camera exposes.
    Change it with [bold]edit[/bold]; nothing judges by it before it is approved and activated.
    [bold]--file[/bold] takes the content from a TOML file instead, which has number and product.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe new line1 bottle --number 7 --product "bottle 0.5 l" --by anna --reason
      "first trial"[/bold]
    """
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.recipe_editing import write_new
    from qc_edge.recipe.changeover.recipe_proposal import propose
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths

    attribution = Attribution.parse(by, reason)
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    content = _read(file) if file else propose(paths, number, product)
    _print(name, write_new(paths, recipe, content, attribution), as_json)


def copy_command(
    name: Name,
    recipe: RecipeName,
    new: NewName,
    number: Number = None,
    product: Product = None,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Write a recipe for another product that begins as a copy of this one.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe copy line1 bottle jar --number 8 --product "jar 250 ml" --by anna
      --reason "same fixture"[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.recipe_editing import write_new
    from qc_edge.records import recipes
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths

    attribution = Attribution.parse(by, reason)
    if number is None or not product:
        raise UsageError(
            f"{'--number' if number is None else '--product'} is missing",
            hint=f'a copy is another product: --number 8 --product "{new}"',
        )
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    source = recipes.load_newest(paths.recipes, recipe)
    content = source.content.model_copy(update={"number": number, "product": product})
    _print(name, write_new(paths, new, content, attribution), as_json)


def edit_command(
    name: Name,
    recipe: RecipeName,
    changes: Set = None,
    file: File = None,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Write the next revision of a recipe: by [bold]--set[/bold], from a file, or in $EDITOR.

    The revision before stays as it is, and goes on judging if it does. The new one has to be
    approved before it can.

    [dim]Examples:[/dim]
      [bold]qc-edge recipe edit line1 bottle --set view.top.threshold=0.4 --set number=9 --by anna
      --reason "two escapes"[/bold]
      [bold]qc-edge recipe edit line1 bottle --file new.toml --by anna --reason "new light"[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.recipe.changeover.recipe_editing import change_content, write_next
    from qc_edge.records import recipes
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths

    attribution = Attribution.parse(by, reason)
    if changes and file:
        raise UsageError("--set and --file together", hint="give one of them")
    paths = StationPaths(root.absolute(), name)
    act_as_owner(paths.state)
    before = recipes.load_newest(paths.recipes, recipe)
    if changes:
        content = change_content(before.content, changes)
    else:
        content = _read(file) if file else _in_editor(recipes.content_toml(before.content))
    _print(name, write_next(paths, before, content, attribution), as_json)


def _read(file: Path) -> RecipeContent:
    from qc_edge.errors import UsageError
    from qc_edge.recipe.changeover.recipe_editing import parse_content

    if str(file) == "-":
        return parse_content(sys.stdin.read(), "stdin")
    try:
        return parse_content(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as fault:
        raise UsageError(f"cannot read {file}: {fault}", hint="expected a TOML file") from None


def _in_editor(text: str) -> RecipeContent:
    from qc_edge.errors import UsageError
    from qc_edge.recipe.changeover.recipe_editing import parse_content

    if not sys.stdin.isatty():
        raise UsageError(
            "nothing says what to change, and this is no terminal to open an editor on",
            hint="--set view.top.threshold=0.4, or --file FILE",
        )
    with tempfile.TemporaryDirectory() as directory:
        file = Path(directory) / "recipe.toml"
        file.write_text(text, encoding="utf-8")
        editor = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
        try:
            status = subprocess.call([*shlex.split(editor), str(file)])
        except OSError as fault:
            raise UsageError(
                f"cannot run the editor {editor!r}: {fault.strerror}",
                hint="set $EDITOR, or use --set or --file",
            ) from None
        edited = file.read_text(encoding="utf-8")
    if status != 0 or edited == text:
        raise UsageError("the editor was left without a change: nothing was changed")
    return parse_content(edited, "what you wrote")


def _print(station: str, recipe: Recipe, as_json: bool) -> None:
    from qc_edge.commands.recipe.look import recipe_values

    if as_json:
        print_json(recipe_values(recipe))
        return
    console = out()
    console.print(f"written: [bold]{recipe.reference}[/bold], number {recipe.content.number}")
    console.print(
        f"approve it before it can judge: qc-edge recipe approve {station} {recipe.reference} "
        "--by WHO --reason TEXT"
    )
