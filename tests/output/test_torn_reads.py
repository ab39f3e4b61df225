"""Any order of triggers, frames, verdicts and torn reads: a line that follows the rule never takes
ACCEPT for another part's.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from qc_edge.capture.exposure_clock import ExposureClock
from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.words import ToLine, accepts
from tests.output.lines import MS, RULES, Line, judged

DEADLINE_MS = RULES.deadline_ns // MS
WAY_MS = 60
CHOICE = st.integers(0, 1 << 30)


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the line in the world: its trigger, what it truly is, when it was seen."""

    number: int
    sequence: int
    truth: Disposition
    seen_ns: int
    """When it was exposed, as the station has it."""
    here_ns: int
    """When its frame was on the box."""


class World:
    """A line with a conveyor: each trigger fires the camera at a part, after its echo was seen."""

    def __init__(self, draw: st.DataObject, *, is_exact: bool) -> None:
        self.draw, self.is_exact = draw, is_exact
        self.line = Line(replace(RULES, way_ns=WAY_MS * MS if is_exact else None))
        self.line.wait(100)
        self.clock, self.here_ns = ExposureClock(1.0), 0
        self.read: list[ToLine] = [self.line.words]
        self.fired: list[Piece] = []
        self.told: set[int] = set()
        self.sequence, self.resets, self.number = 0, 1, 0

    def choose(self, most: int) -> int:
        """0 .. most."""
        return self.draw.draw(CHOICE) % (most + 1)

    def later(self) -> None:
        """Up to a deadline and a half passes, mostly much less."""
        self.line.wait((1, 7, 40, 300, 700, 1500)[self.choose(5)])

    def trigger(self) -> None:
        """The next part: written, the echo seen, the camera fired; its frame may be lost."""
        self.sequence = self.sequence % 65535 + 1 + (self.choose(9) == 0)
        self.line.write(trigger=self.sequence)
        if self.line.words.trigger_taken != self.sequence:
            return
        self.line.wait(3 + self.choose(30))
        self.number += 1
        truth = list(Disposition)[self.choose(2)]
        self.fired.append(Piece(self.number, self.sequence, truth, *self.expose()))

    def expose(self) -> tuple[int, int]:
        """When the frame of now seems to be exposed and is on the box; the first is delayed."""
        exposed_ns = self.line.now_ns
        way_ms = (45, 50, WAY_MS)[self.choose(2)] if self.here_ns else WAY_MS
        self.here_ns = max(self.here_ns, exposed_ns + way_ms * MS)
        exposed = self.clock.exposed(exposed_ns - 7 * MS, self.here_ns, lay_ready=False)
        return exposed.monotonic_ns if self.is_exact else exposed_ns, self.here_ns

    def judge(self) -> None:
        """Some frame comes, or never: any of the last, whatever its age."""
        if self.fired:
            piece = self.fired.pop(self.choose(len(self.fired) - 1))
            if self.choose(4) == 0:
                return  # lost between the camera and the log
            self.line.wait(max(0, piece.here_ns - self.line.now_ns) / MS)
            delay_ns = 0 if self.is_exact else (-2000, 150, 900)[self.choose(2)] * MS
            seen_ns = min(piece.seen_ns + delay_ns, self.line.now_ns)
            part = judged(piece.number, piece.truth, seen_ns, is_exact=self.is_exact)
            self.told.add(piece.number)
            self.line.machine.tell(part, self.line.now_ns)

    def acknowledge(self) -> None:
        """What stands there, or anything else."""
        is_wrong = self.choose(3) == 0
        number = self.choose(70_000) & 0xFFFF if is_wrong else self.line.words.sequence
        self.line.write(acknowledge=number)

    def reset(self) -> None:
        """The line begins anew with 1, and judges nothing by what it read before."""
        self.resets += 1
        self.line.write(reset=self.resets, trigger=0, acknowledge=0)
        while self.line.words.reset_done != self.resets:
            self.line.wait(100)
        self.sequence, self.read = 0, []

    def torn(self) -> ToLine:
        """Words of which each was read at another moment since the reset."""
        pick = [self.read[self.choose(len(self.read) - 1)] for _ in range(4)]
        return replace(
            pick[0],
            verdict=pick[1].verdict,
            complement=pick[2].complement,
            commit=pick[3].commit,
        )


def run(draw: st.DataObject, steps: list[int], *, is_exact: bool) -> int:
    """Play the steps; how many parts were accepted, each of them rightly."""
    world = World(draw, is_exact=is_exact)
    pieces: dict[int, Piece] = {}
    accepted: set[int] = set()
    for step in steps:
        before = len(world.fired)
        (
            world.trigger,
            world.judge,
            world.acknowledge,
            world.later,
            world.trigger,
            world.judge,
            world.reset,
        )[step]()
        if step == 6:
            pieces.clear()
            # What was fired before the reset may still be judged after it.
        elif len(world.fired) > before:
            pieces[world.fired[-1].sequence] = world.fired[-1]
        world.read.append(world.line.words)
        for words in (world.line.words, world.torn(), world.torn()):
            for sequence in {words.sequence, world.sequence}:
                if accepts(words, sequence):
                    piece = pieces[sequence]
                    assert piece.truth is Disposition.ACCEPT, f"{sequence} is {piece}"
                    assert piece.number in world.told, f"{sequence} was accepted without a row"
                    accepted.add(piece.number)
    return len(accepted)


STEPS = st.lists(st.sampled_from([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 6]), max_size=60)


@settings(max_examples=160, deadline=None)
@given(draw=st.data(), steps=STEPS)
def test_with_exact_times_no_part_is_taken_for_another(
    draw: st.DataObject, steps: list[int]
) -> None:
    run(draw, steps, is_exact=True)


@settings(max_examples=160, deadline=None)
@given(draw=st.data(), steps=STEPS)
def test_with_times_of_arrival_no_part_is_taken_for_another(
    draw: st.DataObject, steps: list[int]
) -> None:
    run(draw, steps, is_exact=False)
