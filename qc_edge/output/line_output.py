"""One output that talks to a line: its handshake on a thread of its own, over a wire.

The inspector puts a part into its inbox and goes on, whatever the wire does.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from qc_edge.domain.parts.told import ToldPart
from qc_edge.errors import OutputError
from qc_edge.output.handshake.identities import LineIdentities
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.machine import Handshake
from qc_edge.output.handshake.words import ToLine, line_trouble
from qc_edge.output.health import LineHealth
from qc_edge.output.judging import judged_part
from qc_edge.output.links import LineLink
from qc_edge.output.output_rules import handshake_rules
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.output import LineSettings

_MOST_PARTS = 256
_AGAIN_S = 2.0
_LONGEST_WAIT_S = 0.25


@dataclass(frozen=True, slots=True)
class OutputStatus:
    """How one output is. `trouble` is empty while it listens, `line_trouble` while the line at the
    other end is well too; `last` are the newest things that happened, newest last.
    """

    name: str
    protocol: str
    listen: str
    trouble: str
    line_trouble: str
    peers: tuple[str, ...]
    words: ToLine
    last: tuple[str, ...]


class LineOutput:
    """Fulfils `qc_edge.output.Output`. `announce`, `tell`, `report`, `report_counts`,
    `refuse_recipe` and `status` from any thread; the rest belongs to the thread that calls `run`.

    `identities` are the part ids that the line gives, None where the settings take none of it.
    """

    def __init__(
        self,
        settings: LineSettings,
        deadline_ms: float,
        link: LineLink,
        boot: str,
        keep: Callable[[Note], None],
    ) -> None:
        """`keep` is called with everything to put on record, and takes no time."""
        self.settings = settings
        self._link = link
        self._boot = boot
        self._keep = keep
        session = secrets.randbelow(0xFFFF) + 1
        rules = handshake_rules(settings, deadline_ms)
        self.identities = (
            LineIdentities(rules.way_ns) if settings.part_ids and rules.way_ns is not None else None
        )
        self._machine = Handshake(rules, session, time.monotonic_ns(), self.identities)
        self._inbox: deque[JudgedPart] = deque()
        self._health = LineHealth()
        self._refused: deque[int] = deque()
        self._counts_differ = False
        self._wake = threading.Event()
        self._trouble = "not open yet"
        self._is_open = False
        self._tried_s = float("-inf")
        self._words = self._machine.words
        self._last: deque[str] = deque(maxlen=20)

    @property
    def status(self) -> OutputStatus:
        """How it is now."""
        given = self.settings
        peers = self._link.peers
        return OutputStatus(
            given.name,
            given.protocol,
            given.place,
            self._trouble,
            line_trouble(self._words),
            peers,
            self._words,
            tuple(self._last),
        )

    def announce(self, told: ToldPart) -> None:
        """Have the line told of a part. Does not wait."""
        self.tell(judged_part(told, self._boot))

    def tell(self, part: JudgedPart) -> None:
        """As `announce`, of a part as the handshake takes it."""
        # Bounded, though a part takes no time here: this thread may hang.
        if len(self._inbox) >= _MOST_PARTS:
            why = f"{_MOST_PARTS} parts before it wait"
            self._keep(Note(NoteKind.UNTOLD, time.monotonic_ns(), 0, why, part))
            return
        self._inbox.append(part)
        self._wake.set()

    def report(self, health: LineHealth) -> None:
        """How the station is now."""
        self._health = health
        self._wake.set()

    def refuse_recipe(self, number: int) -> None:
        """Tell the line that the recipe it asked for will not be in force."""
        self._refused.append(number)
        self._wake.set()

    def report_counts(self, *, differ: bool) -> None:
        """What the comparison with the line's own counts has shown."""
        self._counts_differ = differ
        self._wake.set()

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Talk to the line until `stop`; open the wire again whenever it is gone."""
        while not stop.is_set():
            heartbeat.beat()
            self._step()
            due_ns = self._machine.due_ns(time.monotonic_ns())
            wait_s = (due_ns - time.monotonic_ns()) / 1e9
            self._wake.wait(min(max(wait_s, 0.0), _LONGEST_WAIT_S))
        self.close()

    def close(self) -> None:
        """Say nothing any more: what was not told stays so. The wire is closed."""
        now_ns = time.monotonic_ns()
        why = "the station stops"
        while self._inbox:
            self._keep(Note(NoteKind.UNTOLD, now_ns, 0, why, self._inbox.popleft()))
        self._machine.stop(now_ns, why)
        self._record()
        if self._is_open:
            self._link.show(self._machine.words, self._machine.shown)
        self._link.close()  # one that is still being opened too
        self._is_open, self._trouble = False, "stopped"

    def _step(self) -> None:
        self._wake.clear()
        # Parts first out of the inbox, then what the line wrote, which was before their exposure.
        parts = [self._inbox.popleft() for _ in range(len(self._inbox))]
        if not self._is_open:
            self._open()
        try:
            heard = self._link.heard() if self._is_open else []
        except OutputError as fault:
            self._lose(fault)
            heard = []
        for each in heard:
            self._machine.hear(each.words, each.at_ns, is_new=each.is_new)
        # By now, and not by when the line wrote: a result is as old as it is when it is shown.
        now_ns = time.monotonic_ns()
        self._machine.step(now_ns)
        health = self._health.now(now_ns)
        self._machine.report(is_ready=health.is_ready, faults=health.faults, recipe=health.recipe)
        self._machine.report_counts(differ=self._counts_differ)
        while self._refused:
            self._machine.refuse_recipe(self._refused.popleft())
        for part in parts:
            if self._is_open or self.settings.sequence == "line":
                self._machine.tell(part, now_ns)
            else:  # no trigger of it can have come, and nobody could read its result
                self._put(Note(NoteKind.UNTOLD, now_ns, 0, "there is no wire", part))
        words = self._machine.words
        if words != self._words and self._is_open:
            self._link.show(words, self._machine.shown)
        self._words = words
        self._record()

    def _open(self) -> None:
        if time.monotonic() - self._tried_s < _AGAIN_S:
            return
        self._tried_s = time.monotonic()
        try:
            self._link.open(self._wake.set)
        except OutputError as fault:
            self._lose(fault)
            return
        self._is_open, self._trouble = True, ""
        self._link.show(self._machine.words, self._machine.shown)
        self._note(NoteKind.LINK_OPEN, f"open at {self.settings.place}")

    def _lose(self, fault: OutputError) -> None:
        if self._is_open:
            self._link.close()
        if fault.message != self._trouble:
            self._note(NoteKind.LINK_LOST, fault.message)
        self._is_open, self._trouble = False, fault.message

    def _note(self, kind: NoteKind, detail: str) -> None:
        self._put(Note(kind, time.monotonic_ns(), 0, detail))

    def _record(self) -> None:
        for note in self._machine.take_notes():
            self._put(note)

    def _put(self, note: Note) -> None:
        self._last.append(note.words)
        self._keep(note)
