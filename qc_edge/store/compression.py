"""Raw evidence is compressed while nothing waits: PGM or PPM to PNG, the same pixels, proven first.

Not when it is captured: 5 megapixels take 46 ms as PNG, 1 ms as PGM (measured with OpenCV 5). The
digests in rows are over the pixels, so they fit both (decision 0006).
"""

from __future__ import annotations

import os
import struct
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path

import cv2

from qc_edge.service.logs import LOG
from qc_edge.store.durable import Disk
from qc_edge.vision import UnreadableFrameError, pnm
from qc_edge.vision.image import Image, Pixels, decode

_IHDR_END = 33
"""Bytes of a PNG's signature and header chunk, behind which other chunks may stand."""
_PIXELS_MAX = 2**28
_AHEAD_S = 86_400.0
"""What is dated later than this has its time from a clock that was wrong."""
_DONE = ".compressed"
"""An empty file in the directory of an hour in which nothing is left to compress."""
_RAW = (".raw.pgm", ".raw.ppm")


class Compressor:
    """Compresses evidence hour by hour, oldest first. Used by the thread of housekeeping."""

    def __init__(self, evidence: Path, disk: Disk) -> None:
        self._evidence = evidence
        # Beside the evidence: the spool may be another file system, into which nothing is renamed.
        self._temporary = evidence / ".compressing.png"
        self._disk = disk

    def compress(self, older_than_s: float, may_go_on: Callable[[], bool]) -> int:
        """Compress what is older than `older_than_s` (s) while `may_go_on()`; the number of files.

        Raises DiskFullError or StoreError; each file is then as it was or compressed.
        """
        compressed = 0
        before = time.time() - older_than_s
        for hour in self._hours(before):
            # An hour to whose directory something was added lately may still get frames.
            complete = _is_older(hour.stat().st_mtime, before - 3600)
            for raw in _raw(hour):
                if not may_go_on():
                    return compressed
                if _is_older(raw.stat().st_mtime, before):
                    compressed += self._compress(Path(raw.path))
                else:
                    complete = False
            if complete:
                (hour / _DONE).touch()
        return compressed

    def _hours(self, before: float) -> Iterator[Path]:
        """The directories of hours that are not done and began before then (s since the epoch), or
        lie in a future that a wrong clock has made.
        """
        last = f"{datetime.fromtimestamp(before, timezone.utc):%Y-%m-%d/%H}"
        ahead = f"{datetime.fromtimestamp(time.time() + _AHEAD_S, timezone.utc):%Y-%m-%d/%H}"
        for day in sorted(self._evidence.glob("????-??-??")):
            for hour in sorted(day.glob("??")):
                name = f"{day.name}/{hour.name}"
                if (name <= last or name > ahead) and not (hour / _DONE).exists():
                    yield hour

    def _compress(self, raw: Path) -> bool:
        try:
            data = raw.read_bytes()
            meta, image = pnm.decode_frame(data)
        except (OSError, UnreadableFrameError) as fault:
            LOG.error("evidence %s is left as it is: %s", raw, fault)
            return False
        png = spooled_png(data, image)
        if decode(png, max_pixels=_PIXELS_MAX).sha256 != image.sha256:
            LOG.error("evidence %s is left as it is: its PNG did not give the same pixels", raw)
            return False
        # The raw file goes last, once the other is durable under its name: after a crash there may
        # be both, never none.
        kept = raw.with_suffix(".png")
        if kept.exists() and not _holds(kept, image.sha256):
            # After a power cut a frame that was compressed and removed may be back, with foreign
            # content: the picture that is there is never written over.
            LOG.error("evidence %s is left as it is: %s holds another picture", raw, kept.name)
            return False
        self._disk.write(kept, [png], self._temporary)
        self._disk.sync_directory(kept.parent)
        self._disk.unlink(raw)
        LOG.debug(
            "evidence of frame %s compressed to %d of %d bytes",
            meta.get("frame_id"),
            len(png),
            len(data),
        )
        return True


def png_of(pixels: Pixels) -> bytes:
    """The pixels (gray or RGB, 8 or 16 bits) as a PNG."""
    # OpenCV takes colours as BGR.
    ordered = pixels if pixels.ndim == 2 else pixels[..., ::-1]
    return cv2.imencode(".png", ordered)[1].tobytes()


def spooled_png(data: bytes, image: Image) -> bytes:
    """A spool file's `data`, which hold `image`, as a PNG with the frame's metadata."""
    return _with_text(png_of(image.pixels), data[: data.index(b"\n", 3)][3:])


def _holds(png: Path, sha256: str) -> bool:
    """True if the picture has these pixels, or does not read at all."""
    try:
        return decode(png.read_bytes(), max_pixels=_PIXELS_MAX).sha256 == sha256
    except (OSError, UnreadableFrameError):
        return True


def _is_older(mtime: float, before: float) -> bool:
    """Whether a file of that time is to be compressed; one from a far future is."""
    return mtime < before or mtime > time.time() + _AHEAD_S


def _raw(hour: Path) -> Iterator[os.DirEntry[str]]:
    """The raw frames of an hour, in no order and one by one: a busy hour has 100,000 names."""
    with os.scandir(hour) as entries:
        yield from (entry for entry in entries if entry.name.endswith(_RAW))


def _with_text(png: bytes, comment: bytes) -> bytes:
    """`png` with the spool file's comment, the frame's metadata, in a tEXt chunk."""
    body = b"tEXt" + b"Comment\0" + comment.removeprefix(b"# ")
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return png[:_IHDR_END] + chunk + png[_IHDR_END:]
