"""When a frame was exposed, as far as this station can know it; what its part's age counts from.

Never guesses: a time that cannot be is held, a time that nobody knows is unknown. Reads no file.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from qc_edge.domain.frame import ExposureSource, Frame
from qc_edge.domain.verdict import HoldReason
from qc_edge.service.clock import FrameClock, Moment
from qc_edge.service.file_clock import FileSystemClock
from qc_edge.settings import IncomingSettings
from qc_edge.store.spooled_file import SpooledFile

_OLDEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
"""What is dated before it comes from a clock that was never set."""

_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
_TOLERANCE = timedelta(seconds=2)
"""Two disciplined clocks differ by less, and FAT and some file servers keep times to 2 s."""

_UNDISCIPLINED = timedelta(days=1)
"""How far a clock that nothing synchronises may be off and still be a clock."""

_BEFORE_THE_FIRST = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Exposed:
    """When a frame was exposed, on CLOCK_MONOTONIC of this boot (ns), and how that is known.

    Where `source` is UNKNOWN, `at_ns` is the latest moment at which it can have been. `at` is the
    same in UTC, None where the frame's own `captured_at` stands. `hold` is why its part is held
    for that, `detail` says it in words. `has_deadline` is False for lots that wait for nobody.
    """

    at_ns: int
    source: ExposureSource
    at: datetime | None = None
    hold: HoldReason | None = None
    detail: str = ""
    has_deadline: bool = True


class ExposureTimes:
    """Tells when frames were exposed; used by the preparer's threads.

    `boot_id` is that of this boot, `first_record` when this station recorded its first row,
    `file_clock` that of incoming/, which a file server may keep.
    """

    def __init__(
        self,
        boot_id: str,
        clock: FrameClock,
        file_clock: FileSystemClock,
        first_record: datetime,
    ) -> None:
        self._boot_id = boot_id
        self._file_clock = file_clock
        self._clock = clock
        self._first_record = first_record

    def of_own_form(self, frame: Frame, file: SpooledFile, rules: IncomingSettings) -> Exposed:
        """A frame of this product's capture: of this boot, or of another machine or boot."""
        moment = self._clock.moment()
        if frame.monotonic_ns is not None and frame.boot_id == self._boot_id:
            source = frame.exposure_source or ExposureSource.ARRIVAL
            if frame.monotonic_ns > moment.monotonic_ns + _ns(_TOLERANCE):
                return Exposed(
                    file.arrived_ns,
                    ExposureSource.UNKNOWN,
                    hold=HoldReason.IMPOSSIBLE_TIME,
                    detail="its monotonic time lies in the future",
                )
            return Exposed(frame.monotonic_ns, source)
        if detail := self._impossible(frame.captured_at, moment, rules):
            return _impossible(file.arrived_ns, None, detail, rules)
        if not (frame.clock_trusted and moment.trusted):
            whose = "this station's" if frame.clock_trusted else "the other machine's"
            why = f"{whose} clock is not trusted, so that the two cannot be compared"
            return _unknown(file.arrived_ns, None, why, rules)
        at_ns = min(_monotonic(frame.captured_at, moment), file.arrived_ns)
        return Exposed(at_ns, ExposureSource.NODE_CLOCK, has_deadline=rules.age != "none")

    def of_dropped(
        self,
        file: SpooledFile,
        written_ns: int | None,
        stated: datetime | None,
        rules: IncomingSettings,
    ) -> Exposed:
        """A file that another node dropped: written at `written_ns` (its own time, ns since the
        epoch), exposed at the time that its sidecar has `stated`.

        Neither makes it younger than its arrival or than the other: a sidecar does not say how
        good its clock is.
        """
        moment = self._clock.moment()
        at_ns, at = file.arrived_ns, None
        written_at_ns = None if written_ns is None else self._written(written_ns, moment)
        if written_at_ns is not None:
            # By one clock, the file system's, so that none needs to be synchronised.
            if written_at_ns > moment.monotonic_ns + _ns(_TOLERANCE):
                ahead_s = (written_at_ns - moment.monotonic_ns) / 1e9
                detail = f"its file is dated {ahead_s:,.0f} s ahead of its file system's clock"
                return _impossible(at_ns, None, detail, rules)
            at_ns = min(at_ns, written_at_ns)
            at = _utc_of(at_ns, moment)
        if stated is None:
            if at is None:
                return _unknown(at_ns, at, "neither its sidecar nor its file tells a time", rules)
            source = ExposureSource.FILE_TIME
            return Exposed(at_ns, source, at, has_deadline=rules.age != "none")
        if stated.tzinfo is None:
            if rules.time_zone is None:
                why = "the time in its sidecar has no zone, and incoming.time_zone is not set"
                return _unknown(at_ns, at, why, rules)
            # Of the two moments that one hour of autumn may mean, the earlier: fold is 0.
            stated = stated.replace(tzinfo=ZoneInfo(rules.time_zone))
        stated = stated.astimezone(timezone.utc)
        if detail := self._impossible(stated, moment, rules):
            return _impossible(at_ns, at, detail, rules)
        if stated > moment.at + _TOLERANCE:
            why = "the time in its sidecar is ahead of this station's clock, which is not trusted"
            return _unknown(at_ns, at, why, rules)
        source = ExposureSource.NODE_CLOCK
        if at is not None and at < stated:
            stated, source = at, ExposureSource.FILE_TIME
        at_ns = min(at_ns, _monotonic(stated, moment))
        return Exposed(at_ns, source, stated, has_deadline=rules.age != "none")

    def _written(self, written_ns: int, moment: Moment) -> int:
        """When a file was written, on CLOCK_MONOTONIC (ns)."""
        at_ns = self._file_clock.to_monotonic_ns(written_ns)
        if at_ns is not None:
            return at_ns
        # Nothing can be written there to ask for its time: then by this machine's clock.
        return moment.monotonic_ns - (_ns(moment.at - _EPOCH) - written_ns)

    def _impossible(self, at: datetime, moment: Moment, rules: IncomingSettings) -> str:
        """Why a frame cannot have been exposed `at` that time; empty if it can."""
        uncertainty = _TOLERANCE if moment.trusted else _TOLERANCE + _UNDISCIPLINED
        words = f"its time of exposure is {at:%Y-%m-%d %H:%M:%S} UTC"
        if at > moment.at + uncertainty:
            return f"{words}, it is {_now(moment)}"
        if at < _OLDEST:
            return f"{words}: a clock that was never set"
        # Another machine may have begun some hours before this one; an old lot is old.
        if rules.age != "none" and at < self._first_record - _BEFORE_THE_FIRST:
            first = f"{self._first_record:%Y-%m-%d %H:%M:%S}"
            return f"{words}, before this station's first record of {first}"
        return ""


def _unknown(at_ns: int, at: datetime | None, why: str, rules: IncomingSettings) -> Exposed:
    """As `incoming.age` has it: held, counted from the arrival, or not asked for."""
    if rules.age == "arrival":
        return Exposed(at_ns, ExposureSource.ARRIVAL, at, detail=why)
    hold = HoldReason.UNKNOWN_AGE if rules.age == "hold" else None
    has_deadline = rules.age != "none"
    return Exposed(at_ns, ExposureSource.UNKNOWN, at, hold, why, has_deadline)


def _impossible(at_ns: int, at: datetime | None, why: str, rules: IncomingSettings) -> Exposed:
    """Held whatever `incoming.age` says: such a time is a fault of somebody's clock."""
    has_deadline = rules.age != "none"
    hold = HoldReason.IMPOSSIBLE_TIME
    return Exposed(at_ns, ExposureSource.UNKNOWN, at, hold, why, has_deadline)


def _monotonic(at: datetime, moment: Moment) -> int:
    """`at` on CLOCK_MONOTONIC of this boot (ns); never later than now."""
    return moment.monotonic_ns - max(0, _ns(moment.at - at))


def _ns(span: timedelta) -> int:
    return span // timedelta(microseconds=1) * 1000


def _utc_of(at_ns: int, moment: Moment) -> datetime:
    """A moment of CLOCK_MONOTONIC (ns) by the wall clock as it goes now."""
    # A file's time may lie anywhere in 64 bits, and this machine's clock in 1970.
    try:
        return max(
            _EPOCH, moment.at - timedelta(microseconds=(moment.monotonic_ns - at_ns) // 1000)
        )
    except OverflowError:
        return _EPOCH


def _now(moment: Moment) -> str:
    return f"{moment.at:%Y-%m-%d %H:%M:%S} here"
