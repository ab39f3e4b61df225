"""Two lanes of files that wait: live parts, and the backlog behind them. Pure: no clock, no disk.

Live is what came while the station runs and may still be told in time. The backlog is what lay in
the spool at the start and what has become too late: nobody waits for it any more (decision 0024).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from enum import Enum

from qc_edge.store.spooled_file import SpooledFile

BACKLOG_SHARE = 8
"""While live parts wait, one of so many scored frames is the backlog's: it costs the line an eighth
of its pace at most, and ends even beside a line that never pauses.
"""


class Lane(str, Enum):
    """Where a file waits; the values are labels of the metrics."""

    LIVE = "live"
    BACKLOG = "backlog"


class Lanes:
    """Two queues, each in the order in which its files came. Not locked: the owner does that.

    A file keeps its lane until `forget`, also while it is in hand.
    """

    def __init__(self) -> None:
        self._queues: dict[Lane, deque[SpooledFile]] = {lane: deque() for lane in Lane}
        self._set_back: set[str] = set()

    def lane_of(self, file: SpooledFile) -> Lane:
        """The lane of a file, whether it waits or is in hand."""
        if file.is_row:
            return Lane.LIVE  # a gap or an event needs no model, and status shows it at once
        is_backlog = file.recovered or file.name in self._set_back
        return Lane.BACKLOG if is_backlog else Lane.LIVE

    def add(self, file: SpooledFile) -> None:
        """`file` is the last of its lane."""
        self._queues[self.lane_of(file)].append(file)

    def set_back(self, file: SpooledFile) -> None:
        """`file`, which was taken, is too late: it is the last of the backlog now."""
        self._set_back.add(file.name)
        self._queues[Lane.BACKLOG].append(file)

    def give_back(self, files: Iterable[SpooledFile]) -> None:
        """These were taken: they are the next of their lanes again, in their order."""
        for file in reversed(list(files)):
            self._queues[self.lane_of(file)].appendleft(file)

    def take(self, lanes: Sequence[Lane]) -> SpooledFile | None:
        """The next file of the first of these lanes that has one."""
        for lane in lanes:
            if self._queues[lane]:
                return self._queues[lane].popleft()
        return None

    def next(self, lane: Lane) -> SpooledFile | None:
        """The next file of the lane; it stays."""
        # One look, so that it may be called without the lock: an emptied queue raises.
        try:
            return self._queues[lane][0]
        except IndexError:
            return None

    def forget(self, file: SpooledFile) -> None:
        """`file` has left the spool."""
        self._set_back.discard(file.name)

    def waiting(self, lane: Lane) -> int:
        """How many files wait in the lane; those in hand are not counted."""
        return len(self._queues[lane])


class Turns:
    """Whose turn it is at the model: live parts first, the backlog once in BACKLOG_SHARE frames."""

    def __init__(self, share: int = BACKLOG_SHARE) -> None:
        self._share = share
        self._live_in_a_row = 0

    @property
    def is_backlog_due(self) -> bool:
        """True if the next frame is the backlog's although live parts wait."""
        return self._live_in_a_row >= self._share - 1

    def next(self, *, live: bool, backlog: bool) -> Lane | None:
        """The lane of the next frame; `live` and `backlog` say whether the lane has one."""
        if live and not (backlog and self.is_backlog_due):
            return Lane.LIVE
        return Lane.BACKLOG if backlog else None

    def served(self, lane: Lane, frames: int) -> None:
        """So many frames of the lane were scored."""
        if lane is Lane.BACKLOG and frames:
            self._live_in_a_row = 0
        elif lane is Lane.LIVE:
            self._live_in_a_row += frames
