"""The output that posts each part to a server: on a thread of its own, one after the other, each
until the server has taken it.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable

from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import OutputError, StoreError
from qc_edge.output.handshake.judged import JudgedPart, Note, NoteKind
from qc_edge.output.handshake.words import ToLine
from qc_edge.output.line_output import OutputStatus
from qc_edge.output.webhook.backlog import Backlog
from qc_edge.output.webhook.message import PartMessage, message_of
from qc_edge.output.webhook.post import Poster
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.outputs.webhook import WebhookSettings

_FIRST_S, _LONGEST_S = 1.0, 60.0
_LOOK_S = 0.25
_GRACE_S = 5.0


class WebhookOutput:
    """Fulfils `qc_edge.output.Output`. `announce` and `status` from any thread; the rest belongs to
    the one that calls `run`.
    """

    def __init__(
        self,
        settings: WebhookSettings,
        station: str,
        backlog: Backlog,
        keep: Callable[[Note], None],
    ) -> None:
        """`keep` is called with everything to put on record, and takes no time."""
        self.settings = settings
        self._station, self._backlog, self._keep = station, backlog, keep
        self._wake = threading.Event()
        self._poster: Poster | None = None
        self._trouble = "not tried yet"
        self._is_lost = False
        self._taken: Counter[Disposition] = Counter()
        self._last: deque[str] = deque(maxlen=20)

    @property
    def status(self) -> OutputStatus:
        """How it is now: of the words, the counts alone say something."""
        given = self.settings
        waiting = self._backlog.depth
        accepted, rejected, held = (self._taken[each] for each in Disposition)
        return OutputStatus(
            name=given.name,
            protocol=given.protocol,
            listen=given.place,
            trouble=self._trouble if self._is_lost else "",
            line_trouble="",
            peers=(f"{waiting:,} parts wait to be told" if waiting else "no part waits",),
            words=ToLine(state=0, accepted=accepted, rejected=rejected, held=held),
            last=tuple(self._last),
        )

    def announce(self, told: ToldPart) -> None:
        """Have the server told of a part. Does not wait."""
        self._backlog.put(message_of(told, self._station))
        self._wake.set()

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Tell of one part after the other until `stop`."""
        pause_s = _FIRST_S
        while not stop.is_set():
            heartbeat.beat(self.settings.timeout_s + _GRACE_S)
            self._wake.clear()
            try:
                went = self._step(stop)
                pause_s = _FIRST_S
            except (OutputError, StoreError) as fault:
                if stop.is_set():
                    break  # it was this end that hung up
                self._lose(fault)
                self._wait(pause_s, heartbeat, stop)
                pause_s = min(2 * pause_s, _LONGEST_S)
                continue
            if not went:
                heartbeat.beat()
                self._wake.wait(_LOOK_S)
        self.close()

    def close(self) -> None:
        """No more: what was not told is told after the next start."""
        try:
            self._backlog.note()
        except StoreError as fault:
            self._last.append(fault.message)

    def _step(self, stop: threading.Event) -> bool:
        """Tell of the next part; False: there is none."""
        part = self._backlog.next()
        if self._backlog.given_up:
            given_up, self._backlog.given_up = self._backlog.given_up, 0
            detail = f"{given_up:,} parts are older than {self.settings.give_up_h:g} h: given up"
            self._put(Note(NoteKind.LINK_LOST, time.monotonic_ns(), 0, detail))
        if part is None:
            return False
        if self._backlog.is_too_old(part):
            why = f"not taken for {self.settings.give_up_h:g} h: given up"
            self._put(Note(NoteKind.UNTOLD, time.monotonic_ns(), 0, why, _judged(part)))
            self._backlog.done(part)
            return True
        self._poster = self._poster or Poster(self.settings, stop.is_set)
        told_ns = time.monotonic_ns()
        answer = self._poster.post(part.key, part.body())
        if self._is_lost:
            self._put(Note(NoteKind.LINK_OPEN, time.monotonic_ns(), 0, self.settings.place))
        self._is_lost, self._trouble = False, ""
        self._taken[part.disposition] += 1
        self._put(
            Note(
                NoteKind.ACKNOWLEDGED,
                time.monotonic_ns(),
                0,
                answer + (", from the log" if part.is_replayed else ""),
                _judged(part),
                part.disposition,
                part.reason,
                told_ns,
            )
        )
        self._backlog.done(part)
        return True

    def _lose(self, fault: OutputError | StoreError) -> None:
        """Once for each time that it goes: it is tried again and again."""
        self._poster = None  # so that credentials that were mended are read
        self._trouble = fault.message
        if not self._is_lost:
            self._is_lost = True
            self._put(Note(NoteKind.LINK_LOST, time.monotonic_ns(), 0, fault.message))

    def _wait(self, seconds: float, heartbeat: Heartbeat, stop: threading.Event) -> None:
        end_s = time.monotonic() + seconds
        while (left_s := end_s - time.monotonic()) > 0 and not stop.wait(min(left_s, _LOOK_S)):
            heartbeat.beat()

    def _put(self, note: Note) -> None:
        self._last.append(note.words)
        self._keep(note)


def _judged(part: PartMessage) -> JudgedPart:
    return JudgedPart(part.part_id, part.frame_id, part.disposition, part.reason, None)
