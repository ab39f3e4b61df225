"""Whatever names, sidecars and ids come, in whatever order: no ACCEPT without the right id."""

from __future__ import annotations

import json
import tempfile
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.station.audit import audit
from tests.station.harness import drop, make_station, part, running

PATTERN = r"^part-(?P<part>[^_.]*)"
IDS = st.one_of(
    st.integers(1, 99999).map(str),
    st.text(alphabet="A7 \r\n\t\0\x1b\u200b\u202eü'\"<[=", min_size=0, max_size=6),
    st.just("x" * 201),
)
KEYS = st.sampled_from(["part_id", "part_id", "part", "PartId", "id", "operator"])


@dataclass(frozen=True)
class Delivery:
    """One part as a node delivers it: `late` sidecars come once the image was taken."""

    name: str
    key: str | None
    part_id: str
    late: bool

    @property
    def expected(self) -> str | None:
        """The id that may stand on an accepted part; None if none may."""
        if self.key == "part_id" and not self.late:
            return self.part_id.strip()
        return "N1" if self.name.startswith("part-N1") else None


DELIVERIES = st.lists(
    st.builds(
        Delivery,
        st.sampled_from(["image.png", "image.jpg", "part-N1_a.png", "part-_a.png", "外观" * 30]),
        st.none() | KEYS,
        IDS,
        st.booleans(),
    ),
    min_size=12,
    max_size=20,
)


def is_gone(path: Path) -> bool:
    return not path.exists()


@settings(
    max_examples=2,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # each example is a station: no shrinking
)
@given(DELIVERIES)
def test_no_part_is_accepted_under_an_id_that_is_not_its_own(deliveries: list[Delivery]) -> None:
    incoming = {"part_id": "required", "part_id_pattern": PATTERN, "repeated_part_ids": False}
    with tempfile.TemporaryDirectory() as directory:
        paths = make_station(Path(directory), incoming=incoming)
        with running(paths) as station:
            for number, delivery in enumerate(deliveries, 1):
                sidecar = {} if delivery.key is None else {delivery.key: delivery.part_id}
                has_early = delivery.key is not None and not delivery.late
                drop(paths, delivery.name, part(seed=number), sidecar if has_early else None)
                station.wait_until_inspected(number)
                if delivery.key is not None and delivery.late:
                    lone = paths.incoming / f"{delivery.name}.json"
                    lone.write_text(json.dumps(sidecar))
                    station.wait_for(partial(is_gone, lone), "set aside")
        rows = audit(paths).inspections
    assert len(rows) == len(deliveries), "one row for each"
    for row, delivery in zip(rows, deliveries, strict=True):
        if row["disposition"] == "ACCEPT":
            assert row["part_id"] == delivery.expected, (row["detail"], delivery)
        else:
            assert row["disposition"] == "HOLD"
