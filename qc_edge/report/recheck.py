"""An inspection done again as far as that is possible: gates, prepared input, verdict, chain."""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Threshold, decide
from qc_edge.query.evidence import EvidenceFile, EvidenceMatch
from qc_edge.query.part_lookup import PartInspection
from qc_edge.vision.gates import GateFigures, check_gates
from qc_edge.vision.image import Colour, Gray, pixels_sha256, to_rgb
from qc_edge.vision.prepare import (
    PrepareParameters,
    prepare,
    preprocess_id,
    recorded_parameters,
    resize,
)


@dataclass(frozen=True, slots=True, eq=False)
class Recheck:
    """Whether the same came out when an inspection was done again today.

    `gates`: their figures on the frame. `prepared`: the model's input made from it. `verdict`: what
    score and threshold give. `chain`: the row is what its hash was taken over. None where it cannot
    be done, or does not apply; `why_not` says why gates or input could not. `model_input` (H x W or
    H x W x 3, uint8) is what was made from the frame where it is the one that was judged.
    """

    gates: bool | None
    prepared: bool | None
    verdict: bool | None
    chain: bool | None
    why_not: str = ""
    model_input: Gray | Colour | None = None

    @property
    def is_broken(self) -> bool:
        """True if anything came out otherwise."""
        return False in {self.gates, self.prepared, self.verdict, self.chain}


def recheck_inspection(
    inspection: PartInspection,
    raw: EvidenceFile,
    gray: Gray | None,
    calibration: Calibration | None,
    no_calibration: str,
) -> Recheck:
    """Do an inspection again from its frame.

    `gray` (H x W, uint8) is the frame as it was inspected, None if it was not kept or does not
    read. `no_calibration` says why `calibration` is None.
    """
    # The score is not made again here: that takes the model, and on another engine it comes out
    # nearly the same at best. All else is a pure function of what is kept.
    row, why_not = inspection.row, no_calibration
    gates = prepared = model_input = None
    if raw.match is not EvidenceMatch.SAME or gray is None:
        why_not = raw.detail or "the frame was not kept"
    elif calibration is not None:
        resized = resize(gray, PrepareParameters(roi=calibration.roi))
        # A frame that was refused for its size or depth has no figures.
        if row.focus is not None:
            figures = check_gates(gray, resized, row.bit_depth or 8, calibration).figures
            gates = _same_figures(row, figures)
        if row.prepared_sha256 is not None:
            parameters = recorded_parameters(row.preprocess_id, calibration.roi)
            if preprocess_id(parameters) == row.preprocess_id:
                made = prepare(_picture(row, raw, gray, parameters), parameters)
                prepared = pixels_sha256(made) == row.prepared_sha256
                model_input = made if prepared else None
            else:
                current = preprocess_id(parameters)
                why_not = f"prepared by {row.preprocess_id}, this version knows {current}"
    return Recheck(gates, prepared, _same_verdict(row), inspection.is_linked, why_not, model_input)


def _picture(
    row: Inspection, raw: EvidenceFile, gray: Gray, parameters: PrepareParameters
) -> Gray | Colour:
    if raw.image is None or not parameters.colour:
        return gray
    return to_rgb(raw.image.pixels, row.pixel_format, row.bit_depth or raw.image.bit_depth)


def _same_figures(row: Inspection, figures: GateFigures) -> bool:
    # Equal, not nearly equal: the figures are exact integers with one division, the same on every
    # processor (docs/decisions/0008).
    return all(getattr(row, name) == getattr(figures, name) for name in GateFigures.__slots__)


def _same_verdict(row: Inspection) -> bool | None:
    if row.score is None:
        return None
    threshold = Threshold(row.threshold, row.review_band, row.threshold_id)
    decision = decide(row.score, threshold, [row.hold_reason] if row.hold_reason else ())
    again = (decision.verdict, decision.disposition, decision.reason)
    return again == (row.verdict, row.disposition, row.reason)
