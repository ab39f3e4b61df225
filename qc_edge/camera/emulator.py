"""pylon's camera emulator as this process uses it: how many devices there are, who has which, what
they play.

Prepares what the emulator reads; never talks to pylon itself.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from qc_edge.camera.images import EMULATED, played_files
from qc_edge.errors import CameraError
from qc_edge.vision import UnreadableFrameError, formats

DEVICE_CLASS = "BaslerCamEmu"

_COUNT = "PYLON_CAMEMU"
_MOST = 256
_SERIAL = re.compile(r"0815-([0-9]{4})")


class EmulatedDevices:
    """Which emulated devices are taken in this process. pylon lets one be opened twice, a camera
    does not.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    def take(self, wanted: str | None, before: str | None) -> str:
        """Claim a device and return its serial number: `wanted`, else `before`, else the first
        free.

        pylon makes as many devices as PYLON_CAMEMU says each time it looks for cameras; the number
        is raised to what is needed. Raises CameraError if `wanted` is taken or no emulated serial
        number.
        """
        with self._lock:
            serial = self._any(before) if wanted is None else self._checked(wanted)
            self._taken.add(serial)
            number = int(serial.rpartition("-")[2])
            set_before = os.environ.get(_COUNT, "")
            if not set_before.isdecimal() or int(set_before) <= number:
                os.environ[_COUNT] = str(number + 1)
            return serial

    def give_back(self, serial: str) -> None:
        """Let the device go."""
        with self._lock:
            self._taken.discard(serial)

    def _any(self, before: str | None) -> str:
        for serial in ([before] if before else []) + [_serial(number) for number in range(_MOST)]:
            if serial not in self._taken:
                return serial
        raise CameraError(f"all {_MOST} emulated cameras are taken", hint="close some")

    def _checked(self, wanted: str) -> str:
        match = _SERIAL.fullmatch(wanted)
        if match is None or int(match[1]) >= _MOST:
            raise CameraError(
                f"there is no emulated camera {wanted!r}",
                hint=f"expected {_serial(0)} to {_serial(_MOST - 1)}; without `serial` any free "
                "one is taken",
            )
        if wanted in self._taken:
            raise CameraError(
                f"emulated camera {wanted} is held by another camera of this station",
                hint="give each camera its own `serial`, or leave it out",
            )
        return wanted


class Playlist:
    """The images of an emulated camera as the emulator wants them: a directory with nothing else in
    it.

    The emulator plays every file of a directory, whatever it is, so the images are linked into one
    of their own, in the same order. `path` is that directory, `size` width and height of the first
    image.
    """

    def __init__(self, images: Path) -> None:
        files = played_files(images, EMULATED)
        self.size = _first_size(files)
        self._links = tempfile.TemporaryDirectory(prefix="qc-edge-emulated-")
        self.path = Path(self._links.name)
        for number, file in enumerate(files):
            (self.path / f"{number:08d}{file.suffix.lower()}").symlink_to(file.absolute())

    def close(self) -> None:
        """Remove the links."""
        self._links.cleanup()


def _serial(number: int) -> str:
    return f"0815-{number:04d}"


def _first_size(files: Iterable[Path]) -> tuple[int, int]:
    for file in files:
        try:
            header = formats.examine(file.read_bytes())
        except (UnreadableFrameError, OSError):
            continue
        return header.width, header.height
    raise CameraError("none of the images can be read", hint="look at them with any image viewer")
