"""The challenges of a running station: takes up what people ask, puts on record what was shown, and
says whether one is due. The station's upkeep looks once a second.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from qc_edge.challenge import rows
from qc_edge.challenge.gate import ChallengeGate, GateState, ShownPart
from qc_edge.challenge.interrupted import failed_all_the_same
from qc_edge.challenge.pictures import stored_picture
from qc_edge.challenge.register import Register
from qc_edge.challenge.run import ChallengeRun
from qc_edge.challenge.schedule import JudgedBy, LastChallenge, next_by_time, why_due
from qc_edge.challenge.state import ChallengeState, parts_of, trouble_of
from qc_edge.domain.challenges.rows import ChallengeOutcome, ShownOutcome
from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.inspection import Row
from qc_edge.errors import StoreError
from qc_edge.recipe.rules import Rules
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.log import challenge_lookups as lookups
from qc_edge.store.log.ledger import Ledger

_STATION = "station"


@dataclass(frozen=True, slots=True)
class ChallengeStores:
    """What challenges are kept in, and what judges: `rules` are those in force, with the station's
    settings.
    """

    paths: StationPaths
    ledger: Ledger
    events: EventLog
    clock: FrameClock
    rules: Callable[[], Rules]


class Challenges:
    """`look` is of one thread; `state` may be read by any."""

    def __init__(self, stores: ChallengeStores, gate: ChallengeGate) -> None:
        """Read the register and the last challenges. Raises StoreError."""
        self.stores = stores
        self.gate = gate
        self.run: ChallengeRun | None = None
        self.register = Register()
        self.state = ChallengeState("", False, "", "", (), "", None)
        self._last: dict[str, LastChallenge] = {}
        self._passed: dict[str, LastChallenge] = {}
        self._said_due = ""
        self._last_error = ""
        for row in stores.ledger.ask(lookups.missed_without_end):
            self.write(failed_all_the_same(stores.paths.name, row))
        self.read()
        self._decide(utc_now())

    def look(self) -> None:
        """Put on record what was shown, and see whether one is due; never raises StoreError."""
        try:
            now = utc_now()
            for shown in self.gate.take_shown():
                self._take(shown, now)
            self._end_if_complete()
            self._decide(now)
            self._last_error = ""
        except StoreError as fault:
            # A full disk: what holds goes on holding.
            if str(fault) != self._last_error:
                LOG.error("challenges wait: %s", fault)
            self._last_error = str(fault)

    @property
    def judged_by(self) -> JudgedBy:
        """What judges now."""
        return JudgedBy.of(self.stores.rules())

    def read(self) -> None:
        """The register and the last challenges, as the log has them. Raises StoreError."""
        ask = self.stores.ledger.ask
        self.register = Register.of_rows(ask(lookups.newest_entries), ask(lookups.times_shown))
        newest, passed = ask(lookups.newest_challenges), ask(lookups.last_passed)
        self._last = {row["recipe"]: LastChallenge.of_row(row) for row in newest}
        self._passed = {row["recipe"]: LastChallenge.of_row(row) for row in passed}

    def write(self, row: Row) -> None:
        """One row, durable on return. Raises StoreError."""
        self.stores.ledger.append([row], utc_now())
        try:
            self.stores.ledger.apply()
        except StoreError as fault:
            LOG.error("%s", fault)  # it stands in the journal, which is what durable means

    def begin(self, who: str, due: str, order: tuple[str, ...] = ()) -> None:
        """Begin a challenge; one that runs ends. Raises StoreError."""
        if self.run is not None:
            self.end(self._unfinished(self.run))
        stamp = self.stores.clock.stamp("challenge")
        began = utc_now()
        self.run = ChallengeRun(stamp.frame_id, began, self.judged_by, due, who, order)

    def end(
        self,
        outcome: ChallengeOutcome,
        who: str = "",
        role: str | None = None,
        why: str | None = None,
    ) -> None:
        """The challenge that runs has ended so, or none is to be passed. Raises StoreError."""
        run = self.run
        if run is None:
            self.begin(who or _STATION, self.state.due)
            run = self.run
        assert run is not None  # noqa: S101
        if outcome is ChallengeOutcome.GIVEN_UP and not run.counted and run.who == _STATION:
            self.run = None  # nobody had begun it, and nothing was shown
            return
        row = rows.ended(
            self.stores.paths.name, run, self.register, outcome, (who or run.who, role, why)
        )
        self.write(row)
        self.run = None
        kind = {
            ChallengeOutcome.PASSED: EventKind.CHALLENGE_PASSED,
            ChallengeOutcome.OVERRIDDEN: EventKind.CHALLENGE_OVERRIDDEN,
        }.get(outcome, EventKind.CHALLENGE_FAILED)
        self.tell(kind, f"{row.detail}; {row.due}" if row.due else row.detail, row.who, why)
        self.read()

    def tell(
        self, kind: EventKind, detail: str, who: str = _STATION, why: str | None = None
    ) -> None:
        """An event."""
        self.stores.events.report(Occurrence(kind, detail, who=who, why=why))

    def _take(self, shown: ShownPart, now: datetime) -> None:
        by = self.judged_by
        run = self.run or ChallengeRun(rows.NO_CHALLENGE, now, by, "", _STATION)
        part = run.part_of(self.register, shown.told.part_id)
        if part is None:
            return  # its entry has been retired meanwhile
        doubt = shown.doubt
        if self.run is None:
            doubt = doubt or "no challenge runs"
        elif shown.judged_by != run.judged_by:
            doubt = doubt or "something else judged it than what judges now"
        doubt = doubt or stored_picture(
            self.stores.ledger, shown.told, self.stores.rules().settings
        )
        result = run.judge(part, shown.told, doubt, now)
        stamp = self.stores.clock.stamp("challenge")
        self.write(rows.result(self.stores.paths.name, run, result, stamp.frame_id))
        self.register = self.register.used(part.serial)
        if result.outcome is not ShownOutcome.CAUGHT:
            kind = EventKind.CHALLENGE_MISSED
            if result.outcome is not ShownOutcome.MISSED:
                kind = EventKind.CHALLENGE_NOT_COUNTED
            detail = f"{result.detail}; {shown.told.frame_id}"
            if not detail.startswith(part.serial):
                detail = f"{part.serial}: {detail}"
            self.tell(kind, detail)

    def _end_if_complete(self) -> None:
        run = self.run
        if run is None or run.missing(self.register):
            return
        if not self.register.set_of(run.judged_by.recipe):
            return  # nothing is registered: nothing is proven
        self.end(ChallengeOutcome.FAILED if run.missed else ChallengeOutcome.PASSED)

    def _decide(self, now: datetime) -> None:
        """Whether one is due, and what the inspector goes by from now on."""
        rules = self.stores.rules()
        by, settings = JudgedBy.of(rules), rules.settings
        if self.run is not None and self.run.judged_by != by:
            self._begin_again(by)
        last = self._last.get(by.recipe)
        calendar = settings.station.calendar
        due = why_due(settings.challenge, calendar, last, by, now)
        has_failed = last is not None and last.outcome == ChallengeOutcome.FAILED
        if self.run is None and due and not has_failed:
            self.begin(_STATION, due)
        elif self.run is not None and self.run.who == _STATION and not due:
            # The schedule has been changed: what was missed until then stays missed.
            self.end(self._unfinished(self.run))
        self._set_gate(settings, rules, by, due, now)
        if due and due != self._said_due:
            self.tell(EventKind.CHALLENGE_DUE, due)
        self._said_due = due
        self.state = self._state(by, due, now)

    def _unfinished(self, run: ChallengeRun) -> ChallengeOutcome:
        return ChallengeOutcome.FAILED if run.missed else ChallengeOutcome.GIVEN_UP

    def _begin_again(self, by: JudgedBy) -> None:
        """Something else judges now: what has been shown so far proves nothing of that."""
        assert self.run is not None  # noqa: S101
        who, due, order = self.run.who, self.run.due, self.run.order
        same_recipe = by.recipe == self.run.judged_by.recipe
        self.end(self._unfinished(self.run))
        if who != _STATION and same_recipe:
            self.begin(who, due, order)

    def _set_gate(
        self, settings: Settings, rules: Rules, by: JudgedBy, due: str, now: datetime
    ) -> None:
        holds = bool(due) or self.run is not None
        last, proven, due_at = self._last.get(by.recipe), None, None
        if settings.challenge.is_on:
            before = self.gate.state.proven or frozenset()
            earlier = {JudgedBy.of(each) for _, each in rules.earlier} & before
            proven = frozenset(earlier if due else {*earlier, by})
            calendar = settings.station.calendar
            due_at = next_by_time(settings.challenge, calendar, last, now) if last else None
        by_position = self.run is not None and bool(self.run.order)
        self.gate.state = GateState(self.register.part_ids, by_position, holds, due_at, proven)

    def _state(self, by: JudgedBy, due: str, now: datetime) -> ChallengeState:
        entries = self.register.set_of(by.recipe)
        parts = parts_of(entries, self.run, now)
        last, passed = self._last.get(by.recipe), self._passed.get(by.recipe)
        words = f"{last.outcome}, {last.ended_at:%Y-%m-%d %H:%M} UTC" if last else ""
        return ChallengeState(
            due=due,
            running=self.run is not None,
            trouble=trouble_of(due, self.run, parts, self.stores.paths.name),
            recipe=by.recipe,
            parts=parts,
            last=words,
            last_passed=passed.ended_at.isoformat(timespec="seconds") if passed else None,
        )
