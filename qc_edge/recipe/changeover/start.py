"""The recipe at the start: what is to judge, and what judges the frames that lie in the spool."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

from qc_edge.domain.activation import STATION_RECIPE, Changeover
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.domain.events import EventKind
from qc_edge.domain.frame import FrameId
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.errors import RecipeError
from qc_edge.recipe.active_model import EarlierRecipe, OpenedModels
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.moment import ChangeoverMoment
from qc_edge.recipe.changeover.recipe_check import check_recipe
from qc_edge.recipe.changeover.recipe_engines import RecipeEnginePool
from qc_edge.recipe.changeover.recipe_in_force import RecipeInForce, open_recipe
from qc_edge.recipe.engine_exchange import Progress
from qc_edge.recipe.in_force import last_in_force
from qc_edge.records import changeovers
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.log import lookups
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.lookups import changeovers_since


@dataclass(frozen=True)
class RecipeStart:
    """What opens the recipes of a start; used once, on the inspector's thread."""

    paths: StationPaths
    settings: Settings
    ledger: Ledger
    engines: RecipeEnginePool

    def open(
        self,
        opened: OpenedModels,
        spooled: Iterable[FrameId],
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> OpenedModels:
        """`opened` with the recipe that is to judge and, for frames that lie in the spool
        (`spooled`), those before it; their engines are ready.

        A changeover that waits is made afterwards, as while the station runs: so what the log says
        was in force judges what was exposed before. Raises RecipeError, ModelError or EngineError
        if the recipe in force cannot judge.
        """
        history, progress = changeovers.load(self.paths.changeovers), Progress()
        recipe = None
        if judging := self._judging(history):
            try:
                recipe = self._opened(judging, progress, heartbeat, stop)
            except RecipeError:
                # A person has named another one since, which is the way out of it.
                if history.pending is None or history.pending == judging:
                    raise
                recipe = self._opened(history.pending, progress, heartbeat, stop)
        earlier = []
        for moment, before in self._moments(history, list(spooled)):
            views: Mapping[str, EngineThread] = {}
            if before is not None and before.recipe is not None:
                views = self.engines.hold(before.recipe, progress, heartbeat, stop).by_view
            earlier.append(EarlierRecipe(moment, before, views))
        views = self.engines.by_view(recipe.reference) if recipe else {}
        return replace(opened, recipe=recipe, recipe_views=views, earlier_recipes=tuple(earlier))

    def _judging(self, history: DecisionHistory[Changeover]) -> Changeover | None:
        """The changeover in force; a crash may have kept its outcome from being written."""
        pending, last = history.pending, last_in_force(self.ledger)
        if pending is None:
            return history.in_force
        # A power cut in the middle of the commit may have left its event alone.
        events = self.ledger.ask(partial(lookups.events_since, kind=EventKind.IN_FORCE))
        told = (EventKind.RECIPE, pending.recipe) in events
        is_logged = told or (last is not None and last.changeover == pending.record_id)
        return pending if is_logged else history.in_force

    def _opened(
        self,
        changeover: Changeover,
        progress: Progress,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> RecipeInForce:
        opened = open_recipe(self.paths, changeover)
        if opened.recipe is not None:
            check_recipe(self.paths, self.settings, opened.reference, opened.recipe.content)
            self.engines.hold(opened.recipe, progress, heartbeat, stop)
        return opened

    def _moments(
        self,
        history: DecisionHistory[Changeover],
        spooled: list[FrameId],
    ) -> Iterator[tuple[ChangeoverMoment, RecipeInForce | None]]:
        """Each changeover that a spooled frame was exposed before, oldest first, and what judged
        until then.
        """
        if not spooled:
            return
        with self.ledger.snapshot() as log:
            since = changeovers_since(log, min(spooled))
        for event_id, before in since:
            yield ChangeoverMoment(event_id), self._before(history, before)

    def _before(self, history: DecisionHistory[Changeover], reference: str) -> RecipeInForce | None:
        """The recipe that judged until then, by the newest changeover to it."""
        if reference == STATION_RECIPE:
            return None
        to_it = [each for each in history.decisions if each.recipe == reference]
        if not to_it:
            return None
        recipe = ApprovedRecipes.of(self.paths).load(reference)
        return RecipeInForce(max(to_it, key=lambda each: each.record_id), recipe)
