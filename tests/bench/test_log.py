"""The log's benchmark measures what it says, on a few rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import log


def test_every_question_is_answered_alike_and_the_past_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "CACHE", tmp_path / "cache")
    root = log.prepare(2000, lambda _: None)
    assert log.prepare(2000, pytest.fail) == root
    figures = log.sizes(root) | log.replays(root) | log.look_ups(root)
    before = (root / "var/lib/qc-edge/bench/traceability.duckdb").read_bytes()
    figures |= log.writing(root, commits=5, busy=2000)
    assert (root / "var/lib/qc-edge/bench/traceability.duckdb").read_bytes() == before
    assert figures["rows"] == 2000
    assert all(value >= 0 for value in figures.values())
    assert [path.name for path in root.parent.iterdir()] == [root.name]
