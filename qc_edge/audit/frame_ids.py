"""The ids of all frames that have a row, in little memory."""

from __future__ import annotations

from array import array
from bisect import bisect_left

import numpy as np


class FrameIds:
    """A set of frame ids as sorted 64-bit hashes: 8 bytes an id, where a set of texts takes over
    100, and a log has millions.

    Two ids with one hash would be taken for the same; among ten million that is one chance in two
    trillion for an id that is looked up.
    """

    def __init__(self, hashes: array[int]) -> None:
        """`hashes` are the ids' `hash()`, in any order; good in this process only."""
        self._hashes = array("q", np.sort(np.frombuffer(hashes, np.int64)).tobytes())

    def __contains__(self, frame_id: str) -> bool:
        key = hash(frame_id)
        index = bisect_left(self._hashes, key)
        return index < len(self._hashes) and self._hashes[index] == key
