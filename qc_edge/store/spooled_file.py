"""The names of files in the spool: what a name says, and which name a dropped file gets.

Names begin with a frame id, so that name order is time order (decision 0003):
    ID.pgm, ID.ppm   a frame of this station's own capture
    ID~NAME          a file that another node dropped into incoming/ as NAME (percent-encoded)
    ID~NAME.sidecar  its sidecar
    ID~NAME.name     the whole of a name that is too long to stand in the file's
    ID.row.json      a gap or an event that capture has to report
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from urllib.parse import quote, unquote

from qc_edge.domain.frame import FrameId, frame_id_micros

SIDECAR = ".sidecar"
WHOLE_NAME = ".name"
COMPANIONS = (SIDECAR, WHOLE_NAME)
ROW = ".row.json"

_NAME_MAX = 160
"""Of a dropped file's name this much is kept: with the id (up to 54), its companions and the reason
(.sidecar, .reason.txt) it stays below the 255 bytes that a file system takes.
"""


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A file in `frames/`. `arrived_ns` is CLOCK_MONOTONIC; `recovered`: it was there at start.

    `clock_trusted` is that of the wall clock when it was claimed, False where nobody knows any
    more. `sidecar_doubt`: why the sidecar that lay beside it was set aside, None if none was.
    """

    name: str
    frame_id: FrameId
    arrived_ns: int
    recovered: bool
    clock_trusted: bool = False
    sidecar_doubt: str | None = None

    @property
    def is_row(self) -> bool:
        """True for a gap or an event, False for a frame."""
        return self.name.endswith(ROW)

    @property
    def may_be_cut(self) -> bool:
        """True if the name under which it was dropped may have been longer than there is room."""
        return len(self.name) - len(self.frame_id) - 1 >= _NAME_MAX - 2

    @property
    def original_name(self) -> str | None:
        """The name under which another node dropped it; None for an own frame.

        Of a very long one only the end: `Spool.original_name` has all of it.
        """
        _, separator, name = self.name.partition("~")
        if not separator:
            return None
        # Names are bytes to the kernel: what is no UTF-8 comes back as it was.
        raw = unquote(name, errors="surrogateescape").encode("utf-8", "surrogateescape")
        return os.fsdecode(raw)


def parse_name(name: str, arrived_ns: int, *, recovered: bool) -> SpooledFile | None:
    """The file with this name in `frames/`; None for a sidecar or a name of another form."""
    if name.endswith(COMPANIONS) or name.startswith("."):
        return None
    stem = name.partition("~")[0].removesuffix(ROW).removesuffix(".pgm").removesuffix(".ppm")
    try:
        frame_id_micros(FrameId(stem))
    except ValueError:
        return None
    return SpooledFile(name, FrameId(stem), arrived_ns, recovered)


def is_foreign(name: str) -> bool:
    """True for the name of another node's file."""
    return "~" in name


def claimed_name(frame: FrameId, dropped: str) -> str:
    """The name in `frames/` of the file that another node dropped as `dropped`."""
    return f"{frame}~{_quoted(dropped)}"


def _quoted(dropped: str) -> str:
    """The name percent-encoded; of a very long one the end, from a whole character on.

    The end, since it has the suffix and most often a counter.
    """
    whole = quote(os.fsencode(dropped), safe="._-")
    for suffix in COMPANIONS:
        if whole.endswith(suffix):  # somebody dropped `x.sidecar`: it is a frame, no companion
            whole = f"{whole.removesuffix(suffix)}%2E{suffix[1:]}"
    cut = max(0, len(whole) - _NAME_MAX)
    escape = whole.find("%", max(0, cut - 2), cut)
    return whole[cut if escape < 0 else escape + 3 :]
