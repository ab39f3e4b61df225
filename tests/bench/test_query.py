"""The benchmark of questions beside a running station measures what it says, on a few rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import log, query
from tests.bench.past import station_with_past

pytestmark = pytest.mark.serial


@pytest.mark.parametrize("client", ["none", "foreign", "ours"])
def test_a_client_asks_while_the_station_is_timed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, client: str
) -> None:
    monkeypatch.setattr(log, "CACHE", tmp_path / "cache")
    monkeypatch.setattr(query, "SETTLED", 20)
    # an idle client has to wait for a busy machine, and may get no answer in this short time
    monkeypatch.setattr(query, "people_are_idle", lambda: False)
    root = log.prepare(2000, lambda _: None)
    before = (root / "var/lib/qc-edge/bench/traceability.duckdb").read_bytes()
    clone = tmp_path / "clone"
    paths = station_with_past(root, clone)
    taken = query.ages(clone, (320, 256), client, query.DEFAULT_WEIGHT, 40)
    assert len(taken.taken_ms) == 40
    figures = query.together([taken])
    assert 0 < figures["p50_ms"] <= figures["p99_ms"]
    assert client == "ours" or bool(figures["answers"]) == (
        client == "foreign"
    )  # ours waits for idle time
    assert figures["refused"] == 0
    assert len(list((paths.published / "inspections").glob("*/*.parquet"))) > 1
    assert (root / "var/lib/qc-edge/bench/traceability.duckdb").read_bytes() == before


def test_the_weight_is_that_of_the_unit() -> None:
    assert query.unit_weight() > query.DEFAULT_WEIGHT


@pytest.mark.skipif(not query.can_weigh(), reason="only root may weigh processes")
def test_the_client_is_weighed_as_what_people_start() -> None:
    assert query.people_are_idle()
    state = query._group("qc-edge-bench-tried") / "cpu.idle"
    with query._weighed("tried", query.DEFAULT_WEIGHT, idle=True):
        assert state.read_text().strip() == "1"
        with query._weighed("tried", query.DEFAULT_WEIGHT):
            assert state.read_text().strip() == "0", (
                "what an ended run has left takes a weight again"
            )
