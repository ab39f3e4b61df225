"""The cameras' own frame numbers, held against the parts that were found by time.

A camera that missed a trigger counts one less than there were parts, one whose frame was lost on
the way counts it. Any other step (a counter that was restarted, a frame that no part has) does not
fit the times; the part is held, and the next is held against the new number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from qc_edge.inspection.parts.open_part import OpenPart

_REMEMBERED = 64


@dataclass(slots=True)
class FrameNumbers:
    """Of each view: the numbers of its last frames, each with the time of its part (ns)."""

    last: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def copy(self) -> FrameNumbers:
        """A copy of its own."""
        return FrameNumbers({view: list(numbers) for view, numbers in self.last.items()})

    def check(self, part: OpenPart, known: Sequence[int]) -> list[str]:
        """What does not fit in the numbers of a part that closes, in words.

        `known` are the times of all parts that are remembered, this one too.
        """
        doubts = []
        for sighting in (member.sighting for member in part.members):
            if sighting.number is None or not sighting.is_dated:
                continue
            numbers = self.last.setdefault(sighting.view, [])
            before = max((each for each in numbers if each[0] < part.first_ns), default=None)
            if before is not None and before[0] >= min(known):
                step = sighting.number - before[1]
                parts = sum(before[0] < time <= part.first_ns for time in known)
                if not 1 <= step <= parts:
                    doubts.append(
                        f"view {sighting.view} has frame number {sighting.number} after "
                        f"{before[1]}, and {parts} part{'s'[: parts != 1]} by the times of exposure"
                    )
            numbers.append((part.first_ns, sighting.number))
            del numbers[:-_REMEMBERED]
        return doubts
