"""The demo's account: the camera's count against the log's, and every verdict against the truth.

Made from what the station left on disk, after it has stopped; what was only displayed does not
count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from qc_edge.domain.inspection import Gap, Inspection
from qc_edge.domain.verdict import Disposition, Reason, Verdict
from qc_edge.query.typed_rows import read_gaps, read_inspections
from qc_edge.rendered import DefectKind, FrameFault, Truth
from qc_edge.settings import StationPaths
from qc_edge.setup.new_station import CAMERA_NAME

GOOD, UNKNOWN = "good", "unknown"

EXPECTED = {
    FrameFault.DEFOCUSED: {Reason.LOW_FOCUS},
    FrameFault.OVEREXPOSED: {Reason.SATURATED, Reason.TOO_BRIGHT},
    FrameFault.UNDEREXPOSED: {Reason.TOO_DARK, Reason.BLACK},
    FrameFault.OUT_OF_FRAME: {Reason.OUT_OF_FRAME},
}
"""Why a gate should refuse a frame with this fault."""


@dataclass(slots=True)
class TruthRow:
    """What became of all frames of one kind.

    `kind` is good, a kind of defect, a fault of the frame, or unknown: a frame that shows none of
    the rendered parts. `refused_wrongly` are frames that a gate refused for another reason than
    their fault.
    """

    kind: str
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    accepted: int = 0
    refused_wrongly: int = 0

    @property
    def seen(self) -> int:
        """Frames of this kind in the log."""
        return self.verdicts.total()


@dataclass(frozen=True, slots=True)
class Account:
    """Both sides of the count, the verdicts against the truth, and what is wrong.

    `triggers` is the camera's side of the count; `verdicts` and `lost` are rows of the log;
    `waiting` files are still in the spool. `steps_ms` is the median time of each step (ms).
    `faults` says in words what is wrong; the demo has succeeded if there is none.
    """

    triggers: int
    verdicts: Mapping[str, int]
    reasons: Mapping[str, int]
    lost: int
    lost_why: Mapping[str, int]
    waiting: int
    held: int
    rows: Sequence[TruthRow]
    steps_ms: Mapping[str, float]
    faults: Sequence[str]

    @property
    def recorded(self) -> int:
        """The log's side: PASS + FAIL + INVALID + lost."""
        return sum(self.verdicts.values()) + self.lost

    @property
    def closed(self) -> bool:
        """Whether every trigger has exactly one row, or is known to be lost."""
        return self.triggers == self.recorded and not self.waiting

    def kind(self, name: str) -> TruthRow:
        """The row of one kind, an empty one if none was seen."""
        return next((row for row in self.rows if row.kind == name), TruthRow(name))


def read_account(paths: StationPaths, parts: Iterable[Truth], triggers: int) -> Account:
    """The account of a station that has stopped. Raises StoreError if its log does not open."""
    inspections = [row for row in read_inspections(paths.database) if row.camera == CAMERA_NAME]
    gaps = [row for row in read_gaps(paths.database) if row.camera == CAMERA_NAME]
    # The database and not what is published: the station has stopped, and this is the log itself.
    return make_account(
        inspections, gaps, parts, triggers, waiting=sum(1 for _ in paths.frames.iterdir())
    )


def make_account(
    inspections: Sequence[Inspection],
    gaps: Sequence[Gap],
    parts: Iterable[Truth],
    triggers: int,
    waiting: int = 0,
) -> Account:
    """The account of these rows of the log.

    The truth of a frame is found by the digest of its pixels, not by its number: a frame that comes
    twice, or in another's place, shows.
    """
    truth = {part.sha256: part for part in parts}
    table = {kind: TruthRow(kind) for kind in (GOOD, *DefectKind, *FrameFault, UNKNOWN)}
    for inspection in inspections:
        # A frame that did not read has no digest, and so counts as unknown.
        _count(table, truth.get(inspection.raw_sha256 or ""), inspection)
    invalid = Counter(str(row.reason) for row in inspections if row.verdict is Verdict.INVALID)
    verdicts = Counter(row.verdict for row in inspections)
    lost_why: Counter[str] = Counter()
    for gap in gaps:
        lost_why[gap.reason] += gap.lost
    account = Account(
        triggers=triggers,
        verdicts={str(verdict): verdicts[verdict] for verdict in Verdict},
        reasons=dict(invalid.most_common()),
        lost=lost_why.total(),
        lost_why=dict(lost_why),
        waiting=waiting,
        held=sum(row.disposition is Disposition.HOLD for row in inspections),
        rows=[row for row in table.values() if row.seen],
        steps_ms=_median_steps_ms(inspections),
        faults=(),
    )
    return replace(account, faults=tuple(_faults(account)))


def _count(table: Mapping[str, TruthRow], part: Truth | None, inspection: Inspection) -> None:
    kind = UNKNOWN if part is None else part.fault or part.defect or GOOD
    row = table[kind]
    row.verdicts[str(inspection.verdict)] += 1
    row.accepted += inspection.disposition is Disposition.ACCEPT
    if inspection.verdict is Verdict.INVALID:
        row.reasons[str(inspection.reason)] += 1
        expected = EXPECTED[part.fault] if part and part.fault else set()
        row.refused_wrongly += inspection.reason not in expected


def _faults(account: Account) -> Iterator[str]:
    if not account.closed:
        yield (
            f"the count does not close: {account.triggers} triggers, {account.recorded} in the "
            "log, "
            f"{account.waiting} still in the spool"
        )
    for kind in DefectKind:
        if escaped := account.kind(kind).accepted:
            yield f"parts with the defect {kind} that were ACCEPTed: {escaped}"
    for fault in FrameFault:
        row = account.kind(fault)
        if judged := row.seen - row.verdicts[Verdict.INVALID.value]:
            yield f"{fault} frames that got past the gates: {judged}"
        if row.refused_wrongly:
            yield f"{fault} frames that were refused for another reason: {row.refused_wrongly}"
    if unknown := account.kind(UNKNOWN).seen:
        yield f"frames in the log that show none of the rendered parts: {unknown}"


def _median_steps_ms(inspections: Sequence[Inspection]) -> dict[str, float]:
    steps_ms = {}
    for step in ("wait", "read", "gates", "prepare", "infer", "evidence", "age"):
        values = sorted(
            value for row in inspections if (value := getattr(row, f"{step}_ms")) is not None
        )
        if values:
            steps_ms[step] = values[len(values) // 2]
    return steps_ms
