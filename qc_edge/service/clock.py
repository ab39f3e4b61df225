"""The clock behind frame ids, which never repeat, and whether the wall clock can be trusted.

See decision 0003.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from qc_edge.domain.frame import FrameId, frame_id
from qc_edge.service.known_time import DAY, NOTHING_RECORDED, KnownTime, RecordedTimes
from qc_edge.service.synced_file import replace_file
from qc_edge.service.synchronisation import is_synchronised

_RENEW_US = 4_000_000
"""The high-water mark is written when ids have come this far (us): not for every frame."""

_UNMARKED_US = 5_000_000
"""So far above the mark ids may have been given out (us): it is looked at every second."""

_STEP_S = 0.5
"""The wall clock was stepped if it moved by more against the monotonic one; slewing moves it by
less than 1 ms a second.
"""

_FAR_AHEAD = 365 * DAY
"""No clock that a person has set is behind by so much, and one without a battery begins before the
station's first id.
"""


def utc_now() -> datetime:
    """Now, aware, in UTC."""
    return datetime.now(timezone.utc)


def boot_id() -> str:
    """The kernel's id of this boot: CLOCK_MONOTONIC can be compared only within one."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()


@dataclass(frozen=True, slots=True)
class Stamp:
    """The moment of one frame: its id, wall clock (UTC) and monotonic clock (ns).

    `clock_trusted` is about the wall clock.
    """

    frame_id: FrameId
    captured_at: datetime
    monotonic_ns: int
    clock_trusted: bool


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks: UTC, and CLOCK_MONOTONIC (ns). `trusted` is about the first."""

    at: datetime
    monotonic_ns: int
    trusted: bool


class FrameClock:
    """Gives out frame ids that rise, across restarts and when the wall clock steps back.

    One per process; safe from any thread. `file` keeps the high-water mark (microseconds since the
    epoch), written by `keep_mark`, so that a restart under a clock that was set back goes on above
    it. `floor_us` is the newest id already known from the spool and the log, `recorded` until
    when the log goes, and `newest_below` tells the newest id in both that lies below a moment (us).

    Ids that run ahead of a trusted clock by more than a day come from a boot with a clock in the
    future: they go back to true time then, above all that was given out before it. So they do under
    a clock that nobody vouches for, if it goes on from the ids before and the rest lies a year
    ahead.
    """

    def __init__(
        self,
        file: Path,
        floor_us: int = 0,
        *,
        recorded: RecordedTimes = NOTHING_RECORDED,
        newest_below: Callable[[int], int] = lambda _us: 0,
        wall_us: Callable[[], int] | None = None,
    ) -> None:
        self._file = file
        self._wall_us = wall_us or (lambda: time.time_ns() // 1000)
        self._lock = threading.Lock()
        self._written = self._read()
        self._last = max(floor_us, self._written + _UNMARKED_US if self._written else 0)
        # Where the wall clock is past all that, as it is unless it was set back, it goes first.
        if self._wall_us() > self._last:
            self._last = floor_us
        self._synchronised = is_synchronised()
        self._checked = time.monotonic()
        self._offset = self._wall_s() - time.monotonic()
        self._behind = False
        self._newest_below = newest_below
        self._was_behind = False
        self._known = KnownTime(self._wall_us, recorded, trusted=self._synchronised)
        self._news = self._settle()

    def stamp(self, source: str, monotonic_ns: int | None = None) -> Stamp:
        """The id and times of a frame that `source` exposed or delivered now (or at
        `monotonic_ns`).

        Ids rise in the order of the calls: that of a frame which waited longer than one that was
        stamped before it is the next one free, `captured_at` is always the moment itself.
        """
        now_ns = time.monotonic_ns()
        at_ns = monotonic_ns or now_ns
        with self._lock:
            wall_now = self._wall_us()
            wall = wall_now - (now_ns - at_ns) // 1000
            # Within a second ids may run ahead without a step: two cameras stamp at once. A frame
            # that was exposed long ago tells nothing of a step, so this is asked of now.
            self._behind = wall_now <= self._last - 1_000_000
            self._last = max(wall, self._last + 1)
            trusted = self._synchronised and not self._behind and not self._known.is_behind()
            return Stamp(
                frame_id=frame_id(self._last, source),
                captured_at=datetime.fromtimestamp(wall / 1e6, timezone.utc),
                monotonic_ns=at_ns,
                clock_trusted=trusted,
            )

    def keep_mark(self) -> None:
        """Write the high-water mark if ids have come far above it; to be called every second.

        It waits for the disk, so never on a frame's way: a stamp only counts.
        """
        last = self._last
        if abs(last - self._written) < _RENEW_US:
            return
        # The spool and the log, which are synced, give the floor too, and are enough where the
        # mark cannot be written: a full disk stops no clock. Capture and inspection as two
        # processes share the mark. Its name is not synced: a cut leaves this mark or the last.
        temporary = self._file.with_suffix(f".{os.getpid()}.new")
        with contextlib.suppress(OSError):
            replace_file(self._file, str(last).encode(), temporary=temporary)
        self._written = last

    def moment(self) -> Moment:
        """Now."""
        wall = self._wall_us()
        is_ahead = wall > self._last - 1_000_000 and not self._known.is_behind()
        at = datetime.fromtimestamp(wall / 1e6, timezone.utc)
        return Moment(at, time.monotonic_ns(), self._synchronised and is_ahead)

    def judging_now(self) -> datetime:
        """Now for whatever has a date (a calibration, a threshold): the wall clock, or the newest
        known time where the clock is behind it.
        """
        return _utc(self._known.now_us())

    @property
    def behind(self) -> str:
        """In words that the wall clock is behind the newest known time; empty if it is not."""
        return self._known.words()

    def sealing_now(self) -> datetime:
        """The days before this moment are over, however the clock was stepped. What counts in days,
        as the rules of retention do, counts to it.
        """
        with self._lock:
            return _utc(self._known.sealing_us())

    @property
    def is_settled(self) -> bool:
        """True if the wall clock is trusted and was not stepped forward lately."""
        return self._known.is_settled

    def check(self) -> str | None:
        """Look at the clock again, every few seconds; what has changed in words, or None."""
        synchronised, offset = is_synchronised(), self._wall_s() - time.monotonic()
        step = offset - self._offset
        with self._lock:
            was, self._synchronised, self._offset = self._synchronised, synchronised, offset
        news, self._news = self._news, []
        if abs(step) > _STEP_S:
            news.append(f"the wall clock was stepped by {step:+.1f} s")
        elif was != synchronised:
            state = "now" if synchronised else "no longer"
            news.append(f"the wall clock is {state} synchronised")
        return "; ".join([*news, *self._settle()]) or None

    @property
    def trust(self) -> str:
        """In words why the wall clock can or cannot be trusted."""
        if behind := self.behind:
            return f"stepped back, {behind}"
        if self._behind:
            return "stepped back: frame ids run ahead of the wall clock"
        return "synchronised" if self._synchronised else "not synchronised"

    def _settle(self) -> list[str]:
        """Hold ids and dates against the clock as it is now; what has changed, in words."""
        was_behind = self._was_behind
        news = self._known.observe(trusted=self._synchronised, newest_below=self._newest_below)
        words = [news] if news else []
        if (below := self._true_last()) is not None:
            ahead = _utc(self._last)
            with self._lock:
                self._last = below
            words.append(f"frame ids, which ran ahead to {ahead:%Y-%m-%d}, are true again")
        self._was_behind = self._known.is_behind()
        if self._was_behind and not was_behind:
            words.append(f"the wall clock is {self.behind}")
        return words

    def _true_last(self) -> int | None:
        """Where ids go on that have run far ahead of a clock that can be believed; else None."""
        wall = self._wall_us()
        limit = wall + DAY
        if self._last <= limit:
            return None
        below = self._newest_below(limit)
        goes_on = 0 < below <= wall and self._last > wall + _FAR_AHEAD
        return below if self._synchronised or goes_on else None

    def _wall_s(self) -> float:
        return self._wall_us() / 1e6

    def _read(self) -> int:
        try:
            return int(self._file.read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return 0


def _utc(us: int) -> datetime:
    return datetime.fromtimestamp(us / 1e6, timezone.utc)
