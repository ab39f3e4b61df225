"""How a part that went by a recipe is judged, after that recipe is in force no more."""

from __future__ import annotations

from qc_edge.domain.parts.rules import ExpectedView, PartRules
from qc_edge.recipe.changeover.overlay import with_recipe
from qc_edge.records import recipes
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.settings import Settings, StationPaths

RulesOfPart = tuple[PartRules, tuple[ExpectedView, ...]]
"""How the views of a part are judged together, and which there should be."""


def rules_of_part(paths: StationPaths, settings: Settings, reference: str | None) -> RulesOfPart:
    """Those of the recipe NAME@REVISION, or of the `settings` alone (None). Needs no engine.

    Raises RecipeError if the revision is gone or is not as it was made.
    """
    content = recipes.load(paths.recipes, reference).content if reference else None
    return rules_under(settings, content)


def rules_under(settings: Settings, content: RecipeContent | None) -> RulesOfPart:
    """Those of `settings` under a recipe."""
    under = with_recipe(settings, content)
    expected = tuple(ExpectedView(view.name, view.required) for view in under.view)
    return under.part.rules(under.station.deadline_ms, under.view), expected
