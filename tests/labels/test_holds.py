"""Parts that are kept until somebody releases them: rows, views, and the command."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.evidence.hold_entry import HoldScope
from qc_edge.domain.label import PersonRole
from qc_edge.errors import RightsError, UsageError
from qc_edge.labels import drop
from qc_edge.labels.holds import (
    HoldRequest,
    ReleaseRequest,
    WrittenHold,
    hold,
    of_frames,
    of_parts,
    release,
)
from qc_edge.labels.holds.taking_up import HoldTaker
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from qc_edge.web.people.users import User, Users
from tests.cli.runner import invoke
from tests.event_log import MemoryEventLog
from tests.labels.test_labels import asked
from tests.station.harness import GOOD, NAME, Running, make_station, part, running
from tests.station.harness import drop as drop_frame

PARTS = ("a-1", "b-1", "c-1")


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[StationPaths, Running]]:
    """A running station that has inspected a-1, b-1 and c-1; b-1 and c-1 are of lot L7."""
    paths = make_station(
        tmp_path_factory.mktemp("held"),
        incoming={"part_id_pattern": r"(?P<part>[a-z]-\d).*", "part_id_required": False},
        storage={"publish_every_s": 0.2},
    )
    with running(paths) as at_work:
        for number, name in enumerate(PARTS):
            lot = {} if name == "a-1" else {"lot": "L7"}
            sidecar = {"part_id": name, **lot}
            drop_frame(paths, f"{name}.png", part(GOOD, seed=number), sidecar)
        at_work.wait_until_inspected(3)
        at_work.wait_for(lambda: len(asked(paths, "FROM inspections_raw")) == 3, "published")
        yield paths, at_work


def held(paths: StationPaths) -> set[tuple[str, str]]:
    """(part, hold) of everything that is held, as QA's own database says it."""
    return {(row["part_id"], row["hold_id"]) for row in asked(paths, "FROM held")}


def test_two_holds_of_a_part_are_released_one_by_one(
    station: tuple[StationPaths, Running],
) -> None:
    paths, at_work = station
    lamp = hold(paths, HoldRequest(of_parts(PARTS), "window", "the lamp was out", "suspect_window"))
    lot = hold(paths, HoldRequest((HoldScope(lot="L7"),), "anna", "claim 881", "complaint"))
    all_of_it = {(name, lamp.hold_id) for name in PARTS} | {
        (name, lot.hold_id) for name in ("b-1", "c-1")
    }
    at_work.wait_for(lambda: held(paths) == all_of_it, "held", timeout_s=10)
    release(paths, ReleaseRequest(of_parts(["b-1"]), "ben", "seen, fine", hold_id=lamp.hold_id))
    at_work.wait_for(lambda: held(paths) == all_of_it - {("b-1", lamp.hold_id)}, "b-1 released")
    release(paths, ReleaseRequest((), "ben", "lamp was fine", hold_id=lamp.hold_id))
    of_lot = {("b-1", lot.hold_id), ("c-1", lot.hold_id)}
    at_work.wait_for(lambda: held(paths) == of_lot, "the whole hold is released")
    (frame,) = asked(paths, "SELECT frame_id FROM inspections_raw WHERE part_id = 'c-1'")
    release(paths, ReleaseRequest(of_frames([frame["frame_id"]]), "ben", "seen"))
    at_work.wait_for(lambda: held(paths) == {("b-1", lot.hold_id)}, "c-1 is of no hold")
    words = asked(paths, "FROM part_history WHERE part_id = 'b-1' ORDER BY recorded_at")
    assert [row["what"] for row in words] == ["inspection", "hold", "hold", "release"]
    report = told("part", NAME, "b-1", root=paths.root)["inspections"][0]
    assert [each["why"] for each in report["held"]] == ["claim 881"]
    assert len(report["hold_entries"]) == 4, "the release of the whole hold among them"
    release(paths, ReleaseRequest((HoldScope(lot="L7"),), "anna", "settled"))
    at_work.wait_for(lambda: not held(paths), "nothing is held")


def test_a_time_is_held_by_the_exposure_and_with_what_comes_later(
    station: tuple[StationPaths, Running],
) -> None:
    paths, at_work = station
    shown = invoke(
        "hold", NAME, "--lot", "[/b]", "--by", "a", "--reason", "x", "--root", paths.root
    )
    assert "held: lot [/b]" in shown.stdout, shown.exception
    ago = ("--between", "2020-01-01", "2021-01-01", "--by", "anna", "--reason", "long ago")
    ran = told("hold", NAME, *ago, root=paths.root)
    assert ran["taken_up"] is True
    now = utc_now()
    soon = HoldScope(camera="incoming", since=now, until=now + timedelta(hours=1))
    made = hold(paths, HoldRequest((soon,), "anna", "the next hour"))
    drop_frame(paths, "d-1.png", part(GOOD, seed=9))
    at_work.wait_for(lambda: held(paths) == {("d-1", made.hold_id)}, "what came later is held")
    (listed,) = told("hold", NAME, root=paths.root)
    assert (listed["hold_id"], listed["inspections"]) == (made.hold_id, 1)
    told(
        "release", NAME, "--hold", str(made.hold_id), "--by", "a", "--reason", "x", root=paths.root
    )
    at_work.wait_for(lambda: not held(paths), "released")


def test_suspect_parts_are_released_by_quality_alone(
    station: tuple[StationPaths, Running],
) -> None:
    paths, at_work = station
    made = hold(paths, HoldRequest(of_parts(["b-1"]), "anna", "R1 missed", "suspect_window"))
    at_work.wait_for(lambda: held(paths) == {("b-1", made.hold_id)}, "held")
    by_anna = ("--by", "anna", "--reason", "looks fine", "--root", paths.root)
    for what in (("--part", "b-1"), ("--lot", "L7"), ("--hold", str(made.hold_id))):
        fault = invoke("release", NAME, *what, *by_anna).exception
        assert isinstance(fault, RightsError), what
    assert invoke("release", NAME, "--part", "a-1", *by_anna).exit_code == 0, "is not suspect"
    Users(paths.page_users).change("anna", lambda _: User("anna", PersonRole.QUALITY))
    assert invoke("release", NAME, "--part", "b-1", *by_anna).exit_code == 0
    at_work.wait_for(lambda: not held(paths), "released")


def test_what_cannot_be_meant_is_refused(station: tuple[StationPaths, Running]) -> None:
    paths, _ = station
    who = ("--by", "anna", "--reason", "why")
    for arguments, words in (
        (("hold", NAME, "--part", "a-2", *who), "no inspection of a part or frame 'a-2'"),
        (("hold", NAME, "--part", "a-1", "--by", "anna"), "the reason"),
        (("hold", NAME, *who), "nothing is named"),
        (("hold", NAME, "--between", "2026-02-02", "2026-02-01", *who), "is not before"),
        (("hold", NAME, "--part", "a-1", "--camera", "top", *who), "goes with --between"),
        (("release", NAME, *who), "nothing is named"),
        (("release", NAME, "--hold", "no", *who), "no hold's id"),
    ):
        fault = invoke(*arguments, "--root", paths.root).exception
        assert isinstance(fault, UsageError), arguments
        assert words in fault.message
    assert not list(paths.holds.iterdir())


def told(*arguments: str | Path, root: Path) -> Any:
    """What the command prints as JSON."""
    ran = invoke(*arguments, "--root", root, "--json")
    if ran.exception and not isinstance(ran.exception, SystemExit):
        raise ran.exception
    return json.loads(ran.stdout)


class Taking:
    """A ledger without a station, and what takes up its holds."""

    def __init__(self, paths: StationPaths) -> None:
        self.ledger = Ledger(paths.database, paths.journal, paths.set_aside, Disk())
        self.events = MemoryEventLog()
        self.taker = HoldTaker(paths, self.ledger, self.events)

    def entries(self) -> int:
        """How many rows there are."""
        with self.ledger.snapshot() as log:
            ((count,),) = log.execute("SELECT count(*) FROM holds").fetchall()
        return int(count)


def thousand(paths: StationPaths) -> WrittenHold:
    """A hold of 1200 parts, which is three records."""
    parts = of_parts(f"P-{number}" for number in range(1200))
    return hold(paths, HoldRequest(parts, "window", "why", "suspect_window", hold_id="5" * 12))


def test_a_crash_at_any_step_makes_one_row_of_each_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = make_station(tmp_path)
    written = thousand(paths)
    assert len(written.records) == 3

    def die(*_: Any) -> None:
        raise KeyboardInterrupt

    for where in ("append", "retire"):
        dying = Taking(paths)
        monkeypatch.setattr(dying.ledger if where == "append" else drop, where, die)
        with pytest.raises(KeyboardInterrupt):
            dying.taker.look()
        monkeypatch.undo()
        dying.ledger.close()
    thousand(paths)  # and whoever wrote it was killed, too, and writes it again
    again = Taking(paths)
    for _ in range(20):
        again.taker.look()
    count = again.entries()
    again.ledger.close()
    assert (count, list(paths.holds.iterdir())) == (1200, [])


def test_what_is_no_sound_record_is_set_aside_with_an_event(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    sound = json.loads(hold(paths, HoldRequest(of_parts(["a"]), "x", "y")).records[0].read_bytes())
    (entry,) = sound["holds"]
    everything = sound | {"holds": [entry | {"scope": dict.fromkeys(entry["scope"])}]}
    bad = {"changed": everything, "foreign": {"labels": []}, "other": sound | {"station": "line2"}}
    for name, content in bad.items():
        (paths.holds / f"{name}.json").write_text(json.dumps(content))
    (paths.holds / "torn.json").write_text(json.dumps(sound)[:99])
    taking = Taking(paths)
    taking.taker.look()
    taking.taker.look()
    count = taking.entries()
    taking.ledger.close()
    assert count == 1
    kinds = [each.kind for each in taking.events.occurrences]
    assert kinds == ["hold_refused"] * 4
    assert len(list(paths.set_aside.glob("holds-*"))) == 4
