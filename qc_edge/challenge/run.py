"""One challenge while it runs: which parts have been seen, and what the station said. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from qc_edge.challenge.register import Register, RegisteredPart
from qc_edge.challenge.schedule import JudgedBy
from qc_edge.domain.challenges.rows import ShownOutcome
from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import Verdict

_COUNTED = frozenset({ShownOutcome.CAUGHT, ShownOutcome.MISSED})


@dataclass(frozen=True, slots=True)
class Shown:
    """A challenge part that passed in front of the cameras, and what that is worth."""

    part: RegisteredPart
    told: ToldPart
    outcome: ShownOutcome
    detail: str

    @property
    def score(self) -> float | None:
        """The highest score of its views."""
        scores = [each.score for each in self.told.inspections if each.score is not None]
        return max(scores, default=None)

    @property
    def found_class(self) -> str | None:
        """The class that it was taken for."""
        return _class_of(self.told)


@dataclass(slots=True)
class ChallengeRun:
    """The challenge that runs. `order` are the serials by position; empty: by their ids."""

    challenge_id: FrameId
    began_at: datetime
    judged_by: JudgedBy
    due: str
    who: str
    order: tuple[str, ...] = ()
    counted: dict[str, Shown] = field(default_factory=dict)

    def part_of(self, register: Register, part_id: str) -> RegisteredPart | None:
        """The registered part that was shown: by its id, else by its position."""
        recipe = self.judged_by.recipe
        if found := register.recognise(recipe, part_id):
            return found
        waiting = [serial for serial in self.order if serial not in self.counted]
        return register.find(recipe, waiting[0]) if waiting else None

    def judge(self, part: RegisteredPart, told: ToldPart, doubt: str, now: datetime) -> Shown:
        """What it is worth that this part was shown; `doubt` says why its frames prove nothing."""
        outcome, detail = self._judge(part, told, doubt, now)
        shown = Shown(part, told, outcome, detail)
        if outcome in _COUNTED:
            self.counted[part.serial] = shown
        return shown

    def missing(self, register: Register) -> list[RegisteredPart]:
        """The parts of the set that have not been shown, or prove nothing."""
        parts = register.set_of(self.judged_by.recipe)
        return [each for each in parts if each.serial not in self.counted]

    @property
    def missed(self) -> list[Shown]:
        """The parts of which the station did not say what they are."""
        return [each for each in self.counted.values() if each.outcome is ShownOutcome.MISSED]

    def _judge(
        self, part: RegisteredPart, told: ToldPart, doubt: str, now: datetime
    ) -> tuple[ShownOutcome, str]:
        if part.recipe != self.judged_by.recipe:
            words = f"it is a part of recipe {part.recipe or '(none)'}"
            return ShownOutcome.OTHER_RECIPE, f"{words}, not of {self.judged_by.recipe or '(none)'}"
        if fault := doubt or _doubt_of(told, self.began_at):
            return ShownOutcome.NOT_COUNTED, fault
        if fault := part.fault(now):
            is_worn = now < part.valid_until
            return (ShownOutcome.WORN if is_worn else ShownOutcome.EXPIRED), fault
        if before := self.counted.get(part.serial):
            return ShownOutcome.TWICE, f"it was shown before: {before.outcome}, that counts"
        found = _class_of(told)
        if part.fits(told.verdict, found):
            return ShownOutcome.CAUGHT, f"{told.verdict}, as it must be"
        return ShownOutcome.MISSED, missed_words(part, told)


def missed_words(part: RegisteredPart, told: ToldPart) -> str:
    """Which part was missed, with its score."""
    scores = [each.score for each in told.inspections if each.score is not None]
    score = f", score {max(scores):.4f}" if scores else ", no score"
    threshold = told.inspections[0].threshold
    found = _class_of(told)
    said = f"{told.verdict} {found}" if found else str(told.verdict)
    return f"{part.serial} must be {part.says}, it is {said}{score} (threshold {threshold:g})"


def _class_of(told: ToldPart) -> str | None:
    failed = [each for each in told.inspections if each.verdict is Verdict.FAIL]
    return next((each.predicted_class for each in failed if each.predicted_class), None)


def _doubt_of(told: ToldPart, began_at: datetime) -> str:
    if told.row is not None and told.row.views_missing:
        return f"its view {told.row.views_missing} is missing"
    if not told.inspections:
        return "its frames are of a run before"
    if min(each.captured_at for each in told.inspections) < began_at:
        return "it was exposed before the challenge began"
    return ""
