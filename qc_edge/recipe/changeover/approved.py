"""Which recipes may judge: the newest revision of each that a person has approved.

Reads records; decides nothing about parts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from qc_edge.domain.activation import STATION_RECIPE, Approval, recipe_name
from qc_edge.errors import RecipeError
from qc_edge.records import approvals, recipes
from qc_edge.records.recipes import Recipe
from qc_edge.settings import StationPaths


@dataclass(frozen=True, slots=True)
class ApprovedRecipes:
    """All approvals of a station by NAME@REVISION, oldest first."""

    paths: StationPaths
    by_reference: Mapping[str, Approval]

    @classmethod
    def of(cls, paths: StationPaths) -> ApprovedRecipes:
        """Read them. Raises RecipeError on an approval that is damaged."""
        approved = approvals.load_all(paths.approvals)
        return cls(paths, {approval.recipe: approval for approval in approved})

    def newest(self, name: str) -> str | None:
        """NAME@REVISION of the newest approved revision of a recipe; None if none is."""
        revisions = [
            int(reference.partition("@")[2])
            for reference in self.by_reference
            if recipe_name(reference) == name
        ]
        return f"{name}@{max(revisions)}" if revisions else None

    def load(self, reference: str) -> Recipe:
        """The recipe NAME@REVISION. Raises RecipeError if it is not approved, or not as it was
        when it was.
        """
        recipe = recipes.load(self.paths.recipes, reference)
        approval = self.by_reference.get(reference)
        command = f"qc-edge recipe approve {self.paths.name} {reference} --by WHO --reason TEXT"
        if approval is None:
            newest = self.newest(recipe.name)
            others = f"; approved is {newest}" if newest else ""
            raise RecipeError(
                f"the recipe {reference} is not approved{others}",
                hint=f"look at it, then approve it: {command}",
            )
        if (found := recipes.digest(self.paths.recipes, reference)) != approval.recipe_sha256:
            raise RecipeError(
                f"the recipe {reference} is not what {approval.made_by} approved: its sha256 is "
                f"{found[:12]}…, the approval says {approval.recipe_sha256[:12]}…",
                hint="restore recipes/ from a backup: a revision is never changed",
            )
        return recipe

    def by_number(self, number: int) -> list[str]:
        """NAME@REVISION of those whose newest approved revision has this number: one, or none."""
        names = dict.fromkeys(map(recipe_name, self.by_reference))
        newest = [reference for name in names if (reference := self.newest(name))]
        return [name for name in newest if self.load(name).content.number == number]

    def find(self, wanted: int | str) -> str:
        """NAME@REVISION of what a person or the line asks for: a number, NAME, NAME@REVISION, or
        `station` for what the settings say. Raises RecipeError.
        """
        text = str(wanted).strip()
        if text == STATION_RECIPE or "@" in text:
            return text
        if text.isdecimal():
            return self._of_number(int(text))
        newest = self.newest(text)
        if newest is None:
            # Says that there is no such recipe, or that none of its revisions is approved.
            return self.load(recipes.load_newest(self.paths.recipes, text).reference).reference
        return newest

    def _of_number(self, number: int) -> str:
        found = self.by_number(number)
        if len(found) == 1:
            return found[0]
        if found:
            raise RecipeError(
                f"the number {number} belongs to two recipes: {', '.join(found)}",
                hint="give one of them another number: qc-edge recipe edit NAME --set number=N",
            )
        raise RecipeError(
            f"no approved recipe has the number {number}",
            hint=f"qc-edge recipe list {self.paths.name}",
        )
