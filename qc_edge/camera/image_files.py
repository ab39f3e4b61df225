"""Which image files a camera that plays them shows, and in which order. Never opens one."""

from __future__ import annotations

from pathlib import Path

from qc_edge.errors import CameraError

EMULATED = frozenset({".png", ".tif", ".tiff", ".bmp", ".jpg", ".jpeg"})
"""What pylon's emulator decodes."""

FOLDER = EMULATED | {".pgm", ".ppm"}
"""What the folder camera decodes."""


def played_files(images: Path, suffixes: frozenset[str]) -> list[Path]:
    """The image files to play: `images` itself, or those directly in it, in byte order of names.

    Files with another suffix, hidden files and directories are left out, so a truth table may lie
    beside the images. Raises CameraError if nothing is there to play.
    """
    kinds = ", ".join(sorted(suffix[1:] for suffix in suffixes))
    try:
        if images.is_dir():
            paths: list[Path] | None = sorted(images.iterdir())
        else:
            paths = [images] if images.is_file() else None
    except OSError as fault:
        raise CameraError(
            f"cannot list {images}: {fault.strerror}", hint="let the station read it"
        ) from None
    if paths is None:
        raise CameraError(
            f"there is nothing to play: {images} does not exist",
            hint="set `images` to a directory of image files",
        )
    playable = [
        path
        for path in paths
        if path.suffix.lower() in suffixes and not path.name.startswith(".") and path.is_file()
    ]
    if not playable:
        content = ", ".join(path.name for path in paths[:5]) or "no files"
        raise CameraError(
            f"there is nothing to play in {images}: it holds {content}", hint=f"expected {kinds}"
        )
    return playable
