"""Views of a part: each frame goes by the rules of its view, and its row says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from qc_edge.query.typed_rows import read_inspections
from qc_edge.settings import StationPaths
from qc_edge.settings.render import render_settings
from tests.station.harness import GOOD, NAME, NEAR, inspect_all, make_station, part, spool

SECTIONS: dict[str, dict[str, Any]] = {
    "station": {"name": NAME, "deadline_ms": 60_000.0},
    "model": {"bundle": "corner@1"},
    "incoming": {"repeated_frames": False},
    "storage": {"warn_free_mb": 0.0, "stop_free_mb": 0.0},
}


def with_views(paths: StationPaths, *views: dict[str, Any]) -> None:
    """Write settings with these views of nodes."""
    paths.settings.write_text(render_settings(SECTIONS, [], views))


def test_each_frame_is_judged_by_its_view_and_the_row_names_it(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with_views(
        paths,
        {"name": "above", "camera": "incoming/top"},
        {
            "name": "beside",
            "camera": "incoming/side",
            "threshold": 0.3,
            "review_band": 0.02,
            "roi": (0, 0, 64, 64),
        },
    )
    for number, camera in enumerate(["top", "side", "elsewhere"]):
        spool(paths, part(NEAR if camera != "elsewhere" else GOOD, number), number, camera)

    inspect_all(paths)

    rows = {row.camera: row for row in read_inspections(paths.database)}
    assert {camera: row.view for camera, row in rows.items()} == {
        "top": "above",
        "side": "beside",
        "elsewhere": None,
    }
    assert (rows["top"].verdict, rows["top"].threshold_id) == ("PASS", "corner@1:0.5")
    assert (rows["side"].verdict, rows["side"].threshold_id) == ("FAIL", "settings:0.3")
    assert (rows["top"].review_band, rows["side"].review_band) == (0.1, 0.02)
    assert rows["elsewhere"].threshold_id == "corner@1:0.5"
    assert rows["top"].preprocess_id == rows["elsewhere"].preprocess_id
    assert rows["side"].preprocess_id != rows["top"].preprocess_id
    assert {row.recipe for row in rows.values()} == {None}
