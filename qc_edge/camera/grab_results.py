"""pylon's grab results as this package's, with the camera's own numbers."""

from __future__ import annotations

from typing import Any

from qc_edge.camera import Exposure, FailedGrab
from qc_edge.camera.configuration import AppliedSettings
from qc_edge.camera.devices import copy_pixels, delivered_format
from qc_edge.camera.frame_counter import CounterRange, next_number


class GrabResults:
    """Those of one open camera, used by the thread that grabs.

    Numbers start anew with each open and each restart: what was lost between is known only from the
    triggers. `chunk` carries the number (None: the block id).
    """

    def __init__(self, counting: CounterRange, chunk: str | None) -> None:
        self._counting = counting
        self._chunk = chunk
        self._last_number: int | None = None

    def begin_anew(self) -> None:
        """The camera was restarted."""
        self._last_number = None

    def convert(
        self, result: Any, applied: AppliedSettings, now: int, lay_ready: bool
    ) -> Exposure | FailedGrab:
        """One result; `now` is CLOCK_MONOTONIC (ns) at its retrieval."""
        is_whole = result.GrabSucceeded()
        if self._chunk is None:
            raw = result.BlockID
        elif is_whole and result.IsChunkDataAvailable():
            raw = result.GetChunkNode(self._chunk).Value
        else:
            raw = None  # the chunk comes behind the pixels: an incomplete buffer has none
        number = self._last_number = next_number(self._last_number, raw, self._counting)
        if not is_whole:
            code = result.ErrorCode & 0xFFFF_FFFF
            return FailedGrab(f"{result.ErrorDescription} (code 0x{code:08x})", number)
        return Exposure(
            pixels=copy_pixels(result, applied.pixel_format),
            pixel_format=delivered_format(applied.pixel_format),
            frame_number=number,
            timestamp=result.TimeStamp or None,
            monotonic_ns=now,
            exposure_us=applied.exposure_us,
            gain_db=applied.gain_db,
            lay_ready=lay_ready,
        )
