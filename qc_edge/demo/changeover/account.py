"""The account of the demo's changeover: every part against what was rendered, from the log alone.

Made from what the station left on disk, after it has stopped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from qc_edge.demo.changeover.station import ViewTruth
from qc_edge.domain.activation import recipe_name
from qc_edge.domain.inspection import Gap, Inspection, Part
from qc_edge.domain.verdict import Disposition
from qc_edge.query.typed_rows import read_gaps, read_inspections, read_parts
from qc_edge.settings import StationPaths


@dataclass(frozen=True, slots=True)
class SeenPart:
    """One part as the log has it: what each view said of it, and what the line was told.

    `recipes` judged its frames and `products` are what those show: one where nothing was mixed up.
    `is_bad` is the truth.
    """

    part_id: str
    recipes: tuple[str, ...]
    verdicts: Mapping[str, str]
    disposition: str
    reason: str
    products: tuple[str, ...]
    is_bad: bool

    @property
    def recipe(self) -> str:
        """What judged it, NAME@REVISION."""
        return ", ".join(self.recipes)

    @property
    def is_rejected_by_one_view(self) -> bool:
        """True if one view alone made the line reject it."""
        said = Counter(self.verdicts.values())
        is_rejected = self.disposition == Disposition.REJECT.value
        return is_rejected and said == {"FAIL": 1, "PASS": len(self.verdicts) - 1}


@dataclass(frozen=True, slots=True)
class ChangeoverAccount:
    """Both sides of the count of each camera, the parts, and what is wrong.

    `triggers` and `recorded` are by camera; `faults` says in words what is wrong.
    """

    triggers: Mapping[str, int]
    recorded: Mapping[str, int]
    parts: Sequence[SeenPart]
    waiting: int
    without_part: int
    faults: Sequence[str] = ()

    @property
    def closed(self) -> bool:
        """Whether each trigger of each camera has one row, and each frame is of one part."""
        return dict(self.triggers) == dict(self.recorded) and not (
            self.waiting or self.without_part
        )

    @property
    def rejected_by_one_view(self) -> list[SeenPart]:
        """The parts of which one view alone shows the defect."""
        return [part for part in self.parts if part.is_rejected_by_one_view]

    @property
    def dispositions(self) -> Mapping[str, int]:
        """How many parts were told which."""
        counted = Counter(part.disposition for part in self.parts)
        return {str(each): counted[each.value] for each in Disposition}


def read_account(
    paths: StationPaths, truth: Mapping[str, ViewTruth], triggers: Mapping[str, int]
) -> ChangeoverAccount:
    """The account of a station that has stopped. Raises StoreError if its log does not open."""
    return make_account(
        read_inspections(paths.database),
        read_parts(paths.database),
        read_gaps(paths.database),
        truth,
        triggers,
        waiting=sum(1 for _ in paths.frames.iterdir()),
    )


def make_account(
    inspections: Sequence[Inspection],
    parts: Sequence[Part],
    gaps: Sequence[Gap],
    truth: Mapping[str, ViewTruth],
    triggers: Mapping[str, int],
    waiting: int = 0,
) -> ChangeoverAccount:
    """The account of these rows of the log."""
    recorded = Counter(row.camera for row in inspections)
    for gap in gaps:
        recorded[gap.camera] += gap.lost
    told = {part.attempt_id for part in parts}
    account = ChangeoverAccount(
        triggers,
        {camera: recorded[camera] for camera in {**triggers, **recorded}},
        [_seen(part, inspections, truth) for part in parts],
        waiting,
        sum(row.attempt_id not in told for row in inspections),
    )
    return replace(account, faults=tuple(_faults(account)))


def _seen(
    part: Part, inspections: Iterable[Inspection], truth: Mapping[str, ViewTruth]
) -> SeenPart:
    frames = [row for row in inspections if row.attempt_id == part.attempt_id]
    shown = [truth.get(row.raw_sha256 or "") for row in frames]
    # Two frames of different parts were put together: as wrong as two products.
    mixed = len({each.number for each in shown if each}) > 1
    products = {each.recipe if each else "unknown" for each in shown}
    return SeenPart(
        part.part_id,
        tuple(sorted({row.recipe or "no recipe" for row in frames})),
        {row.view or row.camera: str(row.verdict) for row in frames},
        str(part.disposition),
        str(part.reason),
        (*sorted(products), *(["another part"] if mixed else [])),
        any(each.is_bad for each in shown if each),
    )


def _faults(account: ChangeoverAccount) -> Iterator[str]:
    if not account.closed:
        yield (
            f"the count of the two cameras does not close: {_words(account.triggers)} triggers, "
            f"{_words(account.recorded)} in the log, {account.waiting} in the spool, "
            f"{account.without_part} frames of no part"
        )
    for part in account.parts:
        if part.is_bad and part.disposition == Disposition.ACCEPT.value:
            yield f"part {part.part_id} has a defect in one view and was ACCEPTed"
        if part.products != tuple(map(recipe_name, part.recipes)):
            shown = ", ".join(part.products)
            yield f"part {part.part_id} was judged by {part.recipe}, and it is: {shown}"


def _words(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items())
