"""What alarms that came together mean: whether the camera or the process has moved, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from qc_edge.discipline.spc.charts import Alarm
from qc_edge.discipline.spc.subjects import Subject


class Cause(str, Enum):
    """What has moved, as the alarms of one view tell it together."""

    CAMERA = "camera drift"
    PROCESS = "process drift"
    LOOK = "scores moved"
    HELD = "more held"

    __str__ = str.__str__


_ADVICE = {
    Cause.CAMERA: "the picture has changed, so look at lens, light and fixture before the process: "
    "what FAILs now may come of it",
    Cause.PROCESS: "the picture has not changed, so look at the process",
    Cause.LOOK: "neither picture nor FAIL rate has changed, so look at accepted parts: another "
    "material or surface may be coming nearer to the threshold",
    Cause.HELD: "neither picture nor FAIL rate has changed, so look at why parts are held",
}


@dataclass(frozen=True, slots=True)
class Drift:
    """What the alarms of one view (and recipe) say; `since` is when the first of them came."""

    of: str
    cause: Cause
    alarms: tuple[Alarm, ...]

    @property
    def since(self) -> datetime:
        """Aware UTC."""
        return min(each.at for each in self.alarms)

    @property
    def newest(self) -> datetime:
        """When the last of them came, aware UTC."""
        return max(each.at for each in self.alarms)

    @property
    def short(self) -> str:
        """For a status line: `camera drift of top: focus 96 -> 71`."""
        return f"{self.cause} of {self.of}: {', '.join(each.words for each in self._telling())}"

    @property
    def words(self) -> str:
        """With what to do."""
        return f"{self.short}; {_ADVICE[self.cause]}"

    def _telling(self) -> list[Alarm]:
        """The newest alarm of each chart, those that tell of the cause first."""
        newest = {each.key: each for each in sorted(self.alarms, key=lambda each: each.at)}
        found = sorted(newest.values(), key=lambda each: _ORDER[self.cause].index(each.key.subject))
        return found[:4]


_ORDER = {
    Cause.CAMERA: [
        Subject.GATE,
        Subject.INVALID,
        Subject.SCORE,
        Subject.FAIL,
        Subject.CLASS,
        Subject.HELD,
    ],
    Cause.PROCESS: [
        Subject.CLASS,
        Subject.FAIL,
        Subject.SCORE,
        Subject.HELD,
        Subject.INVALID,
        Subject.GATE,
    ],
}
_ORDER[Cause.LOOK] = [Subject.SCORE, *(each for each in Subject if each is not Subject.SCORE)]
_ORDER[Cause.HELD] = [Subject.HELD, *(each for each in Subject if each is not Subject.HELD)]


def diagnose(alarms: Sequence[Alarm], within: timedelta, now: datetime) -> list[Drift]:
    """One for each view and recipe with alarms in the time `within` before `now`, oldest first."""
    recent: dict[str, list[Alarm]] = {}
    for each in alarms:
        if now - within <= each.at <= now:
            recent.setdefault(each.key.regime.of, []).append(each)
    found = [Drift(of, _cause(each), tuple(each)) for of, each in recent.items()]
    return sorted(found, key=lambda each: (each.since, each.of))


def _cause(alarms: Sequence[Alarm]) -> Cause:
    """Gates judge the picture, not the part: what moves them moves everything behind them."""
    subjects = {each.key.subject for each in alarms}
    if subjects & {Subject.GATE, Subject.INVALID}:
        return Cause.CAMERA
    if subjects & {Subject.FAIL, Subject.CLASS}:
        return Cause.PROCESS
    return Cause.LOOK if Subject.SCORE in subjects else Cause.HELD
