"""Part ids for frames that bring none: a counter for each camera."""

from __future__ import annotations

from collections.abc import Iterable

from qc_edge.domain.verdict import HoldReason
from qc_edge.inspection.frames import PreparedFrame, ScoredFrame
from qc_edge.intake.identity import DOUBTFUL

COUNTER, NONE = "counter", "none"
_NO_ID = {HoldReason.NO_PART_ID, HoldReason.DOUBTFUL_SIDECAR}


def is_counted(part_source: str) -> bool:
    """True if the part's id is the station's own counter, False if it came from outside."""
    return part_source.startswith((COUNTER, NONE))


class PartNumbers:
    """Gives each frame its part's id; used by the inspector's thread.

    Parts without an id are counted for each camera: `top-7`, or just `7` for `unprefixed_camera`
    (the only camera of a station). Where an id is required, the part is counted too, to have a
    name, but as `unidentified-7`: no reader sends that. `counters` are the last numbers given out,
    by camera.
    """

    def __init__(self, counters: dict[str, int], unprefixed_camera: str | None) -> None:
        self._counters = counters
        self._unprefixed_camera = unprefixed_camera

    def assign(self, prepared: PreparedFrame, *, is_shared: bool = False) -> tuple[str, str]:
        """The id of the frame's part, and where it comes from: frame, sidecar, name, counter; none
        where it is held for having none.

        `is_shared`: the cameras see the same parts, which are counted together and without prefix.
        """
        frame = prepared.frame
        if frame.part_id and prepared.part_source:
            return frame.part_id, prepared.part_source
        if is_shared:
            number = max(self._counters.values(), default=0) + 1
            self._counters[frame.camera] = number
            return str(number), COUNTER
        number = self._counters.get(frame.camera, 0) + 1
        self._counters[frame.camera] = number
        doubtful = DOUBTFUL if prepared.sidecar_doubt is not None else ""
        prefix = "" if frame.camera == self._unprefixed_camera else f"{frame.camera}-"
        if _NO_ID.isdisjoint(prepared.holds):
            return f"{prefix}{number}", f"{COUNTER}{doubtful}"
        return f"{prefix}unidentified-{number}", f"{NONE}{doubtful}"

    def joined(self, prepared: PreparedFrame, part_id: str) -> None:
        """The frame is of a part that another camera's frame was counted for."""
        camera, number = prepared.frame.camera, int(part_id.rpartition("-")[2])
        self._counters[camera] = max(self._counters.get(camera, 0), number)

    def take_back(self, frames: Iterable[ScoredFrame]) -> None:
        """These frames got no row and are scored again: their numbers are given out once more."""
        for scored in frames:
            if is_counted(scored.part_source):
                camera = scored.prepared.frame.camera
                number = int(scored.part_id.rpartition("-")[2])
                self._counters[camera] = min(self._counters.get(camera, 0), number - 1)
