"""Start, stop, a second start, reload: the life of the process."""

from __future__ import annotations

from pathlib import Path

from tests.station.audit import audit
from tests.station.harness import BAD, drop, make_station, part, running


def test_a_good_and_a_bad_part_get_their_verdicts(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        drop(paths, "good.png", part())
        drop(paths, "bad.png", part(BAD))
        station.wait_until_inspected(2)
    log = audit(paths)
    assert (log.of("good.png")["verdict"], log.of("good.png")["disposition"]) == ("PASS", "ACCEPT")
    assert (log.of("bad.png")["verdict"], log.of("bad.png")["disposition"]) == ("FAIL", "REJECT")
