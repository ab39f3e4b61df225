"""The handshake of one output: what it says to the line, and what it makes of what the line says.

A state machine that is told everything, the time too: no clock, no wire, no thread. It says ACCEPT
only of a part that `tell` was given, never late, and under no other trigger than the part's own.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from qc_edge.output.handshake.closing import Closing
from qc_edge.output.handshake.ejection import Ejections
from qc_edge.output.handshake.heartbeats import LineHeartbeats
from qc_edge.output.handshake.identities import LineIdentities
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.pairing import Triggers
from qc_edge.output.handshake.reasons import NO_VERDICT
from qc_edge.output.handshake.results import Result, ResultSlot
from qc_edge.output.handshake.rules import HandshakeRules
from qc_edge.output.handshake.words import (
    LAST_SEQUENCE,
    TOLD_COUNT,
    Fault,
    FromLine,
    StateBit,
    ToLine,
    distance,
    is_newer,
)


class Handshake:
    """One output's side. Used by one thread. After each call `words` is what the line may read."""

    def __init__(
        self,
        rules: HandshakeRules,
        session: int,
        now_ns: int,
        identities: LineIdentities | None = None,
    ) -> None:
        """`session` is another number after each start, 1 .. 65535. `identities` hears each trigger
        before the line sees that it was taken.
        """
        self._identities = identities
        self._rules = rules
        self._said = ToLine(session=session, state=0)
        self._heard = FromLine()
        self._triggers = Triggers(rules.deadline_ns, rules.way_ns)
        self._slot = ResultSlot(rules)
        self._ejections = Ejections(rules.confirm, rules.confirm_ns)
        self._notes: list[Note] = []
        self._is_ready, self._faults = False, Fault.STATION
        self._needs_reset = rules.by_trigger
        self._reset_wanted, self._reset_ns, self._is_settled = 0, now_ns, False
        self._sequence = 0
        self._closing = Closing()
        self._beats = LineHeartbeats(rules.heartbeat_ns, rules.peer_ns, now_ns)

    @property
    def words(self) -> ToLine:
        """What the line may read now."""
        state = StateBit(0)
        if self._is_ready and not self._all_faults & self._rules.not_ready:
            state |= StateBit.READY if self._is_settled and not self._needs_reset else StateBit(0)
        state |= StateBit.RESET_NEEDED if self._needs_reset else StateBit(0)
        state |= StateBit.BUSY if self._triggers.open else StateBit(0)
        state |= StateBit.RESULT if self._slot.shown else StateBit(0)
        state |= StateBit.ALARM if self._ejections.alarm else StateBit(0)
        said = replace(self._said, state=state, faults=self._all_faults)
        return self._slot.words(replace(said, heartbeat=self._beats.count))

    @property
    def shown(self) -> Result | None:
        """The result that stands in `words`, with all that is known of it."""
        return self._slot.shown

    def take_notes(self) -> list[Note]:
        """What happened since the last call, in order."""
        notes, self._notes = self._notes, []
        return notes

    def report(self, *, is_ready: bool, faults: Fault, recipe: int) -> None:
        """How the station is, as far as this output cannot know by itself."""
        self._is_ready, self._faults = is_ready, faults
        self._said = replace(self._said, recipe=recipe)

    def refuse_recipe(self, number: int) -> None:
        """The recipe that the line asked for will not be in force; 0: nothing is refused."""
        self._said = replace(self._said, recipe_refused=number)

    def report_counts(self, *, differ: bool) -> None:
        """What the comparison with the line's own counts has shown."""
        self._closing.differ = differ

    def hear(self, words: FromLine, now_ns: int, *, is_new: bool = False) -> None:
        """What the line wrote at `now_ns`, as it stands from then on; `step` is to follow, by the
        time that it is by then. Only what changes means something, so that a line may write
        everything again and again.

        `is_new`: by a connection that wrote no trigger and no reset before. Its program may number
        as the one before did: it has to reset first, with whatever number.
        """
        before, self._heard = self._heard, words
        if is_new and self._rules.by_trigger:
            self._take_back(now_ns, "another connection writes")
            self._needs_reset = True
        if words.heartbeat != before.heartbeat:
            self._notes += self._beats.heard(now_ns)
        if words.reset and (is_new or words.reset != before.reset):
            self._begin_reset(words.reset, now_ns)
        if words.acknowledge not in (0, before.acknowledge):
            self._notes += self._slot.acknowledge(words.acknowledge, now_ns)
        if words.ejected not in (0, before.ejected):
            self._notes += self._ejections.ejected(words.ejected, now_ns)
        if words.passed not in (0, before.passed):
            self._notes += self._ejections.passed(words.passed, now_ns)
        if words.recipe not in (0, before.recipe):
            self.refuse_recipe(0)
            self._note(NoteKind.RECIPE_WANTED, now_ns, "by the line", words.recipe)
        if words.trigger not in (0, before.trigger) and self._rules.by_trigger:
            self._hear_trigger(words, now_ns)
        if not (self._needs_reset or self._reset_wanted):
            self._closing.hear(words, before, now_ns)

    def tell(self, part: JudgedPart, now_ns: int) -> None:
        """A part whose rows are durable."""
        results: list[Result] = []
        if self._rules.by_trigger:
            results, notes = self._triggers.answer(part, now_ns)
            self._notes += notes
        elif part.may_be_of_before(self._settled_ns):
            why = "it was exposed before the start or the reset"
            self._notes.append(Note(NoteKind.UNTOLD, now_ns, 0, why, part))
        else:
            self._sequence = self._sequence % LAST_SEQUENCE + 1
            since_ns = part.exposed_ns or now_ns
            results = [Result(self._sequence, part.disposition, part.reason, "", since_ns, part)]
            self._count("triggers")
        for result in results:
            self._notes += self._slot.add(result, now_ns)
        self.step(now_ns)

    def step(self, now_ns: int) -> None:
        """Whatever is due by `now_ns`."""
        for trigger in self._triggers.open:
            if now_ns - trigger.at_ns >= self._rules.deadline_ns:
                detail = f"no verdict within {self._rules.deadline_ns / 1e6:g} ms of the trigger"
                self._notes += self._slot.add(trigger.answer(None, NO_VERDICT, detail), now_ns)
                self._count("lost")
        self._triggers.forget(now_ns)
        # Not ready before: a part that the line shows now would be taken for one of before.
        self._is_settled = now_ns >= self._settled_ns
        self._end_reset(now_ns)
        notes, shown = self._slot.step(now_ns)
        self._notes += notes
        for result in shown:
            self._ejections.told(result, now_ns)
            self._count(TOLD_COUNT[result.disposition])
        self._notes += self._ejections.step(now_ns)
        self._notes += self._beats.step(now_ns)
        self._notes += self._closing.step(is_idle=not self._triggers.open and self._slot.is_empty)

    def due_ns(self, now_ns: int) -> int:
        """When `step` is to be called at the latest."""
        return min(self._dues(now_ns))

    def stop(self, now_ns: int, why: str) -> None:
        """Say nothing any more: no result stands, nothing is ready."""
        self._is_ready = False
        self._take_back(now_ns, why)
        self._notes += self._ejections.clear(now_ns, why)
        self._triggers.clear()
        self._closing.clear()

    @property
    def _all_faults(self) -> Fault:
        faults = self._faults
        faults |= Fault.LATE if self._slot.last_was_late else Fault(0)
        faults |= Fault.PEER if self._beats.is_peer_lost else Fault(0)
        faults |= Fault.EJECTION if self._ejections.alarm else Fault(0)
        faults |= Fault.COUNT if self._closing.differ else Fault(0)
        return faults | (Fault.PAIRING if self._triggers.has_lost else Fault(0))

    @property
    def _settled_ns(self) -> int:
        """What is exposed later than this is clearly of after the start or the last reset."""
        return self._reset_ns + self._triggers.settles_ns

    def _dues(self, now_ns: int) -> Iterator[int]:
        yield self._beats.due_ns()
        if self._reset_wanted or not self._is_settled:
            yield max(now_ns, self._reset_ns) + self._triggers.settles_ns
        for due_ns in (self._slot.due_ns(now_ns), self._ejections.due_ns()):
            if due_ns is not None:
                yield due_ns
        yield from (each.at_ns + self._rules.deadline_ns for each in self._triggers.open)

    def _hear_trigger(self, words: FromLine, now_ns: int) -> None:
        taken, sequence = self._said.trigger_taken, words.trigger
        if self._needs_reset or self._reset_wanted:
            why = "the line has to reset first"
        elif taken and not is_newer(sequence, taken):
            why = f"it does not come after {taken}"
        else:
            if taken and (missed := distance(sequence, taken) - 1):
                detail = f"{missed} between {taken} and {sequence} were never heard"
                self._note(NoteKind.TRIGGERS_MISSED, now_ns, detail, sequence)
            self._triggers.hear(words, now_ns)
            if self._identities:
                self._identities.begin(words, now_ns)
            self._said = replace(self._said, trigger_taken=sequence)
            self._count("triggers")
            return
        self._note(NoteKind.TRIGGER_REFUSED, now_ns, f"trigger {sequence}: {why}", sequence)

    def _begin_reset(self, wanted: int, now_ns: int) -> None:
        """Nothing stands any more; the echo follows when no frame of before can come."""
        self._take_back(now_ns, "the line has reset")
        self._notes += self._ejections.clear(now_ns, "the line has reset")
        self._reset_wanted, self._reset_ns, self._is_settled = wanted, now_ns, False
        if wanted == self._said.reset_done:
            self._said = replace(self._said, reset_done=0)

    def _take_back(self, now_ns: int, why: str) -> None:
        """No result stands or comes of any trigger until now."""
        self._notes += self._slot.clear(now_ns, why)
        for trigger in self._triggers.open:
            result = trigger.answer(None, NO_VERDICT, why)
            self._notes.append(result.note(NoteKind.UNTOLD, now_ns, None))
            self._count("lost")
        self._said = replace(self._said, trigger_taken=0)
        if self._identities:
            self._identities.end(now_ns)

    def _end_reset(self, now_ns: int) -> None:
        is_clear = self._triggers.is_exact or not self._triggers.has_unknown
        if not (self._reset_wanted and is_clear and self._is_settled):
            return
        self._triggers.clear()
        self._said = replace(self._said, reset_done=self._reset_wanted)
        self._reset_wanted, self._needs_reset = 0, False
        self._note(NoteKind.RESET, now_ns, "the line has reset")

    def _count(self, name: str) -> None:
        self._said = replace(self._said, **{name: getattr(self._said, name) + 1})

    def _note(self, kind: NoteKind, now_ns: int, detail: str, sequence: int = 0) -> None:
        self._notes.append(Note(kind, now_ns, sequence, detail))
