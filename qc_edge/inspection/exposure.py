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
from qc_edge.settings import IncomingSettings
from qc_edge.store.spooled_file import SpooledFile

_OLDEST = datetime(2000, 1, 1, tzinfo=timezone.utc)
"""What is dated before it comes from a clock that was never set."""

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

    `boot_id` is that of this boot, `first_record` when this station recorded its first row.
    """

    def __init__(self, boot_id: str, clock: FrameClock, first_record: datetime) -> None:
        self._boot_id = boot_id
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
        written = None if written_ns is None else _utc(written_ns)
        at_ns, at = file.arrived_ns, None
        if written is not None:
            # By one clock, the kernel's of this machine, so that it needs not be synchronised.
            if written < _OLDEST or written > moment.at + _TOLERANCE:
                detail = f"its file is of {written:%Y-%m-%d %H:%M:%S} UTC, it is {_now(moment)}"
                return _impossible(at_ns, None, detail, rules)
            at_ns, at = min(at_ns, _monotonic(written, moment)), written
        if stated is None:
            source = ExposureSource.UNKNOWN if written is None else ExposureSource.FILE_TIME
            if source is ExposureSource.UNKNOWN:
                return _unknown(at_ns, at, "neither its sidecar nor its file tells a time", rules)
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


def _utc(ns: int) -> datetime:
    # A file's time may lie anywhere in 64 bits; what datetime cannot hold dates no exposure.
    epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)
    try:
        return epoch + timedelta(microseconds=ns // 1000)
    except OverflowError:
        return epoch


def _now(moment: Moment) -> str:
    return f"{moment.at:%Y-%m-%d %H:%M:%S} here"
