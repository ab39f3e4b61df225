"""A station with a generated past, for tests that only read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from qc_edge.domain.history import Selection
from qc_edge.query.past.history import History
from qc_edge.query.past.station_history import history_at_rest, published_history
from qc_edge.settings import StationPaths
from tests.bench import generate
from tests.station.harness import make_station

ROWS, PER_HOUR = 4000, 500


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """Eight hours of 500 parts each, in the database and published; not to be changed."""
    paths = make_station(tmp_path_factory.mktemp("past"))
    generate.fill(paths, ROWS, PER_HOUR)
    generate.publish(paths)
    return paths


@pytest.fixture(scope="session")
def rows(past: StationPaths) -> list[dict[str, Any]]:
    """Every inspection with the label in effect, in order of time."""
    with duckdb.connect(str(past.database), read_only=True) as log:
        found = log.execute(
            "SELECT * FROM inspections LEFT JOIN (SELECT frame_id, arg_max(label, chain_seq) AS "
            "label "
            "FROM labels GROUP BY frame_id) USING (frame_id) ORDER BY frame_id"
        )
        names = [column[0] for column in found.description or ()]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


EVERYTHING = Selection()


@contextmanager
def opened(
    paths: StationPaths, source: str, selection: Selection = EVERYTHING
) -> Iterator[History]:
    """The past in the published files or in the database."""
    look: Any = {"published": published_history, "database": history_at_rest}[source]
    where: Path = paths.published if source == "published" else paths.database
    with look(where, selection) as found:
        yield found
