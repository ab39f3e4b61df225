"""The part ids and lots that the line gave with its triggers, bound to the frames of these alone.

A frame is of a trigger by the same rule as its result is (`pairing`), and by an exact time alone:
where the camera does not say when it exposed, one frame too many would give each part the id of the
next. One that may be of several triggers, or of none, gets no id: it is never guessed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field

from qc_edge.domain.frame import ExposureSource, Frame, FrameId
from qc_edge.domain.part_id import PartIdError, normalise_part_id
from qc_edge.domain.parts.line_identity import LineIdentity
from qc_edge.output.handshake.pairing import may_be_of
from qc_edge.output.handshake.words import FromLine

_MOST_TRIGGERS = 1024
"""So many frames may wait in the spool and still find theirs: a minute and more of a fast line."""
_MOST_FRAMES = 4096


@dataclass(slots=True)
class _Given:
    """What came with one trigger, heard at `at_ns` (CLOCK_MONOTONIC); `seen_by` are the cameras of
    which it has a frame.
    """

    sequence: int
    at_ns: int
    part_id: str
    lot: str
    end_ns: int | None = None
    seen_by: set[str] = field(default_factory=set)


class LineIdentities:
    """`begin` and `end` by the output's thread, `find` by the inspector's."""

    def __init__(self, way_ns: int) -> None:
        """A frame is on the box so long after its exposure at most."""
        self._way_ns = way_ns
        self._given: list[_Given] = []
        self._found: OrderedDict[FrameId, LineIdentity] = OrderedDict()
        self._lock = threading.Lock()

    def begin(self, words: FromLine, at_ns: int) -> None:
        """A trigger is taken: what is exposed from now on is its own. Before the line can see so,
        and so before it fires the camera.
        """
        with self._lock:
            self._end(at_ns)
            self._given.append(_Given(words.trigger, at_ns, words.part_id, words.lot))
            del self._given[:-_MOST_TRIGGERS]

    def end(self, at_ns: int) -> None:
        """No trigger is under way any more: a reset, or a stop."""
        with self._lock:
            self._end(at_ns)

    def find(self, frame: Frame, boot: str) -> LineIdentity:
        """Bind the frame to its trigger, and give what came with that."""
        with self._lock:
            if (found := self._found.get(frame.frame_id)) is None:
                found = self._found[frame.frame_id] = self._bind(frame, boot)
                while len(self._found) > _MOST_FRAMES:
                    self._found.popitem(last=False)
            return found

    def _end(self, at_ns: int) -> None:
        if self._given and self._given[-1].end_ns is None:
            self._given[-1].end_ns = at_ns

    def _bind(self, frame: Frame, boot: str) -> LineIdentity:
        exposed_ns = frame.monotonic_ns if frame.boot_id == boot else None
        if exposed_ns is None or frame.exposure_source is not ExposureSource.CAMERA_CLOCK:
            return LineIdentity(doubt="its camera does not say when exactly it was exposed")
        may_be = [
            each
            for each in self._given
            if frame.camera not in each.seen_by
            and may_be_of(each.at_ns, each.end_ns, exposed_ns, self._way_ns, exposed_ns)
        ]
        if not may_be:
            return LineIdentity(doubt="no trigger of the line is its own")
        may_be[0].seen_by.add(frame.camera)
        if len(may_be) > 1:
            numbers = ", ".join(str(each.sequence) for each in may_be)
            return LineIdentity(doubt=f"it may be of several triggers of the line: {numbers}")
        return _identity(may_be[0])


def _identity(given: _Given) -> LineIdentity:
    lot = given.lot or None
    try:
        part_id = normalise_part_id(given.part_id)
    except PartIdError as fault:
        return LineIdentity(None, lot, f"the id that came with trigger {given.sequence}: {fault}")
    if part_id is None:
        return LineIdentity(None, lot, f"the line gave no part_id with trigger {given.sequence}")
    return LineIdentity(part_id, lot)
