"""Reading the settings again while the station runs: what is taken over, and what is refused.

Used by the supervisor alone, on the main thread.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import QcEdgeError, StoreError
from qc_edge.recipe.in_force import waiting_for_log
from qc_edge.recipe.proposing import ProposalTaker
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.service.logs import LOG
from qc_edge.service.reload import TAKEN_OVER
from qc_edge.settings import Settings, StationPaths, load_settings
from qc_edge.settings.change import SettingChange, apply_live, split_changes
from qc_edge.station.notices import NoticeFollower
from qc_edge.store.log.event_log import StationEventLog

REFUSED_WORDS = "settings on disk are refused; a restart would stop it"


class Supervised(Protocol):
    """What the supervisor needs of a station."""

    paths: StationPaths
    settings: Settings
    events: StationEventLog
    notices: NoticeFollower | None

    @property
    def rulebook(self) -> RuleBook | None:
        """The rules in force; None before there are any."""

    def apply(self, settings: Settings, changes: Sequence[SettingChange]) -> None:
        """Run on these settings from the next frame on, once their events are durable."""


@dataclass(frozen=True, slots=True)
class ReloadAnswer:
    """The answer to the reload with this number, counted from the start of the process.

    `outcome` is "taken over", "refused" or "waiting" (for the log to take its events); `detail`
    says what is wrong, or which changes wait for a restart.
    """

    number: int
    outcome: str
    detail: str


class Reload:
    """Takes up the settings of one station when it is asked to, and the records whose time has
    come. `answer` is that to the newest reload, None before there was one.
    """

    def __init__(self, station: Supervised) -> None:
        self._station = station
        self._proposals: ProposalTaker | None = None
        self._asked = 0
        self._must_read = False
        """A reload asked for it, and the log has not taken the change yet."""
        self.answer: ReloadAnswer | None = None

    @property
    def refused(self) -> str:
        """That what is on the disk would stop a start, in words; empty if it is not known to."""
        is_refused = self.answer is not None and self.answer.outcome == "refused"
        return REFUSED_WORDS if is_refused else ""

    def ask(self) -> None:
        """The settings are to be read at the next `take_up_changes`."""
        self._asked += 1
        self._must_read = True

    def take_up_changes(self) -> str:
        """Put in force what has changed; what waits for the log, in words, empty if nothing does.

        What the log does not take is not in force: it is tried again at the next call.
        """
        try:
            # Records first: a reload that the log refuses must not hold up a threshold whose
            # time has come.
            if self._station.rulebook:
                self._station.rulebook.follow()
            if self._station.notices:
                self._station.notices.take_up()
                self._proposals = self._proposals or ProposalTaker(
                    self._station.paths, self._station.events
                )
                self._proposals.take_up()
            if self._must_read:
                outcome, detail = self._read_settings()
                self.answer = ReloadAnswer(self._asked, outcome, detail)
                self._must_read = False
        except StoreError as fault:
            trouble = waiting_for_log(fault)
            if self._must_read:
                self.answer = ReloadAnswer(self._asked, "waiting", trouble)
            return trouble
        return ""

    def _read_settings(self) -> tuple[str, str]:
        """Take over what can change live, keep the rest; a bad file changes nothing.

        The outcome and its detail. Raises StoreError if the log does not take the events; then the
        old settings stay.
        """
        station = self._station
        try:
            read = load_settings(station.paths.settings)
            applied, waiting = split_changes(station.settings, read)
            station.apply(apply_live(station.settings, read), applied)
        except StoreError:
            raise
        except QcEdgeError as fault:
            detail = f"the old settings stay in force: {fault}"
            station.events.report(Occurrence(EventKind.SETTINGS_REFUSED, detail))
            return "refused", str(fault)
        for change in waiting:
            LOG.warning("reload: needs a restart: %s", change)
        if not applied and not waiting:
            LOG.info("reload: the settings are as before")
        return TAKEN_OVER, "; ".join(f"needs a restart: {change}" for change in waiting)
