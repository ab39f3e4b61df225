"""The gates of one frame as rows of a table: measured, allowed, and the refusal in words."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from qc_edge.domain.calibration import Calibration
from qc_edge.vision.gates import ALL_LIGHT, NO_LIGHT, GateReport
from qc_edge.vision.image import Image


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate: what was measured, what is allowed, and the refusal in words ("" if it passes).

    The fields are those of `qc-edge prepare --json`.
    """

    gate: str
    figure: str
    bound: str
    passed: bool
    said: str


def gate_rows(report: GateReport, image: Image, calibration: Calibration) -> Iterator[GateRow]:
    """Every gate as a row, in the order in which they decide."""
    figures, bounds = report.figures, calibration.bounds
    size = calibration.size_words
    bits = str(calibration.bit_depth) if calibration.bit_depth else "any"
    framing = _framing(report, calibration)
    texts = {
        "size": (f"{image.width} x {image.height}", size),
        "bit_depth": (str(image.bit_depth), bits),
        # The widest bounds that any camera may have: beyond them a frame shows nothing at all.
        "light": (
            f"{figures.brightness:.5g}",
            (
                f"{min(bounds.brightness_min, NO_LIGHT):.5g} to "
                f"{max(bounds.brightness_max, ALL_LIGHT):.5g}"
            ),
        ),
        "saturated": (
            f"{figures.saturated_share:.5g}",
            f"at most {bounds.saturated_share_max:.5g}",
        ),
        "framing": framing,
        "brightness": (
            f"{figures.brightness:.5g}",
            f"{bounds.brightness_min:.5g} to {bounds.brightness_max:.5g}",
        ),
        "black": (f"{figures.black_share:.5g}", f"at most {bounds.black_share_max:.5g}"),
        "contrast": (f"{figures.contrast:.5g}", f"at least {bounds.contrast_min:.5g}"),
        "focus": (f"{figures.focus:.5g}", f"at least {bounds.focus_min:.5g}"),
    }
    for finding in report.findings:
        figure, bound = texts[finding.name]
        refusal = finding.refusal
        words = f"{refusal.reason}: {refusal.detail}" if refusal else ""
        yield GateRow(finding.name, figure, bound, refusal is None, words)


def _framing(report: GateReport, calibration: Calibration) -> tuple[str, str]:
    figures, bounds = report.figures, calibration.bounds
    if figures.framing_score is None or figures.framing_shift_px is None:
        return "-", "no reference"
    limits = []
    if bounds.framing_score_min is not None:
        limits.append(f"at least {bounds.framing_score_min:.4g}")
    if bounds.framing_shift_max is not None:
        limits.append(f"at most {bounds.framing_shift_max:.4g} px")
    return f"{figures.framing_score:.4g}, {figures.framing_shift_px:.1f} px off", ", ".join(limits)
