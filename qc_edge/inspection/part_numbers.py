"""Part ids for frames that bring none: a counter for each camera."""

from __future__ import annotations

from collections.abc import Iterable

from qc_edge.inspection.frames import PreparedFrame, ScoredFrame


class PartNumbers:
    """Gives each frame its part's id; used by the inspector's thread.

    Parts without an id are counted for each camera: `top-7`, or just `7` for `unprefixed_camera`
    (the only camera of a station). `counters` are the last numbers given out, by camera.
    """

    def __init__(self, counters: dict[str, int], unprefixed_camera: str | None) -> None:
        self._counters = counters
        self._unprefixed_camera = unprefixed_camera

    def assign(self, prepared: PreparedFrame) -> tuple[str, str]:
        """The id of the frame's part, and where it comes from: frame, sidecar, name or counter."""
        frame = prepared.frame
        if frame.part_id and prepared.part_source:
            return frame.part_id, prepared.part_source
        number = self._counters.get(frame.camera, 0) + 1
        self._counters[frame.camera] = number
        is_plain = frame.camera == self._unprefixed_camera
        return (str(number) if is_plain else f"{frame.camera}-{number}"), "counter"

    def take_back(self, frames: Iterable[ScoredFrame]) -> None:
        """These frames got no row and are scored again: their numbers are given out once more."""
        for scored in frames:
            if scored.part_source == "counter":
                camera = scored.prepared.frame.camera
                number = int(scored.part_id.rpartition("-")[2])
                self._counters[camera] = min(self._counters[camera], number - 1)
