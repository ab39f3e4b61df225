"""The engines of recipes: loaded and proven once, shared with whatever judges, kept as long as
somebody needs them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from qc_edge.engine import BuildContext, Loader
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.engine.pool import EnginePool
from qc_edge.errors import QcEdgeError
from qc_edge.recipe.active_model import open_signed_bundle
from qc_edge.recipe.engine_exchange import EngineWait, Progress, rest
from qc_edge.recipe.score_identity import ScoreIdentity
from qc_edge.records.recipes import Recipe
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings import Settings, StationPaths


@dataclass(frozen=True, slots=True)
class RecipeEngines:
    """Those of the views of one recipe, by the views' names."""

    by_view: Mapping[str, EngineThread]


class RecipeEnginePool:
    """Used by one thread at a time."""

    def __init__(
        self,
        paths: StationPaths,
        settings: Settings,
        load: Loader,
        engines: EnginePool,
        identity: ScoreIdentity,
    ) -> None:
        self._identity = identity
        self._paths = paths
        self._settings = settings
        self._load = load
        self._engines = engines
        self._held: dict[str, RecipeEngines] = {}

    @property
    def loaded(self) -> tuple[str, ...]:
        """The recipes whose engines are there, as NAME@REVISION."""
        return tuple(self._held)

    def hold(
        self, recipe: Recipe, progress: Progress, heartbeat: Heartbeat, stop: threading.Event
    ) -> RecipeEngines:
        """The engines of a recipe; those that are not there are loaded beside the ones that judge.

        Stored inputs are scored again where another engine scored them. Raises ModelError,
        EngineError, StoreError: then none of them is kept.
        """
        if recipe.reference in self._held:
            return self._held[recipe.reference]
        by_view: dict[str, EngineThread] = {}
        try:
            for view in recipe.content.view:
                wait = EngineWait(view.bundle, progress)
                engine_thread = self._open(view.bundle, wait.heard, stop.is_set)
                by_view[view.name] = engine_thread
                wait.await_ready(engine_thread, heartbeat, stop)
                self._identity.check_recipe(engine_thread, partial(rest, heartbeat, stop))
        except QcEdgeError:
            for engine_thread in by_view.values():
                self._engines.release(engine_thread)
            raise
        self._held[recipe.reference] = RecipeEngines(by_view)
        return self._held[recipe.reference]

    def by_view(self, reference: str) -> Mapping[str, EngineThread]:
        """The engines of a recipe that is held, by its views; none of `station`."""
        held = self._held.get(reference)
        return held.by_view if held else {}

    def release_all_but(self, needed: set[str]) -> None:
        """Give back the engines of recipes that nobody needs any more."""
        for reference in self._held.keys() - needed:
            for engine_thread in self._held.pop(reference).by_view.values():
                self._engines.release(engine_thread)

    def _open(
        self,
        reference: str,
        heard: Callable[[str, float], None],
        must_stop: Callable[[], bool],
    ) -> EngineThread:
        bundle = open_signed_bundle(self._paths, self._settings.model, reference)
        build_context = BuildContext(self._paths.plans, heard, must_stop)
        return self._engines.hold(
            bundle, lambda: self._load(bundle, self._settings.engine, build_context)
        )
