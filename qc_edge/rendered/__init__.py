"""Rendered parts: frames with known truth, for the demo, the tests and the reference model.

Everything is drawn from seeds; nothing here is a photograph and nothing here reads a camera.
"""

from qc_edge.rendered.kinds import SIX_HOLES, DefectKind, FrameFault, Product, RenderedPart
from qc_edge.rendered.part import DEFAULT_SIZE, RENDERER, render
from qc_edge.rendered.series import TRUTH_FILE, Truth, plan_series, read_truth, write_series

__all__ = [
    "DEFAULT_SIZE",
    "RENDERER",
    "SIX_HOLES",
    "TRUTH_FILE",
    "DefectKind",
    "FrameFault",
    "Product",
    "RenderedPart",
    "Truth",
    "plan_series",
    "read_truth",
    "render",
    "write_series",
]
