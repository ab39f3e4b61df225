"""A prepared input as it was judged, read back from the evidence and held to its row. Writes
nothing.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.history import StoredInput
from qc_edge.engine import Prepared
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import decode, pixels_sha256


def stored_input(state: Path, part: StoredInput, shape: tuple[int, int]) -> Prepared | str:
    """The prepared input (H x W) as it was judged, or in words why it cannot be had for that
    `shape`.
    """
    height, width = shape
    try:
        gray = decode((state / part.prepared_path).read_bytes(), max_pixels=4 * height * width).gray
    except FileNotFoundError:
        return "the prepared input is gone"
    except (OSError, UnreadableFrameError):
        return "the prepared input does not read"
    if pixels_sha256(gray) != part.prepared_sha256:
        return "the prepared input is not what was judged"
    return gray if gray.shape == shape else "the model takes another size"
