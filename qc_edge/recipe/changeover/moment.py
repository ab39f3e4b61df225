"""The moment of a changeover: which frames were exposed before it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from qc_edge.domain.frame import FrameId


@dataclass(frozen=True, slots=True)
class ChangeoverMoment:
    """`frame_id` is an id of that moment. `at_ns` is CLOCK_MONOTONIC (ns), None of one before this
    start; `cameras` has it for each camera that was set otherwise on the way.
    """

    frame_id: FrameId
    at_ns: int | None = None
    cameras: Mapping[str, int] = field(default_factory=dict)

    def is_after(self, camera: str, frame_id: FrameId, exposed_ns: int | None) -> bool:
        """True if that frame belongs to the product before; `exposed_ns` is None where nobody knows
        when it was exposed: then its id, which it got when it arrived, decides.
        """
        if exposed_ns is None or self.at_ns is None:
            return frame_id < self.frame_id
        return exposed_ns < self.cameras.get(camera, self.at_ns)
