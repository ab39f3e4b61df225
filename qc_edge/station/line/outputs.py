"""All outputs of a station: the journal, what a test brings, and those of the settings, each of
which has a thread and puts what it tells its line on record.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import timedelta
from functools import partial

from qc_edge.domain.events import EventLog
from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.line_identity import LineIdentitySource
from qc_edge.output import Output
from qc_edge.output.handshake.judged import Note, NoteKind
from qc_edge.output.journald import JournaldOutput
from qc_edge.output.line_output import LineOutput, OutputStatus
from qc_edge.output.links import LineLink, make_link
from qc_edge.output.links.digital.camera import HasLines, run_with_camera
from qc_edge.output.links.digital.camera import make_link as camera_link
from qc_edge.output.offered_recipes import ListsRecipes, OfferedRecipes
from qc_edge.output.recipe_requests import RecipeRequest, RecipeRequests
from qc_edge.output.told_log import ToldLog
from qc_edge.output.webhook.backlog import Backlog
from qc_edge.output.webhook.output import WebhookOutput
from qc_edge.recipe.rules import Rules
from qc_edge.settings import LineSettings, OutputSettings, Settings
from qc_edge.settings.outside.outputs.camera_lines import CameraLineSettings
from qc_edge.settings.outside.outputs.webhook import WebhookSettings
from qc_edge.station.dependencies import StationParts
from qc_edge.station.line.health import health_of
from qc_edge.station.status import Status
from qc_edge.store.disk_space import DiskSpace
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.part_lookups import last_parts_perhaps_untold
from qc_edge.store.log.part_messages import parts_of


class StationOutputs:
    """Used by the main thread and, `look`, by that of the upkeep."""

    def __init__(self, settings: Settings, given: Sequence[Output]) -> None:
        """Those that need no thread: the journal and the `given` ones."""
        self._journal = JournaldOutput(settings.log.verdicts_per_s)
        self._given = given
        self._lines: list[LineOutput] = []
        self._webhooks: list[WebhookOutput] = []
        self._told: ToldLog | None = None
        self._recipes: RecipeRequests | None = None
        self._recipe, self._reference = 0, ""
        self._parts: StationParts | None = None

    @property
    def all(self) -> list[Output]:
        """Every output, to be told of parts: the lines first, for the journal may hold up a part
        while journald is slow.
        """
        return [*self._lines, *self._webhooks, self._journal, *self._given]

    @property
    def statuses(self) -> tuple[OutputStatus, ...]:
        """How those of the settings are."""
        lines = [each.status for each in self._lines]
        return (*lines, *(each.status for each in self._webhooks))

    @property
    def identities(self) -> LineIdentitySource | None:
        """The part ids that a line gives with its triggers, None where the settings take none."""
        return next((line.identities for line in self._lines if line.identities), None)

    def open(
        self,
        parts: StationParts,
        ledger: Ledger,
        events: EventLog,
        recovered: Collection[FrameId] = (),
    ) -> None:
        """Make those of the settings and start their threads; `recovered` are the frames of before
        this start that are still in the spool. Raises OutputError where a library is missing,
        StoreError where the log does not read; an address that cannot be had is tried again and
        again.
        """
        settings = parts.settings
        self._parts = parts
        self._recipes = RecipeRequests(parts.paths, events)
        self._told = ToldLog(settings.station.name, ledger, events, parts.clock)
        self._told.counting.tell = self._report_counts

        def cameras() -> list[HasLines]:
            return list(parts.reporter.captures)  # they come after the outputs

        for given in settings.output:
            if isinstance(given, WebhookSettings):
                self._open_webhook(given, parts, ledger, recovered)
                continue
            assert isinstance(given, LineSettings)  # noqa: S101
            if given.confirm:
                confirm = [each.upper() for each in given.confirm]
                self._told.give_up(given.name, confirm, given.confirm_s)
            keep = partial(self._keep, given)
            link: LineLink = (
                camera_link(given, cameras)
                if isinstance(given, CameraLineSettings)
                else make_link(given)
            )
            if isinstance(link, ListsRecipes):
                link.offer(OfferedRecipes(parts.paths, lambda: (self._reference, self._recipe)))
            line = LineOutput(given, settings.station.deadline_ms, link, parts.boot, keep)
            self._lines.append(line)
            self._told.counting.restore(given.name)
            run = line.run
            if isinstance(given, CameraLineSettings):
                run = partial(run_with_camera, given.camera, cameras, line.run)
            parts.workers.start(f"output-{given.name}", parts.dependencies.patience_s, run)
        parts.reporter.outputs = self

    def _open_webhook(
        self,
        given: WebhookSettings,
        parts: StationParts,
        ledger: Ledger,
        recovered: Collection[FrameId],
    ) -> None:
        file = parts.paths.state / f"webhook-{given.name}.json"
        station = parts.settings.station.name
        # A frame leaves the spool once its part was announced: of what is there nobody knows.
        untold = ledger.ask(partial(parts_of, frames=recovered)) if recovered else set[FrameId]()
        untold |= {attempt for attempt, _ in ledger.ask(last_parts_perhaps_untold)}
        backlog = Backlog(file, station, ledger, timedelta(hours=given.give_up_h), untold)
        webhook = WebhookOutput(given, station, backlog, partial(self._keep, given))
        self._webhooks.append(webhook)
        name = f"output-{given.name}"
        parts.workers.start(name, parts.dependencies.patience_s, webhook.run)

    def apply(self, settings: Settings) -> None:
        """What of new settings goes at once."""
        self._journal.rate.per_s = settings.log.verdicts_per_s

    def report(self, status: Status, rules: Rules | None) -> None:
        """Tell every line how the station is."""
        if self._parts is None or not self._lines:
            return
        in_force = rules.recipe_in_force if rules else None
        recipe = in_force.content if in_force else None
        self._recipe = recipe.number if recipe else 0
        self._reference = in_force.reference if in_force else ""
        health = health_of(
            status,
            self._recipe,
            disk_is_full=self._parts.disk_monitor.space is DiskSpace.NONE,
            clock_is_trusted=self._parts.clock.moment().trusted,
        )
        for line in self._lines:
            line.report(health)

    def look(self) -> None:
        """Put on record what was told, and take up what lines ask for; never raises."""
        if self._told:
            self._told.look()
        if self._recipes:
            self._recipes.look(self._recipe)

    def _keep(self, output: OutputSettings, note: Note) -> None:
        """What an output notes, on its own thread."""
        assert self._told is not None  # noqa: S101
        assert self._recipes is not None  # noqa: S101
        if note.kind is not NoteKind.RECIPE_WANTED:
            self._told.keep(output.name, note)
            return
        line = next(each for each in self._lines if each.settings is output)
        wants = line.settings.recipes
        request = RecipeRequest(output.name, note.sequence, wants, line.refuse_recipe)
        self._recipes.ask(request)

    def _report_counts(self, output: str, differ: bool) -> None:
        for line in self._lines:
            if line.settings.name == output:
                line.report_counts(differ=differ)

    def close(self) -> None:
        """No more parts come; what was told last is put on record."""
        for output in self.all:
            output.close()
        if self._told:
            self._told.finish()
