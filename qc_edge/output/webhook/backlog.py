"""Which part a webhook is told of next: in the order of the log, none left out, whatever happened.

The log is the queue. What was told last is noted in a small file; parts that come by themselves
need no look at the log, and after a start, or where too many have waited, it is asked what came
after that one. So a part may be told twice, and always with the same key.
"""

from __future__ import annotations

import json
import threading
import time
from collections import deque
from collections.abc import Collection
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.output.webhook.message import PartMessage, logged_message
from qc_edge.service.clock import utc_now
from qc_edge.store.durable import write_file
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.log.part_messages import LoggedPart, count_before, parts_after, seq_of

_MOST_WAITING = 1000
_AT_ONCE = 200
_ANNOUNCED_WITHIN = timedelta(seconds=2)
_NOTE_S = 10.0
"""Each note is two syncs of a disk that the inspector waits for as well."""


class Backlog:
    """`put` from any thread; the rest from the one that tells. The log's errors are StoreError."""

    def __init__(
        self,
        file: Path,
        station: str,
        ledger: Ledger,
        give_up: timedelta,
        perhaps_untold: Collection[FrameId] = (),
    ) -> None:
        """`perhaps_untold`: parts that have a row of before this start, and nobody knows whether
        the line was told of them.
        """
        self._file, self._station, self._ledger, self._give_up = file, station, ledger, give_up
        self._perhaps_untold = perhaps_untold
        self._lock = threading.Lock()
        self._waiting: deque[PartMessage] = deque(maxlen=_MOST_WAITING)
        self._logged: deque[PartMessage] = deque()
        self._must_ask = True
        self._seq, self._frame = self._read()
        self._recent: deque[str] = deque(maxlen=2 * _MOST_WAITING)
        self._noted_s = float("-inf")
        self.given_up = 0

    def put(self, part: PartMessage) -> None:
        """One more. Does not wait; where too many do, the log has the oldest."""
        with self._lock:
            self._must_ask = self._must_ask or len(self._waiting) == _MOST_WAITING
            self._waiting.append(part)

    @property
    def depth(self) -> int:
        """How many are known to wait."""
        return len(self._waiting) + len(self._logged)

    def next(self) -> PartMessage | None:
        """The one to be told now, the same until `done` is called; None: nothing waits."""
        while True:
            if self._logged:
                return self._logged[0]
            with self._lock:
                must_ask, self._must_ask = self._must_ask, False
                if not must_ask:
                    while self._waiting and self._waiting[0].frame_id in self._recent:
                        self._waiting.popleft()
                    if not self._waiting:
                        return None
                    # By way of `_logged`: `put` may drop the oldest of those that wait.
                    self._logged.append(self._waiting.popleft())
                    continue
            try:
                self._ask()
            except BaseException:
                self._must_ask = True
                raise
            if self._must_ask and not self._logged:
                return None  # the next in turn is still being announced

    def is_too_old(self, part: PartMessage) -> bool:
        """It is not to be told any more."""
        recorded, now = part.recorded_at.replace(tzinfo=None), utc_now().replace(tzinfo=None)
        return recorded < now - self._give_up

    def done(self, part: PartMessage) -> None:
        """It was told, or given up. Noted now and then: a kill has the last ones told again."""
        self._logged.popleft()
        self._frame = str(part.frame_id)
        self._recent.append(self._frame)
        if time.monotonic() - self._noted_s > _NOTE_S:
            self.note()

    def note(self) -> None:
        """Write down how far it has come. Raises StoreError."""
        self._noted_s = time.monotonic()
        write_file(self._file, _noted(self._seq, self._frame))

    def _ask(self) -> None:
        """What the log has behind the one that was told last."""
        seq, frame = self._seq, self._frame
        oldest = utc_now() - self._give_up
        self._ledger.apply()
        # Beside the commits: a long log takes its time, and no part is to wait for that.
        with self._ledger.snapshot() as log:
            if frame:
                seq = seq_of(log, frame, seq)
            self.given_up += count_before(log, seq, oldest)
            found = parts_after(log, seq, oldest, _AT_ONCE, self._perhaps_untold)
        self._seq = seq
        with self._lock:  # what still waits is as the line was told it
            waiting = {each.frame_id: each for each in self._waiting}
        if len(found) == _AT_ONCE:
            self._must_ask = True
        for each in found:
            if each.frame_id not in waiting and _may_be_announced_yet(each):
                self._must_ask = True
                break
            self._logged.append(waiting.get(each.frame_id) or logged_message(each, self._station))

    def _read(self) -> tuple[int, str]:
        """How far it had come; the first time, everything before this start is not told. Where the
        note does not read, all that is not too old is told again rather than some never.
        """
        try:
            found = json.loads(self._file.read_text(encoding="ascii"))
            return int(found["chain_seq"]), str(found["frame_id"])
        except FileNotFoundError:
            seq = self._ledger.head.seq
            with suppress(StoreError):  # a full disk: noted with the first that is told
                write_file(self._file, _noted(seq, ""))
            return seq, ""
        except (OSError, ValueError, LookupError, TypeError):
            return 0, ""


def _may_be_announced_yet(part: LoggedPart) -> bool:
    """Its row is so young that the line may still be told of it, and then perhaps HOLD."""
    age = utc_now().replace(tzinfo=None) - part.recorded_at
    return abs(age) < _ANNOUNCED_WITHIN  # a clock that was set back far holds nothing up


def _noted(seq: int, frame: str) -> bytes:
    return json.dumps({"frame_id": frame, "chain_seq": seq}).encode("ascii")
