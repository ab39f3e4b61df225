"""Changeovers of a running station: taken up as they come, made between two frames.

An engine that is not there is loaded first, beside those that judge. One that fails changes nothing
and says why. Never judges, never edits a recipe or a record.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial

from qc_edge.domain.activation import Changeover
from qc_edge.domain.decisions import Outcome
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.printable import printable
from qc_edge.errors import QcEdgeError
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.camera_changes import CameraChanges
from qc_edge.recipe.changeover.recipe_check import check_recipe
from qc_edge.recipe.changeover.recipe_engines import RecipeEnginePool
from qc_edge.recipe.changeover.recipe_in_force import RecipeInForce, open_recipe
from qc_edge.recipe.engine_exchange import BetweenFrames, Progress, exchange_engines
from qc_edge.recipe.outcome_keeper import OutcomeKeeper
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.records import changeovers
from qc_edge.records.record_file import file_digest
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths

LOOK_S = 0.05
_TICK_NS = 1_000_000_000
_IN_FLIGHT_S = 10.0
"""After the spool was empty for so long, no frame from before a changeover can come any more."""


class ChangeoverFollower:
    """`run` on a worker's thread. Anybody may look at `progress` and `resident`."""

    def __init__(
        self,
        paths: StationPaths,
        engines: RecipeEnginePool,
        cameras: CameraChanges,
        events: EventLog,
        waiting: Callable[[], int],
    ) -> None:
        self._paths = paths
        self._engines = engines
        self._cameras = cameras
        self._events = events
        self._waiting = waiting
        self._outcomes = OutcomeKeeper(paths.changeovers)
        self._seen = ""
        self._newest_listed, self._listed_ns = "", 0
        self._emptied_at: float | None = None
        self.progress = Progress()
        self.resident: tuple[str, ...] = ()

    def opened_is_in_force(self, opened: RecipeInForce | None) -> None:
        """At the start, once the log has the event of what was opened: its changeover is applied.

        In this order, so that a crash between the two makes the next start take it up again, which
        adds no second event.
        """
        pending = changeovers.load(self._paths.changeovers).pending
        if opened and opened.changeover == pending:
            self._outcomes.keep(opened.changeover, Outcome(True, utc_now(), ""))
        elif pending:
            self.progress.trouble = f"not ready: changing over to {pending.recipe}"
            return
        self._seen = changeovers.newest(self._paths.changeovers)

    def run(
        self,
        rulebook: RuleBook,
        inspector: BetweenFrames,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        """Keep the resident recipes' engines, and take up changeovers as they come, until
        `stop`.
        """
        if not self._seen:
            self._look(rulebook, inspector, heartbeat, stop)
            self.progress.trouble = ""
        self._load_resident(rulebook, heartbeat, stop)
        while not stop.wait(LOOK_S):
            heartbeat.beat()
            self._outcomes.retry()
            self._forget_what_came_before(rulebook)
            self._look(rulebook, inspector, heartbeat, stop)

    def _look(
        self,
        rulebook: RuleBook,
        inspector: BetweenFrames,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        if (newest := self._newest()) == self._seen:
            return
        self._seen = newest
        try:
            pending = changeovers.pending(self._paths.changeovers, newest)
        except QcEdgeError as fault:
            self._say_refused(f"the changeover {printable(newest)}", fault)
            detail = f"the recipe in force stays: {fault.message}"
            self._events.report(Occurrence(EventKind.RECIPE_REFUSED, detail))
            return
        if pending:
            self._take_up(pending, rulebook, inspector, heartbeat, stop)

    def _newest(self) -> str:
        """The newest changeover; the directory, which grows for years, is listed only when it may
        have changed. One that changed a moment ago may have done so twice in a tick of its clock.
        """
        try:
            changed_ns = self._paths.changeovers.stat().st_mtime_ns
        except FileNotFoundError:
            return ""
        if changed_ns != self._listed_ns or abs(time.time_ns() - changed_ns) < _TICK_NS:
            self._listed_ns = changed_ns
            self._newest_listed = changeovers.newest(self._paths.changeovers)
        return self._newest_listed

    def refuse(self, pending: Changeover, fault: QcEdgeError) -> None:
        """Keep that a changeover was refused, and say why."""
        record = self._paths.changeovers / f"{pending.record_id}.toml"
        words = (
            f"{pending.recipe}, {pending.words}: refused, {pending.before} stays in force: "
            f"{fault.message}"
        )
        self._events.report(
            Occurrence(
                EventKind.RECIPE_REFUSED,
                words,
                pending.before,
                pending.recipe,
                pending.made_by,
                pending.reason,
                f"{record.parent.name}/{record.name}",
                file_digest(record) or None,
            )
        )
        self._say_refused(pending.recipe, fault)
        first = fault.message.splitlines()[0]
        self._outcomes.keep(pending, Outcome(False, utc_now(), first))

    def _take_up(
        self,
        pending: Changeover,
        rulebook: RuleBook,
        inspector: BetweenFrames,
        heartbeat: Heartbeat,
        stop: threading.Event,
    ) -> None:
        self.progress.news = f"changing over to {pending.recipe}"
        begun = time.monotonic()
        try:
            opened = open_recipe(self._paths, pending)
            if opened.recipe is not None:
                settings = rulebook.settings
                check_recipe(self._paths, settings, opened.reference, opened.recipe.content)
                self._engines.hold(opened.recipe, self.progress, heartbeat, stop)
            before, after = rulebook.rules.settings, opened.settings(rulebook.settings)
            self._cameras.await_opened(before, after, heartbeat, stop)
            self._cameras.check(before, after)
            loaded_s = time.monotonic() - begun
            by_view = self._engines.by_view(opened.reference)
            change = partial(rulebook.change_recipe, opened, by_view, self._cameras)
            exchange_engines(inspector, change, heartbeat, stop)
        except QcEdgeError as fault:
            self._engines.release_all_but(self._needed(rulebook))
            if not stop.is_set():
                self.refuse(pending, fault)
        else:
            self._outcomes.keep(pending, Outcome(True, utc_now(), ""))
            self.progress.news = ""
            took_ms = (time.monotonic() - begun) * 1e3
            LOG.info(
                "recipe %s after %.0f ms, of which its engines %.0f ms",
                pending.recipe,
                took_ms,
                loaded_s * 1e3,
            )

    def _load_resident(
        self, rulebook: RuleBook, heartbeat: Heartbeat, stop: threading.Event
    ) -> None:
        """As the memory allows: what cannot be loaded now is loaded when it is asked for."""
        resident, missing = [], []
        for name in rulebook.settings.recipe.resident:
            try:
                reference = ApprovedRecipes.of(self._paths).find(name)
                recipe = ApprovedRecipes.of(self._paths).load(reference)
                self.progress.news = f"loading the resident recipe {reference}"
                self._engines.hold(recipe, self.progress, heartbeat, stop)
                resident.append(reference)
            except (QcEdgeError, MemoryError) as fault:
                first = str(fault).splitlines()[0] if str(fault) else "not enough memory"
                missing.append(f"{name} is not resident: {first}")
                LOG.error("recipe %s", missing[-1])
        self.resident = tuple(resident)
        self.progress.news = "; ".join(missing)

    def _forget_what_came_before(self, rulebook: RuleBook) -> None:
        """Once no frame from before a changeover waits, its engines are given back."""
        if not rulebook.rules.earlier or self._waiting():
            self._emptied_at = None
            return
        self._emptied_at = self._emptied_at or time.monotonic()
        if time.monotonic() - self._emptied_at > _IN_FLIGHT_S:
            rulebook.forget_earlier()
            self._engines.release_all_but(self._needed(rulebook))

    def _needed(self, rulebook: RuleBook) -> set[str]:
        judging = [rulebook.rules, *(rules for _, rules in rulebook.rules.earlier)]
        return {*self.resident, *(rules.recipe for rules in judging if rules.recipe)}

    def _say_refused(self, what: str, fault: QcEdgeError) -> None:
        self.progress.news = f"{what} was refused: {fault.message.splitlines()[0]}"
