"""The region that the model saw of a frame, where a view named it and no calibration did.

Found again by the settings that were ever in force, which are kept by digest.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from qc_edge.domain.calibration import Calibration
from qc_edge.vision.prepare import preprocess_id, recorded_parameters

_Region = tuple[int, int, int, int]


def as_it_judged(record: Calibration, prepared_by: str, settings_history: Path) -> Calibration:
    """The calibration with the region of the view under which it judged; as it is, if it had one of
    its own or the whole frame was judged.

    `prepared_by` is the preprocess id in the row: it holds the digest of the region, so that one
    that fits is the one.
    """
    if record.roi is not None or _id(prepared_by, None) == prepared_by:
        return record
    for region in _regions(settings_history):
        if _id(prepared_by, region) == prepared_by:
            return replace(record, roi=region)
    return record


def _id(prepared_by: str, region: _Region | None) -> str:
    return preprocess_id(recorded_parameters(prepared_by, region))


def _regions(settings_history: Path) -> Iterator[_Region]:
    for path in sorted(settings_history.glob("*.json")):
        try:
            views = json.loads(path.read_bytes()).get("view", [])
        except (OSError, ValueError):
            continue
        for view in views:
            if view.get("roi"):
                x, y, width, height = view["roi"]
                yield x, y, width, height
