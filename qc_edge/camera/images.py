"""Which files a camera that plays images shows, in which order. Never reads what is in them."""

from __future__ import annotations

from pathlib import Path

from qc_edge.errors import CameraError

EMULATED = frozenset({".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg"})
"""What pylon's emulator decodes."""

FOLDER = EMULATED | {".pgm", ".ppm"}
"""What the folder camera decodes."""


def played_files(images: Path, suffixes: frozenset[str]) -> list[Path]:
    """The image file `images`, or the images directly in the directory `images`, by name as bytes
    sort.

    Files with another suffix, hidden files and directories are left out, so a truth table may lie
    beside the images. Raises CameraError if nothing is there to play.
    """
    kinds = ", ".join(sorted(suffix[1:] for suffix in suffixes))
    try:
        found = (
            sorted(images.iterdir()) if images.is_dir() else [images] if images.is_file() else None
        )
    except OSError as fault:
        raise CameraError(
            f"cannot list {images}: {fault.strerror}", hint="let the station read it"
        ) from None
    if found is None:
        raise CameraError(
            f"there is nothing to play: {images} does not exist",
            hint="set `images` to a directory of image files",
        )
    playable = [
        path
        for path in found
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    ]
    if not playable:
        seen = ", ".join(path.name for path in found[:5]) or "no files"
        raise CameraError(
            f"there is nothing to play in {images}: it holds {seen}", hint=f"expected {kinds}"
        )
    return playable
