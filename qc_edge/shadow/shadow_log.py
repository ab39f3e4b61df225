"""The rows of the shadow's scores: made, gathered, committed some dozens at a time."""

from __future__ import annotations

import time
from dataclasses import dataclass

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.inspection import Inspection, ShadowScore
from qc_edge.engine import EngineInfo
from qc_edge.errors import StoreError
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.store.log.ledger import Ledger
from qc_edge.vision.prepare import preprocess_id

_MOST_ROWS, _LONGEST_S = 64, 2.0
"""So many rows share a commit, or those of so long: one row by itself would cost the log as much,
and a verdict may wait for that commit."""


class ShadowLog:
    """Rows that wait for their commit; used by the shadow's worker alone.

    `lost` counts the rows that the log did not take: scores without a row are dropped frames.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._rows: list[ShadowScore] = []
        self._committed_at = time.monotonic()
        self.lost = 0

    def add(self, row: ShadowScore) -> None:
        """Keep `row` for the next commit."""
        self._rows.append(row)

    def commit_if_due(self) -> None:
        """Commit the rows if there are many of them, or if the last commit is some time ago."""
        is_old = time.monotonic() - self._committed_at > _LONGEST_S
        if self._rows and (len(self._rows) >= _MOST_ROWS or is_old):
            self.commit()

    def commit(self) -> None:
        """Commit all rows. Never raises: the log's trouble is the line's to notice and to mend."""
        rows, self._rows, self._committed_at = self._rows, [], time.monotonic()
        if not rows:
            return
        try:
            self._ledger.commit(rows, utc_now())
        except StoreError as fault:
            self.lost += len(rows)
            LOG.error("no rows for %d scores of the shadow: %s", len(rows), fault)


@dataclass(frozen=True, slots=True)
class ShadowInference:
    """What the shadow's model made of one frame: a score in 0..1, or None and why in `detail`."""

    score: float | None
    detail: str
    infer_ms: float


def unfit_input(bundle: Bundle, inspection: Inspection) -> ShadowInference | None:
    """Why the shadow's model is not asked about the frame: it was prepared for another one."""
    if bundle.takes(inspection.preprocess_id):
        return None
    own = preprocess_id(bundle.parameters())
    detail = f"the model takes frames prepared by {own}, this is by {inspection.preprocess_id}"
    return ShadowInference(None, detail, 0.0)


def shadow_row(
    inspection: Inspection,
    bundle: Bundle,
    engine: EngineInfo,
    threshold: float,
    result: ShadowInference,
    dropped_before: int,
) -> ShadowScore:
    """The row of the frame of `inspection`; before it `dropped_before` frames have got none."""
    score = result.score
    verdict = None if score is None else "FAIL" if score >= threshold else "PASS"
    return ShadowScore(
        frame_id=inspection.frame_id,
        recorded_at=utc_now(),
        station=inspection.station,
        part_id=inspection.part_id,
        camera=inspection.camera,
        score=score,
        threshold=threshold,
        verdict=verdict,
        detail=result.detail,
        dropped_before=dropped_before,
        infer_ms=round(result.infer_ms, 3),
        model_name=bundle.name,
        model_version=bundle.version,
        model_sha256=bundle.sha256,
        engine_backend=engine.backend,
        engine_version=engine.version,
        engine_device=engine.device,
        engine_plan_sha256=engine.plan_sha256,
    )
