"""What a new threshold would have done in the last day, for whoever is about to set it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from qc_edge.analysis.label_outcome import LabelOutcome, label_outcome
from qc_edge.domain.history import Flip, Selection, Totals
from qc_edge.errors import BusyError, QcEdgeError, UsageError
from qc_edge.plot.page import Table
from qc_edge.query.past.station_history import open_history
from qc_edge.query.published_files import oldest_file
from qc_edge.settings import StationPaths

_TIME = timedelta(days=1)
_NEAREST = 6


@dataclass(frozen=True, slots=True)
class ThresholdPreview:
    """The verdicts of the last day by the bundle in force, judged again at `threshold` (0..1).

    `nearest` are the parts with scores nearest to it, nearest first. `unknown` says why nothing is
    known; then there are no totals.
    """

    threshold: float
    bundle: str
    totals: Totals | None = None
    labelled: tuple[LabelOutcome, LabelOutcome] | None = None
    nearest: tuple[Flip, ...] = ()
    unknown: str = ""

    @property
    def sentences(self) -> list[str]:
        """What would turn, in words."""
        totals = self.totals
        if totals is None:
            return [f"what it would turn over is not known: {self.unknown}"]
        frames = f"of {totals.inspections:,} frames that {self.bundle} was given in the last day"
        to_fail, to_pass = f"{totals.pass_to_fail:,}", f"{totals.fail_to_pass:,}"
        lines = [f"{frames}, {to_fail} PASS would have been FAIL and {to_pass} FAIL PASS"]
        if self.labelled:
            before, after = self.labelled
            lines.append(
                f"of those labelled: escapes {before.escapes.count} → {after.escapes.count} of "
                f"{after.escapes.of}, overkill {before.overkill.count} → {after.overkill.count} of "
                f"{after.overkill.of}"
            )
        return lines

    def tables(self) -> dict[str, Table]:
        """The nearest parts, as title, headings and rows."""
        if not self.nearest:
            return {}
        rows = [_row(part) for part in self.nearest]
        headings = ("part", "recorded (UTC)", "camera", "score", "verdict", "label")
        return {f"Nearest to {self.threshold:g}": (headings, rows)}

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        totals = self.totals
        return {
            "inspections": totals.inspections if totals else None,
            "pass_to_fail": totals.pass_to_fail if totals else None,
            "fail_to_pass": totals.fail_to_pass if totals else None,
            "nearest": [asdict(part) for part in self.nearest],
            "unknown": self.unknown or None,
        }


def preview_threshold(
    paths: StationPaths, bundle: str, threshold: float, now: datetime, camera: str | None = None
) -> ThresholdPreview:
    """What `threshold` would have made of what `bundle` (NAME@VERSION) judged in the day before
    `now`, of one `camera` or of all. Never raises for a log that cannot be read: the change itself
    does not need it.
    """
    selection = Selection(since=now - _TIME, model=bundle, cameras=(camera,) if camera else ())
    # A station at rest may have published nothing, and its database has every row.
    database = oldest_file(paths.published, "inspections") is None
    try:
        with open_history(paths, selection, database) as history:
            totals, labelled = history.totals(threshold), history.labelled()
            if not totals.inspections:
                reason = f"{bundle} judged nothing in the last day"
                return ThresholdPreview(threshold, bundle, unknown=reason)
            outcomes = (label_outcome(labelled), label_outcome(labelled, threshold))
            nearest = tuple(history.nearest(threshold, _NEAREST))
    except (BusyError, UsageError):
        return ThresholdPreview(threshold, bundle, unknown="nothing is published yet")
    except QcEdgeError as fault:
        return ThresholdPreview(threshold, bundle, unknown=fault.message)
    return ThresholdPreview(threshold, bundle, totals, outcomes if labelled else None, nearest)


def _row(part: Flip) -> tuple[str, ...]:
    turns = part.verdict != part.replayed
    return (
        part.part_id,
        f"{part.recorded_at:%Y-%m-%d %H:%M:%S}",
        part.camera,
        f"{part.score:.4f}",
        f"{part.verdict} → {part.replayed}" if turns else f"{part.verdict}, as it was",
        part.label or "",
    )
