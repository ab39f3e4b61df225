"""What a threshold would have made of the station's past: verdicts that turn, errors, cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from qc_edge.analysis.label_outcome import Costs, LabelOutcome, label_outcome
from qc_edge.analysis.operating_curve import cheapest_threshold
from qc_edge.domain.history import Flip, Selection, Totals
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.past.history import BINS, History
from qc_edge.query.published_log import PublishedCursor
from qc_edge.service.clock import utc_now

DAYS = (1, 7, 30)
FLIPS_MAX = 24
_DAYS_MAX = 366


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody asks: a threshold (0..1), for what `model` (NAME@VERSION) has judged in the
    last `days`, of one `camera` or of all ("").
    """

    threshold: float
    days: int
    model: str
    camera: str = ""
    costs: Costs | None = None

    @classmethod
    def parse(cls, given: Mapping[str, str], threshold: float, model: str) -> Question:
        """From what a form sends; without a value, `threshold`. Raises UsageError."""
        try:
            value = float(given.get("value") or threshold)
            days = int(given.get("days") or DAYS[1])
            escape, overkill = (_cost(given.get(name, "")) for name in ("escape", "overkill"))
        except ValueError:
            raise UsageError("a threshold, days and costs are numbers") from None
        if not (0 <= value <= 1 and 1 <= days <= _DAYS_MAX):
            raise UsageError(f"a threshold is in 0..1, days in 1..{_DAYS_MAX}")
        costs = None
        if escape is not None and overkill is not None:
            costs = Costs.from_options(escape, overkill)
        return cls(value, days, model, given.get("camera", ""), costs)


@dataclass(frozen=True, slots=True)
class Outlook:
    """The answer. `before` and `after` are the errors among labelled parts, as they were and by the
    threshold asked for; `cheapest` the one that would have cost least, None where nobody can say.
    """

    question: Question
    totals: Totals
    before: LabelOutcome
    after: LabelOutcome
    labelled: int
    cheapest: float | None
    flips: tuple[Flip, ...]


def outlook(log: PublishedCursor, question: Question) -> Outlook | None:
    """None if nothing is published yet. Raises StoreError."""
    history = _history(log, question)
    if history is None:
        return None
    labelled = history.labelled()
    cheapest = cheapest_threshold(labelled, question.costs) if question.costs else None
    return Outlook(
        question,
        history.totals(question.threshold),
        label_outcome(labelled),
        label_outcome(labelled, question.threshold),
        len(labelled),
        cheapest,
        tuple(history.flips(question.threshold, FLIPS_MAX)),
    )


def bars(log: PublishedCursor, question: Question) -> list[tuple[float, float, float]]:
    """How the scores lie: left edge, share of PASS and share of FAIL of the highest bar (0..1)."""
    history = _history(log, question)
    if history is None:
        return []
    passed, failed = history.histogram()
    # Square roots: a few bad parts among thousands of good ones are what one looks for.
    highest = max(1, *(p + f for p, f in zip(passed, failed, strict=True))) ** 0.5
    return [
        (number / BINS, p**0.5 / highest, f**0.5 / highest)
        for number, (p, f) in enumerate(zip(passed, failed, strict=True))
    ]


def _history(log: PublishedCursor, question: Question) -> History | None:
    since = utc_now() - timedelta(days=question.days)
    cameras = (question.camera,) if question.camera else ()
    try:
        return History(log, Selection(since=since, model=question.model, cameras=cameras))
    except StoreError:
        return None  # no inspection in these hours


def _cost(text: str) -> float | None:
    return float(text.replace(",", ".")) if text.strip() else None
