"""A line with its controller, camera and bins, and a station's handshake at the other end of a wire
that fails: all of it in time that the test keeps.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field, replace

from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.output.handshake.judged import Note
from qc_edge.output.handshake.machine import Handshake
from qc_edge.output.handshake.rules import HandshakeRules
from qc_edge.output.handshake.words import Fault, FromLine, StateBit, ToLine, accepts
from tests.output.lines import MS, judged

WAY_MS = 20
RULES = HandshakeRules(
    by_trigger=True,
    deadline_ns=300 * MS,
    stands_ns=200 * MS,
    heartbeat_ns=50 * MS,
    peer_ns=400 * MS,
    way_ns=WAY_MS * MS,
    confirm=frozenset({Disposition.REJECT}),
    confirm_ns=1000 * MS,
    not_ready=Fault.PEER,
)
PATIENCE_MS = 450
"""Of the controller: longer than the deadline."""
TICK_MS = 2
_SPREAD_MS = 150
"""Reads in pieces are of moments so far apart."""


@dataclass
class Piece:
    """A part of the world: what it truly is, whose trigger it had, and where it lies in the end."""

    number: int
    truth: Disposition
    sequence: int = 0
    bin: str = ""


@dataclass
class Wire:
    """What is between the two: writes arrive late or never, reads are old or in pieces.

    `pieces`: the controller's program reads the words at several moments, as over Modbus, or while
    the station writes them into its memory, as of an S7.
    """

    chance: random.Random
    pieces: bool
    is_cut: bool = False
    delay_ms: int = 0
    under_way: list[tuple[int, FromLine, bool]] = field(default_factory=list)
    shown: list[tuple[int, ToLine]] = field(default_factory=list)

    def write(self, now_ms: int, words: FromLine, *, is_new: bool) -> None:
        """The controller's."""
        if not self.is_cut:
            last_ms = self.under_way[-1][0] if self.under_way else 0
            delay_ms = self.chance.randint(0, self.delay_ms)
            self.under_way.append((max(last_ms, now_ms + delay_ms), words, is_new))

    def arrived(self, now_ms: int) -> list[tuple[FromLine, bool]]:
        """What the station hears now."""
        here = [(words, new) for at, words, new in self.under_way if at <= now_ms]
        self.under_way = [each for each in self.under_way if each[0] > now_ms]
        return here

    def forget(self, taken: int) -> None:
        """The rule goes for what was read after the trigger was seen to be taken."""
        while len(self.shown) > 1 and self.shown[0][1].trigger_taken != taken:
            self.shown.pop(0)

    def read(self, now_ms: int, before: ToLine) -> ToLine:
        """What the controller's program has now: of a moment, or of four."""
        if self.is_cut or not self.shown:
            return before
        oldest = now_ms - max(self.delay_ms, _SPREAD_MS if self.pieces else 0)
        while len(self.shown) > 1 and self.shown[1][0] <= oldest:
            self.shown.pop(0)
        if not self.pieces or self.chance.random() < 0.7:
            return self.shown[-1 if self.delay_ms == 0 else 0][1]
        pick = [self.chance.choice(self.shown)[1] for _ in range(4)]
        words = replace(pick[0], verdict=pick[1].verdict, complement=pick[2].complement)
        return replace(words, commit=pick[3].commit)


class Controller:
    """The program of docs/plc.md, one scan at a time."""

    def __init__(self, plant: Plant, first: int) -> None:
        self.plant, self.sequence = plant, first - 1
        self.read = ToLine()
        self.said = FromLine(heartbeat=1)
        self.session = -1
        self.step, self.since_ms = "begin", plant.now_ms
        self.is_new = True
        self.piece: Piece | None = None

    def scan(self) -> None:
        """Read, think, write."""
        plant = self.plant
        self.read = plant.wire.read(plant.now_ms, self.read)
        before = self.said
        self.said = replace(self.said, heartbeat=(self.said.heartbeat + 1) & 0xFFFF)
        words, is_lost = self.read, False
        if words.session != self.session or words.state & StateBit.RESET_NEEDED:
            is_lost = self.step != "begin" or words.session != self.session
        if is_lost:
            self._end(accepted=False)
            self.session, self.step = words.session, "begin"
            reset = words.reset_done % 0xFFFF + 1
            self.said = replace(self.said, reset=reset, trigger=0, acknowledge=0, ejected=0)
        elif self.step == "begin":
            if words.reset_done == self.said.reset and words.state & StateBit.READY:
                self.step = "ready"
            elif words.state & StateBit.RESET_NEEDED and words.reset_done == self.said.reset:
                self.said = replace(self.said, reset=words.reset_done % 0xFFFF + 1)
        elif self.step == "ready":
            self._begin_part(words)
        elif self.step == "taken" and words.trigger_taken == self.sequence:
            assert self.piece
            plant.wire.forget(self.sequence)
            plant.fire(self.piece)
            self.step = "result"
        elif self.step == "result" and words.sequence == words.commit == self.sequence:
            self._end(accepted=accepts(words, self.sequence))
            self.said = replace(self.said, acknowledge=self.sequence)
        if self.step in ("taken", "result") and plant.now_ms - self.since_ms > PATIENCE_MS:
            self._end(accepted=False)
        if self.said != before:
            begins = (self.said.reset, self.said.trigger) != (before.reset, before.trigger)
            sent = self.said
            if begins and self.is_new:
                left = FromLine()
                sent = replace(
                    sent,
                    reset=sent.reset if sent.reset != left.reset else 0,
                    trigger=sent.trigger if sent.trigger != before.trigger else 0,
                )
            plant.wire.write(plant.now_ms, sent, is_new=begins and self.is_new)
            if begins and not plant.wire.is_cut:
                self.is_new = False

    def _begin_part(self, words: ToLine) -> None:
        plant = self.plant
        if not words.state & StateBit.READY or plant.chance.random() < 0.7:
            return
        self.sequence = self.sequence % 0xFFFF + 1
        if plant.skips:
            plant.skips -= 1
            self.sequence = self.sequence % 0xFFFF + 1
        self.piece = plant.next_piece(self.sequence)
        self.said = replace(self.said, trigger=self.sequence, part_id=f"P{self.piece.number}")
        self.step, self.since_ms = "taken", plant.now_ms

    def _end(self, *, accepted: bool) -> None:
        if self.piece is None:
            return
        self.plant.bin(self.piece, accepted=accepted)
        if not accepted:
            self.said = replace(self.said, ejected=self.sequence)
        self.piece, self.step = None, "ready"


class Plant:
    """Everything, with random faults; `run` plays so many of them and holds the rules."""

    def __init__(self, seed: int, *, pieces: bool, is_exact: bool = True) -> None:
        """`is_exact`: the camera has a clock; else its time is that of the arrival."""
        self.chance = random.Random(seed)
        self.rules = RULES if is_exact else replace(RULES, way_ns=None)
        self.now_ms = 1_000_000
        self.wire = Wire(self.chance, pieces)
        self.pieces: list[Piece] = []
        self.rows: dict[int, Disposition] = {}
        """What stands in the log, of each part."""
        self.spool: list[tuple[int, Piece, int]] = []
        """(when its row will be ready, part, when it seems to be exposed in ns)"""
        self.notes: list[Note] = []
        self.taken: Counter[tuple[int, int]] = Counter()
        self.faults: Counter[str] = Counter()
        self.until: dict[str, int] = {}
        self.skips = 0
        self.session = 0
        self.machine: Handshake | None = self._start_station()
        self.controller = Controller(self, self.chance.choice((1, 65_530)))

    @property
    def now_ns(self) -> int:
        """Of CLOCK_MONOTONIC."""
        return self.now_ms * MS

    def next_piece(self, sequence: int) -> Piece:
        """The next part on the belt."""
        truth = self.chance.choice([*Disposition, Disposition.ACCEPT])
        self.pieces.append(Piece(len(self.pieces), truth, sequence))
        return self.pieces[-1]

    def fire(self, piece: Piece) -> None:
        """The camera exposes; its frame may be lost, twice there, slow or much too slow."""
        seems_ns = (self.now_ms + 1 + self.chance.randint(0, WAY_MS)) * MS
        kind = self.chance.random()
        if kind < 0.04:
            return
        takes_ms = self.chance.choice((30, 40, 60, 90, 500) if kind < 0.3 else (30, 40))
        at_ms = max(self.now_ms + takes_ms, seems_ns // MS + 1)
        self.spool.append((at_ms, piece, seems_ns))

    def bin(self, piece: Piece, *, accepted: bool) -> None:
        """Where it falls. The rule of all rules stands here."""
        assert not piece.bin, f"{piece} falls twice"
        piece.bin = "accepted" if accepted else "held back"
        if accepted:
            assert self.rows.get(piece.number) is Disposition.ACCEPT, f"{piece} has no such row"
            assert piece.truth is Disposition.ACCEPT, f"{piece} was taken for another"

    def run(self, faults: int) -> None:
        """So many faults, and a quiet end in which everything comes to its place."""
        while sum(self.faults.values()) < faults:
            if self.chance.random() < 0.012:
                self._fail()
            self._tick()
        for _ in range(1500):
            self._tick()
        self._check()

    def _tick(self) -> None:
        self.now_ms += TICK_MS
        self.wire.is_cut = self._is("cable pulled")
        if not self._is("slow network"):
            self.wire.delay_ms = 0
        if not self._is("station down"):
            if self.machine is None:
                self.machine = self._start_station()
            self._station(self.machine)
        if not self._is("controller frozen"):
            self.controller.scan()

    def _station(self, machine: Handshake) -> None:
        for words, is_new in self.wire.arrived(self.now_ms):
            machine.hear(words, self.now_ns, is_new=is_new)
        machine.step(self.now_ns)
        is_ready = not self._is("recipe changes")
        faults = Fault.DISK if self._is("disk full") else Fault(0)
        machine.report(is_ready=is_ready, faults=faults, recipe=0)
        if not self._is("disk full"):
            due = [each for each in self.spool if each[0] <= self.now_ms]
            self.spool = [each for each in self.spool if each[0] > self.now_ms]
            self.chance.shuffle(due)
            for _, piece, seems_ns in due:
                self._judge(machine, piece, seems_ns)
        self._note(machine)
        shown = self.wire.shown
        if not shown or shown[-1][1] != machine.words:
            shown.append((self.now_ms, machine.words))

    def _judge(self, machine: Handshake, piece: Piece, seems_ns: int) -> None:
        """The row first; then the line."""
        is_gone = seems_ns < self.started_ns
        is_again = piece.number in self.rows
        told = Disposition.HOLD if is_gone or is_again else piece.truth
        self.rows.setdefault(piece.number, told)
        is_exact = self.rules.way_ns is not None
        part = judged(piece.number, told, seems_ns, is_backlog=is_gone, is_exact=is_exact)
        if is_again:  # the same picture, bit by bit
            part = replace(part, reason=str(HoldReason.REPEATED_FRAME))
        machine.tell(part, self.now_ns)

    def _note(self, machine: Handshake) -> None:
        for note in machine.take_notes():
            self.notes.append(note)
            if note.closes:
                self.taken[self.session, note.sequence] += 1

    def _start_station(self) -> Handshake:
        self.session += 1
        self.started_ns = self.now_ns
        return Handshake(self.rules, self.session, self.now_ns)

    def _is(self, what: str) -> bool:
        return self.until.get(what, 0) > self.now_ms

    def _fail(self) -> None:
        kinds = (
            *("cable pulled", "slow network", "controller frozen", "controller restarted"),
            *("station restarted", "two masters", "trigger twice", "trigger missed"),
            *("recipe changes", "disk full", "frame twice", "clock stepped"),
        )
        kind = self.chance.choice(kinds)
        self.faults[kind] += 1
        lasts_ms = self.chance.choice((20, 120, 500, 900))
        self.until[kind] = self.now_ms + lasts_ms
        if kind == "slow network":
            self.wire.delay_ms = self.chance.choice((5, 60, 250))
        elif kind == "controller restarted":
            self.controller._end(accepted=False)
            self.controller = Controller(self, self.chance.choice((1, 1, 65_530)))
        elif kind == "station restarted":
            if self.machine:
                self._note(self.machine)
            self.machine = None
            self.until["station down"] = self.now_ms + lasts_ms
            self.wire.under_way.clear()
        elif kind == "two masters":
            foreign = FromLine(
                trigger=self.chance.randint(1, 0xFFFF),
                reset=self.chance.choice((0, self.chance.randint(1, 9))),
                acknowledge=self.chance.randint(0, 0xFFFF),
            )
            self.wire.write(self.now_ms, foreign, is_new=True)
            self.controller.is_new = True
        elif kind == "trigger twice":
            self.wire.write(self.now_ms, self.controller.said, is_new=False)
        elif kind == "trigger missed":
            self.skips += 1
        elif kind == "frame twice" and self.spool:
            at_ms, piece, seems_ns = self.chance.choice(self.spool)
            self.spool.append((at_ms + self.chance.randint(0, 400), piece, seems_ns))

    def _check(self) -> None:
        lost = [each for each in self.pieces[:-1] if not each.bin]
        assert not lost, f"in no bin: {lost}"
        twice = [key for key, rows in self.taken.items() if rows > 1 and key[1] not in self._again]
        assert not twice, f"closed twice: {twice}"
        assert self.machine
        closed = sum(rows for (session, _), rows in self.taken.items() if session == self.session)
        assert 0 <= self.machine.words.triggers - closed <= 1, "a trigger that no row ends"

    @property
    def _again(self) -> set[int]:
        """Numbers that were given more than once: programs that began anew, and wraps."""
        times = Counter(each.sequence for each in self.pieces)
        return {number for number, count in times.items() if count > 1}
