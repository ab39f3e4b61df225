"""The plant's questions are answered over the benchmark's own rows, too."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import fleet


def test_every_question_of_a_plant_is_asked_of_both_layouts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fleet, "ROWS_A_DAY", 20)
    fleet.make_rows(tmp_path, stations=3, days=2)
    taken = fleet.questions(tmp_path)
    assert len(taken) == 4
    assert all(times.keys() == {"stations", "lines"} for times in taken.values())
    assert len(list((tmp_path / "stations").rglob("*.parquet"))) == 3 * 2
