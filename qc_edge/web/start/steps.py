"""The steps to the first verdict on an own product, each found done or not in what the station says
of itself and has kept. Nothing is ticked off by hand, so nothing can be ticked off wrongly.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Verdict
from qc_edge.errors import CalibrationError
from qc_edge.query.inspection_search import newest
from qc_edge.records import calibrations
from qc_edge.settings.bundles import ModelSettings
from qc_edge.web.aim.figures import aim_figures
from qc_edge.web.attention import is_running
from qc_edge.web.station_page import StationPage

_SHIPPED = ModelSettings().bundle.partition("@")[0]
"""The bundle that comes with the software: it knows rendered parts and no product."""

_RECENT = 300
"""Rows in which a verdict is looked for: the newest alone may be a picture that was refused."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step by its name in the catalog; `link` is where it is done on the page, `command` what
    does it on the box, "" where there is none. `found` is what was found, as it is called.
    """

    name: str
    is_done: bool
    link: str = ""
    command: str = ""
    found: str = ""


def steps(page: StationPage) -> list[Step]:
    """All of them, in the order in which they are done."""
    name, status = page.paths.name, page.status()
    cameras = page.aim.cameras(page.settings)
    rows = [row for camera in cameras if (row := page.aim.newest(camera))]
    found = {camera: _calibration(page, camera) for camera in cameras}
    open_cameras = [camera for camera, record in found.items() if not _is_calibrated(record)]
    model = str((status or {}).get("model") or "")
    judged = [
        row
        for row in newest(page.paths.journal, _RECENT)
        if row.verdict is not Verdict.INVALID and _is_own(row.model_name)
    ]
    return [
        Step(
            "runs",
            is_running(status),
            "/station",
            f"sudo systemctl enable --now qc-edge@{name}",
        ),
        Step("delivers", bool(rows), "/aim", f"qc-edge check {name}", ", ".join(cameras)),
        Step("aimed", bool(rows) and all(_is_fit(page, row) for row in rows), "/aim"),
        Step(
            "calibrated",
            bool(found) and not open_cameras,
            f"/aim/calibrate?camera={quote(open_cameras[0])}" if open_cameras else "/aim",
            found=", ".join(open_cameras),
        ),
        Step(
            "model",
            bool(model) and _is_own(model),
            command=f"qc-edge model install {name} BUNDLE",
            found=model.partition(" ")[0],
        ),
        Step(
            "verdict",
            bool(judged),
            f"/part/story?id={quote(judged[0].part_id)}" if judged else "/live",
            found=judged[0].part_id if judged else "",
        ),
        Step("labelled", _has_labels(page), "/review"),
    ]


def _has_labels(page: StationPage) -> bool:
    if any(page.paths.labels.glob("*.json")):
        return True
    with page.queries:
        return page.log.cursor().relation("labels") is not None


def _calibration(page: StationPage, camera: str) -> Calibration | None:
    try:
        return calibrations.load_current(page.paths.calibration, camera)
    except CalibrationError:
        return None


def _is_calibrated(record: Calibration | None) -> bool:
    return record is not None and not record.starting and record.learning is None


def _is_fit(page: StationPage, row: Inspection) -> bool:
    figures = aim_figures(row, page.aim.calibration(row))
    return bool(figures) and all(figure.is_within for figure in figures)


def _is_own(model: str) -> bool:
    return model.partition("@")[0] != _SHIPPED
