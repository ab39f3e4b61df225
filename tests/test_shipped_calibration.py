"""The calibration that comes with the software still opens and still fits the parts it was made
for.
"""

from __future__ import annotations

from qc_edge.records.calibrations import load_current
from qc_edge.rendered import FrameFault, render
from qc_edge.settings.paths import shipped
from qc_edge.vision import gates, prepare

RECORD = load_current(shipped("calibration"), "top")


def test_the_shipped_record_accepts_good_parts_and_names_each_fault() -> None:
    expected = {
        None: None,
        FrameFault.DEFOCUSED: "low_focus",
        FrameFault.OUT_OF_FRAME: "out_of_frame",
        FrameFault.OVEREXPOSED: "too_bright",
        FrameFault.UNDEREXPOSED: "too_dark",
    }
    for fault, reason in expected.items():
        pixels = render(910, fault=fault).pixels
        report = gates.check_gates(pixels, prepare.resize(pixels), 8, RECORD)
        found = str(report.refusal.reason) if report.refusal else None
        assert found == reason, f"{fault}: {report}"
