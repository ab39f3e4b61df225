"""A camera's frame counter as one number that only rises, however few bits the camera counts with.

A gap in these numbers is how a frame shows that was exposed and never came: pylon by itself says
nothing of it (users' reports: basler/pypylon#285, #589, #619).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CounterRange:
    """How a camera counts: the counter runs `low`..`high`, then starts again at `low`.

    `high` None never wraps. Values outside the range mean that the camera gave no number.
    """

    low: int = 0
    high: int | None = None

    def is_number(self, raw: int | None) -> bool:
        """True if `raw` is a number of this counter, False if the camera gave none."""
        return raw is not None and raw >= self.low and raw != UNSUPPORTED


UNSUPPORTED = 2**64 - 1
"""pylon's block id of a device that has none."""

PLAIN = CounterRange()
"""USB 3 and the emulator: 64 bits from 0."""

GIGE_BLOCK_ID = CounterRange(1, 0xFFFF)
"""GigE Vision 1.x: 16 bits from 1, 0 is reserved (pylon, GetBlockID)."""

FRAME_COUNTER_CHUNK = CounterRange(0, 0xFFFF_FFFF)
"""The frame counter chunk of Basler cameras: 32 bits from 0 (Basler ace GigE manual, 11.3)."""


def next_number(previous: int | None, raw: int | None, counting: CounterRange) -> int | None:
    """The number of a frame whose camera said `raw`, after the frame numbered `previous`.

    Numbers rise across the camera's wrap, and by more than one only where frames are missing: a
    step of n means n - 1 lost frames. A frame without a number takes the next one. A counter that
    has gone back (the camera restarted it) goes on by one: what was lost then cannot be known.
    Without a previous frame the camera's own number stands, None if it has none.
    """
    if raw is None or not counting.is_number(raw):
        return None if previous is None else previous + 1
    if previous is None:
        return raw
    if counting.high is None or raw > counting.high:
        return raw if raw > previous else previous + 1
    cycle = counting.high - counting.low + 1
    # More than half the range forward is read as backward: the camera restarted its counter. Of a
    # 16-bit block id that is 32,767 frames lost in one go, which no burst of losses comes near.
    step = (raw - previous) % cycle
    return previous + (step if 0 < step <= cycle // 2 else 1)
