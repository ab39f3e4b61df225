"""What the inspector asks of challenges for each frame, in memory: whether it is a challenge part,
and whether production parts are held. Never waits for the log.
"""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from qc_edge.challenge.schedule import JudgedBy
from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import HoldReason
from qc_edge.recipe.rules import Rules

_MOST_WAITING = 1000
"""Challenge parts that may wait for their rows; a set has a handful."""

_DOUBTS = {
    HoldReason.RECOVERED: "it was exposed before the station was started",
    HoldReason.REPEATED_FRAME: "it is the same picture as before",
    HoldReason.IMPOSSIBLE_TIME: "nobody knows when it was exposed",
}


@dataclass(frozen=True, slots=True)
class GateState:
    """As the janitor last set it. `part_ids` are those of the register, `by_position`: every part
    is one of the challenge. `holds`: production parts are held. From `due_at` on, or where
    anything judges that is not among `proven` (None: whatever judges), they are too.
    """

    part_ids: frozenset[str] = frozenset()
    by_position: bool = False
    holds: bool = False
    due_at: datetime | None = None
    proven: frozenset[JudgedBy] | None = None


@dataclass(frozen=True, slots=True)
class ShownPart:
    """A challenge part that was judged: by what, and why it proves nothing, empty if it does."""

    told: ToldPart
    judged_by: JudgedBy | None
    doubt: str


class ChallengeGate:
    """`hold_of` and `announce` are of the inspector's thread, the rest of any."""

    def __init__(self) -> None:
        self.state = GateState()
        self._lock = threading.Lock()
        self._judged: OrderedDict[FrameId, tuple[JudgedBy, str]] = OrderedDict()
        self._shown: deque[ShownPart] = deque(maxlen=_MOST_WAITING)
        self._rules: Rules | None = None
        self._judged_by: JudgedBy | None = None

    def hold_of(
        self,
        frame_id: FrameId,
        part_id: str,
        rules: Rules,
        now: datetime,
        others: Collection[HoldReason],
    ) -> HoldReason | None:
        """Why the part of this frame is held for a challenge; None if it is not. `others` are the
        other reasons to hold it, some of which make it prove nothing.
        """
        state = self.state
        if part_id in state.part_ids or state.by_position:
            doubt = next((words for hold, words in _DOUBTS.items() if hold in others), "")
            self._judged[frame_id] = self._of(rules), doubt
            while len(self._judged) > _MOST_WAITING:
                self._judged.popitem(last=False)
            return HoldReason.CHALLENGE
        is_due = state.due_at is not None and now >= state.due_at
        if state.holds or is_due:
            return HoldReason.CHALLENGE_DUE
        if state.proven is not None and self._of(rules) not in state.proven:
            return HoldReason.CHALLENGE_DUE
        return None

    def announce(self, told: ToldPart) -> None:
        """A part whose rows stand: kept for the janitor if it is one of a challenge."""
        if not any(each.hold_reason is HoldReason.CHALLENGE for each in told.inspections):
            return
        judged = [self._judged.pop(each.frame_id, None) for each in told.inspections]
        doubts = [doubt for _, doubt in filter(None, judged) if doubt]
        by = {judged_by for judged_by, _ in filter(None, judged)}
        one = by.pop() if len(by) == 1 else None
        self._shown.append(ShownPart(told, one, doubts[0] if doubts else ""))

    def close(self) -> None:
        """As outputs have it: nothing to do."""

    def take_shown(self) -> list[ShownPart]:
        """What was shown since, in order."""
        return [self._shown.popleft() for _ in range(len(self._shown))]

    def _of(self, rules: Rules) -> JudgedBy:
        if rules is not self._rules or self._judged_by is None:
            self._rules, self._judged_by = rules, JudgedBy.of(rules)
        return self._judged_by
