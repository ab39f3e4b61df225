"""The recipes that a line can choose among, for wires that can list them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

from qc_edge.domain.activation import recipe_name
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.settings import StationPaths

_FRESH_S = 1.0
"""For so long an answer stands: whoever asks again and again must not keep the disk busy."""


@dataclass(frozen=True, slots=True)
class OfferedRecipe:
    """The newest approved revision of a recipe, `sha256` of its file as it was approved.

    `is_in_force`: this very revision judges; `is_older_in_force`: an older one of its number, which
    a line cannot tell from it, so that a person has to change over.
    """

    number: int
    name: str
    revision: int
    sha256: str
    is_in_force: bool = False
    is_older_in_force: bool = False

    @property
    def reference(self) -> str:
        """NAME@REVISION, as rows have it."""
        return f"{self.name}@{self.revision}"


@runtime_checkable
class ListsRecipes(Protocol):
    """A wire over which the line may ask what recipes there are."""

    def offer(self, recipes: Callable[[], Sequence[OfferedRecipe]]) -> None:
        """`recipes` may be called from any thread, reads files, and raises RecipeError."""


class OfferedRecipes:
    """Call it from any thread."""

    def __init__(self, paths: StationPaths, in_force: Callable[[], tuple[str, int]]) -> None:
        """`in_force`: NAME@REVISION and number of what judges, or anything else and 0."""
        self._paths, self._in_force = paths, in_force
        self._lock = threading.Lock()
        self._read_s = float("-inf")
        self._known: tuple[OfferedRecipe, ...] = ()

    def __call__(self) -> tuple[OfferedRecipe, ...]:
        """By their numbers; 0 is none that a line can ask for. Raises RecipeError where a record
        is not as it was approved.
        """
        with self._lock:
            if time.monotonic() - self._read_s > _FRESH_S:
                self._known, self._read_s = self._read(), time.monotonic()
            known = self._known
        reference, number = self._in_force()
        return tuple(
            replace(
                each,
                is_in_force=each.reference == reference,
                is_older_in_force=each.number == number and each.reference != reference,
            )
            for each in known
        )

    def _read(self) -> tuple[OfferedRecipe, ...]:
        approved = ApprovedRecipes.of(self._paths)
        found = []
        for name in dict.fromkeys(map(recipe_name, approved.by_reference)):
            reference = approved.newest(name)
            assert reference  # noqa: S101
            recipe = approved.load(reference)
            sha256 = approved.by_reference[reference].recipe_sha256
            if recipe.content.number:
                found.append(OfferedRecipe(recipe.content.number, name, recipe.revision, sha256))
        return tuple(sorted(found, key=lambda each: each.number))
