"""A camera that follows a script: the twin for faults that a real camera cannot be made to have.

Plays what tests write down, frame by frame; never reads a file, and waits no longer than the
timeout unless the script says HANG.
"""

from __future__ import annotations

import re
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from qc_edge.camera import Camera, CameraInfo, Exposure, FailedGrab, Pixels
from qc_edge.errors import CameraError, CameraLostError
from qc_edge.settings import CameraSettings, Trigger


class ScriptAct(str, Enum):
    """What the camera does next; the letter stands for it in a script."""

    FRAME = "f"
    FAILED = "x"
    TIMEOUT = "t"
    GAP = "g"
    LOST = "l"
    REFUSE_OPEN = "o"
    HANG = "h"


@dataclass(frozen=True, slots=True)
class ScriptStep:
    """One act, `times` over. A GAP of n skips n frame numbers without a failed grab.

    REFUSE_OPEN is acted by `open`, the others by `grab`. HANG ignores the timeout until `close`.
    """

    act: ScriptAct
    times: int = 1


def script(text: str) -> list[ScriptStep]:
    """The steps of a script such as `"3f x f 2g f l 2o f"`: an optional number before each letter.

    Raises ValueError on anything else.
    """
    if not re.fullmatch(r"(\s*\d*[fxtgloh])*\s*", text):
        raise ValueError(
            f"{text!r}: expected letters of {', '.join(ScriptAct)} with a number before them"
        )
    steps = re.findall(r"(\d*)([fxtgloh])", text)
    return [ScriptStep(ScriptAct(letter), int(times or 1)) for times, letter in steps]


def ramp(number: int, width: int = 64, height: int = 48) -> Pixels:
    """H x W uint8: a ramp that moves on by one with each frame number, so that frames differ."""
    row = np.arange(width) + number
    return np.broadcast_to(row, (height, width)).astype(np.uint8)


def connect(settings: CameraSettings) -> Camera:
    """A camera without faults, at `rate_hz` or 10 frames/s."""
    return ScriptedCamera(
        [ScriptStep(ScriptAct.FRAME)],
        repeat=True,
        settings=settings,
        rate_hz=settings.rate_hz or 10.0,
    )


class ScriptedCamera:
    """A camera that follows `steps`, then repeats them or stays silent; used by one thread.

    A reopened camera goes on in its script where it was.

    `frame` makes the pixels of a frame number. Without `rate_hz` frames come as fast as they are
    taken. With software trigger in `settings` a frame or failed grab needs a `trigger` first.
    `stands_at` is what the camera makes of settings that it is adjusted to; it may raise.
    """

    def __init__(
        self,
        steps: Sequence[ScriptStep] | str,
        *,
        repeat: bool = False,
        frame: Callable[[int], Pixels] = ramp,
        settings: CameraSettings | None = None,
        rate_hz: float | None = None,
        stands_at: Callable[[CameraSettings], CameraSettings] = lambda settings: settings,
    ) -> None:
        self._stands_at = stands_at
        self._steps = script(steps) if isinstance(steps, str) else list(steps)
        if repeat and all(step.act is ScriptAct.GAP for step in self._steps):
            raise ValueError("a script that repeats needs more than gaps")
        self._repeat = repeat
        self._frame = frame
        self._settings = settings or CameraSettings(name="scripted", backend="scripted")
        self._period_ns = round(1e9 / rate_hz) if rate_hz else 0
        self._acts: deque[ScriptAct] = deque()
        self._closed = threading.Event()
        self._closed.set()
        self._rewind()
        self._number = 0
        self._triggers = 0
        self._due_ns = 0

    @property
    def counts_frames(self) -> bool:
        """True: a GAP leaves a hole in the numbers."""
        return True

    def open(self) -> CameraInfo:
        """Raises CameraError if the script refuses; frame numbers start at 0 again."""
        self.close()
        if self._next_is(ScriptAct.REFUSE_OPEN):
            self._acts.popleft()
            raise CameraError(
                f"camera {self._settings.name} refuses to open, as its script says",
                hint="open it again",
            )
        self._number = self._triggers = 0
        self._due_ns = time.monotonic_ns()
        self._closed.clear()
        return self._info()

    def trigger(self) -> None:
        """One more frame may come. Raises CameraLostError if the camera is not open."""
        self._check_open()
        self._triggers += 1

    def grab(self, timeout_s: float) -> Exposure | FailedGrab | None:
        """What the script says next; at its end None after `timeout_s` seconds."""
        self._check_open()
        if self._settings.trigger is Trigger.SOFTWARE and not self._triggers:
            self._closed.wait(timeout_s)
            return None
        while self._next_is(ScriptAct.GAP):
            self._acts.popleft()
            self._number += 1
        if not self._acts or self._next_is(ScriptAct.REFUSE_OPEN):
            self._closed.wait(timeout_s)
            return None
        if not self._due_within(timeout_s):
            return None
        act = self._acts.popleft()
        self._triggers = max(0, self._triggers - 1)
        if act is ScriptAct.TIMEOUT:
            return None
        if act is ScriptAct.HANG:
            self._closed.wait()
            return None
        if act is ScriptAct.LOST:
            self._closed.set()
            raise CameraLostError(
                f"camera {self._settings.name} is lost, as its script says", hint="open it again"
            )
        number = self._number
        self._number += 1
        if act is ScriptAct.FAILED:
            return FailedGrab("the script failed this grab (code 0x00000000)", number)
        pixels = self._picture(number)
        return Exposure(
            pixels,
            _format(pixels),
            number,
            number * 1_000_000,
            time.monotonic_ns(),
            self._settings.exposure_us,
            self._settings.gain_db,
        )

    def adjust(self, settings: CameraSettings) -> CameraInfo:
        """Stand at these values. Raises CameraError where `stands_at` gives others."""
        self._check_open()
        found = self._stands_at(settings)
        if found != settings:
            raise CameraError(
                f"camera {settings.name} was set to exposure {settings.exposure_us}, gain "
                f"{settings.gain_db}, region {settings.roi}, and stands at {found.exposure_us}, "
                f"{found.gain_db}, {found.roi}",
                hint="take a value that the camera can have",
            )
        self._settings = settings
        return self._info()

    def close(self) -> None:
        """End a grab that hangs. Never raises; may be called twice."""
        self._closed.set()

    def _info(self) -> CameraInfo:
        picture = self._picture(0)
        return CameraInfo(
            model="scripted",
            serial=self._settings.serial or self._settings.name,
            width=picture.shape[1],
            height=picture.shape[0],
            pixel_format=_format(picture),
        )

    def _picture(self, number: int) -> Pixels:
        pixels = self._frame(number)
        if self._settings.roi is None:
            return pixels
        x, y, width, height = self._settings.roi
        region: Pixels = pixels[y : y + height, x : x + width].copy()
        return region

    def _rewind(self) -> None:
        self._acts.extend(step.act for step in self._steps for _ in range(step.times))

    def _next_is(self, act: ScriptAct) -> bool:
        if not self._acts and self._repeat:
            self._rewind()
        return bool(self._acts) and self._acts[0] is act

    def _check_open(self) -> None:
        if self._closed.is_set():
            raise CameraLostError(f"camera {self._settings.name} is not open", hint="open it first")

    def _due_within(self, timeout_s: float) -> bool:
        wait_ns = self._due_ns - time.monotonic_ns()
        if wait_ns > timeout_s * 1e9:
            self._closed.wait(timeout_s)
            return False
        if wait_ns > 0:
            self._closed.wait(wait_ns / 1e9)
        self._due_ns += self._period_ns
        return True


def _format(pixels: Pixels) -> str:
    return ("Mono" if pixels.ndim == 2 else "RGB") + ("8" if pixels.dtype == np.uint8 else "16")
