"""An image file that a person names: a frame of a station, or what any camera has written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.verdict import Reason
from qc_edge.settings import IncomingSettings
from qc_edge.vision import UnreadableFrameError, pnm
from qc_edge.vision.image import Image, decode

_SPOOL_MARK = b"# qc-edge "
"""A frame of a spool is a PNM whose header begins with this comment."""


@dataclass(frozen=True, slots=True)
class ImageFile:
    """An image file that was read; a frame of a station names its `camera` and `pixel_format`,
    others have None.
    """

    path: Path
    image: Image
    camera: str | None
    pixel_format: str | None = None


def read_picture(path: Path, limits: IncomingSettings | None = None) -> ImageFile:
    """The image in `path`, a foreign file or a frame of a station.

    Raises UnreadableFrameError with the reason, also if there is no such file.
    """
    limits = limits or IncomingSettings()
    most = int(limits.max_file_mb * 1e6)
    try:
        if path.is_dir():
            raise UnreadableFrameError(Reason.NOT_AN_IMAGE, "it is a directory")
        # Before it is read: a file named by mistake may have gigabytes.
        if (size := path.stat().st_size) > most:
            raise UnreadableFrameError(Reason.TOO_LARGE, f"{size} bytes, at most {most} are taken")
        data = path.read_bytes()
    except OSError as fault:
        raise UnreadableFrameError(Reason.UNREADABLE, fault.strerror or str(fault)) from None
    # The comment stands in the second line, behind "P5" or "P6" and a newline.
    if data[3 : 3 + len(_SPOOL_MARK)] == _SPOOL_MARK:
        meta, image = pnm.decode_frame(data)
        camera, pixel_format = meta.get("camera"), meta.get("pixel_format")
        known = [value if isinstance(value, str) else None for value in (camera, pixel_format)]
        return ImageFile(path, image, *known)
    image = decode(
        data,
        max_pixels=int(limits.max_megapixels * 1e6),
        max_decoded_bytes=int(limits.max_decoded_mb * 1e6),
    )
    return ImageFile(path, image, None)
