"""What the inspector works with: where files come from and rows go, how frames become rows."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.inspection.crash_isolation import CrashIsolation, TakenFrames
from qc_edge.inspection.evidence_keeper import EvidenceKeeper
from qc_edge.inspection.inspection_row import InspectionBuilder
from qc_edge.inspection.parts.assembly import Assembly
from qc_edge.inspection.parts.part_numbers import PartNumbers
from qc_edge.inspection.repeats import Repeats
from qc_edge.inspection.scoring.scorer import FrameScorer
from qc_edge.intake.arrivals import Arrivals
from qc_edge.intake.exposure import ExposureTimes
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.store.disk_space import DiskMonitor
from qc_edge.store.log.ledger import Ledger
from qc_edge.store.spool import Spool


@dataclass(frozen=True, slots=True)
class InspectionStores:
    """What the inspector works on: the queue, the spool behind it, the log, and the disk's state.

    `crash_isolation` keeps which frames may have caused the last crash, `taken_frames` which may
    cause the next; `exposure_times` tells when a frame was exposed.
    """

    arrivals: Arrivals
    spool: Spool
    ledger: Ledger
    disk_monitor: DiskMonitor
    crash_isolation: CrashIsolation
    exposure_times: ExposureTimes
    taken_frames: TakenFrames


@dataclass(frozen=True, slots=True)
class Judging:
    """How frames become inspections and these become parts: the rules in force, part ids, evidence,
    model, rows.
    """

    rulebook: RuleBook
    part_numbers: PartNumbers
    parts: Assembly
    evidence: EvidenceKeeper
    scorer: FrameScorer
    rows: InspectionBuilder
    repeats: Repeats
