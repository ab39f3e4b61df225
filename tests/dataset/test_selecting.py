"""Which inspections a dataset holds, and in which split, by rows made by hand."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.dataset import selecting
from qc_edge.dataset.request import DatasetRequest
from qc_edge.errors import UsageError
from qc_edge.query.published_log import PublishedLog
from qc_edge.settings import StationPaths, parse_settings
from tests.publish.rows import NOON, inspection, log

HOUR = timedelta(hours=1)
SETTINGS = parse_settings('[station]\nname = "line1"\n', "line1.toml")


def groups_of(state: Path, request: DatasetRequest) -> dict[str, str]:
    """The group of each part that the request selects."""
    with PublishedLog(state / "published") as opened:
        paths = StationPaths(state, "line1")
        found = selecting.select(opened.cursor(), paths, SETTINGS, request)
    return {sample.part_id: sample.group for sample in found}


def test_what_ties_two_lots_is_looked_for_in_the_whole_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [("twice", "L1"), ("twice", "L2"), ("late", None), ("one", "L1"), ("late", "L3")]
    with log(tmp_path) as made:
        for number, (part, lot) in enumerate(rows):
            made.add(inspection(NOON + number * HOUR, part_id=part, lot=lot))
        made.add(inspection(NOON + 5 * HOUR, part_id="other", lot="L2"))
        made.publisher.publish()
    everything = DatasetRequest(tmp_path / "out", "folder")
    whole = groups_of(tmp_path, everything)
    assert whole == dict.fromkeys(("twice", "one", "other"), "lot:L1") | {"late": "lot:L3"}
    last = DatasetRequest(tmp_path / "out", "folder", since=NOON + 5 * HOUR)
    assert groups_of(tmp_path, last) == {"other": "lot:L1"}
    without = DatasetRequest(tmp_path / "out", "folder", until=NOON + 3 * HOUR)
    assert groups_of(tmp_path, without)["late"] == "lot:L3"
    monkeypatch.setattr(selecting, "MOST", 5)
    with pytest.raises(UsageError, match="6 inspections fit, more than the 5"):
        groups_of(tmp_path, everything)
