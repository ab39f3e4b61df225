"""More than one picture in one file: refused, since only the first would be looked at.

A file may hold a second picture inside (an animated PNG, a TIFF of several pages: said by its own
structure) or behind its end (two files written one after the other, by a node that appends or by a
writer that was restarted). Anything else behind the end is a trailer and does no harm.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from qc_edge.domain.verdict import Reason
from qc_edge.vision import UnreadableFrameError

_STARTS = re.compile(rb"\x89PNG\r\n\x1a\n|\xff\xd8\xff[\xc0-\xfe]")
"""Beginnings long enough that other bytes hardly ever look like them, wherever they stand."""

_PADDING = b"\0 \t\r\n"
_TRIES = 16
"""So many places in a trailer are looked at: a hostile one must not cost minutes."""


def several(kind: str, what: str) -> UnreadableFrameError:
    """The refusal of a file in which `what` is a picture beside the first."""
    return UnreadableFrameError(
        Reason.SEVERAL_IMAGES,
        f"{kind}: {what}; one file is one frame, expected a single picture",
    )


def refuse_second_image(
    data: bytes, end: int, kind: str, examine: Callable[[bytes], object]
) -> None:
    """Raise UnreadableFrameError SEVERAL_IMAGES if a picture begins behind byte `end` of `data`.

    `examine` reads an image's structure and raises UnreadableFrameError where there is none; a
    second image that is itself torn counts as one.
    """
    behind = data[end:]
    start = len(behind) - len(behind.lstrip(_PADDING))
    places = [start, *(match.start() for match in _STARTS.finditer(behind))]
    for place in places[:_TRIES]:
        if place >= len(behind):
            continue
        try:
            examine(behind[place:])
        except UnreadableFrameError as fault:
            if fault.reason is not Reason.SEVERAL_IMAGES and not (
                fault.reason is Reason.TORN_FILE and _STARTS.match(behind, place)
            ):
                continue
        raise several(kind, f"another picture begins at byte {end + place}")
