"""pylon's camera emulator in this process: how many devices there are, which are taken, what they
play.

Prepares what the emulator reads; never calls pylon itself.
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterable
from pathlib import Path

from qc_edge.camera.image_files import EMULATED, played_files
from qc_edge.errors import CameraError
from qc_edge.vision import UnreadableFrameError, formats

DEVICE_CLASS = "BaslerCamEmu"

_COUNT_VARIABLE = "PYLON_CAMEMU"
_MOST_DEVICES = 256
_SERIAL = re.compile(r"0815-([0-9]{4})")


class EmulatedDevices:
    """The emulated devices that are taken in this process; safe from any thread.

    pylon lets one emulated device be opened twice. A real camera refuses that, so this does too.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._taken: set[str] = set()

    def take(self, requested: str | None, previous: str | None) -> str:
        """Claim a device and return its serial number.

        It is the `requested` one, else the `previous` one of this camera, else the first that is
        free. Raises CameraError if the requested one is taken or is no emulated serial number.
        """
        with self._lock:
            serial = self._any_free(previous) if requested is None else self._checked(requested)
            self._taken.add(serial)
            # pylon makes as many devices as PYLON_CAMEMU says each time it looks for cameras.
            number = int(serial.rpartition("-")[2])
            count = os.environ.get(_COUNT_VARIABLE, "")
            if not count.isdecimal() or int(count) <= number:
                os.environ[_COUNT_VARIABLE] = str(number + 1)
            return serial

    def give_back(self, serial: str) -> None:
        """The device is free again; one that was not taken is no error."""
        with self._lock:
            self._taken.discard(serial)

    def _any_free(self, previous: str | None) -> str:
        numbered = [_serial(number) for number in range(_MOST_DEVICES)]
        for serial in [previous, *numbered] if previous else numbered:
            if serial not in self._taken:
                return serial
        raise CameraError(f"all {_MOST_DEVICES} emulated cameras are taken", hint="close some")

    def _checked(self, requested: str) -> str:
        match = _SERIAL.fullmatch(requested)
        if match is None or int(match[1]) >= _MOST_DEVICES:
            raise CameraError(
                f"there is no emulated camera {requested!r}",
                hint=f"expected {_serial(0)} to {_serial(_MOST_DEVICES - 1)}; without `serial` any "
                "free one is taken",
            )
        if requested in self._taken:
            raise CameraError(
                f"emulated camera {requested} is held by another camera of this station",
                hint="give each camera its own `serial`, or leave it out",
            )
        return requested


class Playlist:
    """A directory of links to the images that an emulated camera plays, with nothing else in it.

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
