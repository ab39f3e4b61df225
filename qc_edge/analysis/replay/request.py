"""What a replay shall find out, of which parts, and which files it shall write."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.analysis.label_outcome import Costs
from qc_edge.analysis.output_files import OutputFiles
from qc_edge.analysis.replay.gallery import LinkReports
from qc_edge.domain.history import Selection
from qc_edge.errors import UsageError


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """A threshold (0..1), another model, or both.

    `bundle` is NAME@VERSION; `limit` is how many flipped parts to list; `results` is where the
    scores of `bundle` are kept, None for the station's own place; `link_reports` writes the reports
    of the parts that a page shows. Raises UsageError if there is
    neither a threshold nor a bundle.
    """

    threshold: float | None = None
    bundle: str | None = None
    selection: Selection = field(default_factory=Selection)
    costs: Costs | None = None
    limit: int = 20
    outputs: OutputFiles = field(default_factory=OutputFiles)
    results: Path | None = None
    link_reports: LinkReports | None = None

    def __post_init__(self) -> None:
        if self.threshold is None and self.bundle is None:
            raise UsageError(
                "replay needs something to replay with",
                hint="--threshold X, or --bundle NAME@VERSION",
            )
