"""Recipes as a person makes them: a new one from what is in force, a copy, the next revision.

Writes revisions and approvals; nothing of it judges before a changeover.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from qc_edge.domain.activation import Approval
from qc_edge.domain.threshold import record_id
from qc_edge.errors import RecipeError, UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.recipe_check import check_content, check_recipe
from qc_edge.recipe.changeover.request import Refuse
from qc_edge.records import approvals, recipes
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.records.recipes import Recipe
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings, toml

_MAY_BE_LEFT_OUT = ("gates", "part", "weights")
"""Sections of a recipe that the first `--set` in them makes."""


def parse_content(text: str, where: str) -> RecipeContent:
    """The content of a recipe as a person writes it, in TOML. Raises RecipeError with all
    faults.
    """
    try:
        values = toml.loads(text)
    except toml.TOMLDecodeError as fault:
        raise RecipeError(
            f"{where} is not valid TOML: {fault}", hint="qc-edge recipe show prints one that is"
        ) from None
    return make_content(values, where)


def make_content(values: Mapping[str, Any], where: str) -> RecipeContent:
    """The content of a recipe in plain values. Raises RecipeError with all faults."""
    try:
        return RecipeContent.model_validate_json(json.dumps(values, default=str), strict=True)
    except ValidationError as faults:
        raise RecipeError(
            f"{where} is no recipe:\n{recipes.fault_lines(faults)}",
            hint="the keys: docs/integrator.md, Recipes; qc-edge recipe show prints an example",
        ) from None


def change_content(content: RecipeContent, changes: Sequence[str]) -> RecipeContent:
    """The content with each `KEY=VALUE`: number=7, view.top.threshold=0.4, view.top.roi=none.

    Raises UsageError for a key that leads nowhere, RecipeError for a value that is none.
    """
    values = content.model_dump(mode="json", exclude_defaults=True)
    for change in changes:
        key, equals, text = change.partition("=")
        if not equals:
            raise UsageError(f"--set {change!r} has no value", hint="--set view.top.threshold=0.4")
        *places, last = key.strip().split(".")
        section = values
        for place in places:
            section = _inside(section, place, change)
        if text.strip() == "none":
            section.pop(last, None)
        else:
            section[last] = _value(text.strip())
    return make_content(values, "what --set makes of it")


def write_new(
    paths: StationPaths, name: str, content: RecipeContent, attribution: Attribution
) -> Recipe:
    """Write revision 1 of a recipe. Raises UsageError if there is one of that name, RecipeError if
    its views do not fit the station, StoreError.
    """
    if recipes.revisions(paths.recipes, name):
        raise UsageError(
            f"there is a recipe {name!r} already",
            hint=f"qc-edge recipe edit {paths.name} {name}, or take another name",
        )
    return _write(paths, name, 1, content, attribution)


def write_next(
    paths: StationPaths, before: Recipe, content: RecipeContent, attribution: Attribution
) -> Recipe:
    """Write the next revision of a recipe. Raises UsageError if nothing differs, RecipeError,
    StoreError.
    """
    if content == before.content:
        raise UsageError(f"{before.reference} says that already: nothing was changed")
    newest = recipes.revisions(paths.recipes, before.name)[-1]
    return _write(paths, before.name, newest + 1, content, attribution)


def approve(
    paths: StationPaths, reference: str, attribution: Attribution, refuse: Refuse | None = None
) -> Approval:
    """Approve NAME@REVISION, or the newest revision of NAME.

    Raises RecipeError if it does not fit the station or another recipe has its number, UsageError
    if it is approved already, and what `refuse` raises.
    """
    if "@" not in reference:
        reference = recipes.load_newest(paths.recipes, reference).reference
    recipe, approved = recipes.load(paths.recipes, reference), ApprovedRecipes.of(paths)
    if refuse is not None:
        refuse(paths, reference, recipe.content)
    digest = recipes.digest(paths.recipes, reference)
    before = approved.by_reference.get(reference)
    if before is not None and before.recipe_sha256 == digest:
        raise UsageError(f"{reference} was approved by {before.made_by} already")
    settings = load_settings(paths.settings)
    if settings.approval.recipe and recipe.made_by.casefold() == attribution.by.casefold():
        raise UsageError(
            f"{recipe.made_by} has written {reference}: somebody else has to approve it",
            hint="[approval] recipe in the settings asks for two people",
        )
    check_recipe(paths, settings, reference, recipe.content)
    others = [
        other
        for other in approved.by_number(recipe.content.number)
        if not other.startswith(f"{recipe.name}@")
    ]
    if others:
        raise RecipeError(
            f"the number {recipe.content.number} is {others[0]}'s: {reference} cannot have it too",
            hint=f"qc-edge recipe edit {paths.name} {recipe.name} --set number=N",
        )
    at = utc_now()
    record = Approval(
        record_id(at), paths.name, reference, digest, at, attribution.by, attribution.reason
    )
    approvals.write(paths.approvals, record)
    return record


def _write(
    paths: StationPaths,
    name: str,
    revision: int,
    content: RecipeContent,
    attribution: Attribution,
) -> Recipe:
    check_content(load_settings(paths.settings), name, content)
    recipe = Recipe(
        paths.name, name, revision, utc_now(), attribution.by, attribution.reason, content
    )
    recipes.write(paths.recipes, recipe)
    return recipe


def _inside(section: dict[str, Any], place: str, change: str) -> dict[str, Any]:
    """The section of that name, or the view of that name in the list of views."""
    found = section.get(place)
    if isinstance(found, list):
        # `view` is followed by the name of one: the list answers for its names.
        return {each["name"]: each for each in found}
    if place in _MAY_BE_LEFT_OUT and found is None:
        found = section[place] = {}
    if not isinstance(found, dict):
        known = ", ".join(section)
        raise UsageError(f"--set {change!r}: there is no {place!r}", hint=f"there are: {known}")
    return found


def _value(text: str) -> Any:
    """A value as TOML has it; bare words are text."""
    try:
        return toml.loads(f"value = {text}")["value"]
    except toml.TOMLDecodeError:
        return text
