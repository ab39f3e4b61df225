"""A station that has to prove itself: challenge parts before its camera, and a lens that drifts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import cv2
import pytest

from qc_edge.challenge.asking import ask_to_override, ask_to_register, ask_to_run
from qc_edge.challenge.drop import requests_of
from qc_edge.challenge.request import ChallengeRequest, PartEntry, encode
from qc_edge.discipline.suspect.quarantine import SuspectAsk, quarantine
from qc_edge.discipline.suspect.releasing import release_parts, release_reinspected
from qc_edge.discipline.suspect.window import SuspectCause
from qc_edge.domain.label import PersonRole
from qc_edge.errors import RightsError, UsageError
from qc_edge.query.published_log import PublishedLog
from qc_edge.recipe.attribution import Attribution
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.web.people.users import User, Users
from tests.station.audit import audit
from tests.station.harness import (
    BAD,
    GOOD,
    Gray,
    Running,
    drop,
    make_station,
    part,
    running,
    wait_for,
)
from tests.station.twins import Plan, dependencies

CARLA = Attribution("carla", "a new set")


class Lens:
    """The lens of an emulated camera: it drifts, and what is small in the picture goes."""

    def __init__(self, paths: StationPaths) -> None:
        self.paths, self.drift, self.taken = paths, 0.0, 0

    def show(self, part_id: str, level: int) -> None:
        """Put a part before the camera; "": it brings no id."""
        self.taken += 1
        sidecar = {"part_id": part_id} if part_id else None
        drop(self.paths, f"{self.taken}.png", self._seen(level), sidecar)

    def wait(self, run: Running) -> None:
        """Until what was shown is inspected."""
        run.wait_until_inspected(self.taken)

    def _seen(self, level: int) -> Gray:
        picture = part(level, seed=self.taken)
        if self.drift:
            faded = cv2.addWeighted(picture, 1 - self.drift, picture, 0, 60 * self.drift)
            picture[: 96 // 3, : 96 // 3] = faded[: 96 // 3, : 96 // 3]
        return picture


def entry(serial: str, expected: str, **values: object) -> PartEntry:
    given = {
        "recipe": "",
        "serial": serial,
        "expected": expected,
        "expected_class": None,
        "part_id": f"CH-{serial}",
        "photograph": None,
        "photograph_sha256": None,
        "certified_by": "carla",
        "valid_until": utc_now() + timedelta(days=90),
        **values,
    }
    return PartEntry(**given)  # type: ignore[arg-type]


def wait_for_challenge(run: Running, **wanted: object) -> None:
    """Until the challenge of the status is so."""

    def fits() -> bool:
        state = run.status.challenge
        return state is not None and all(
            value(getattr(state, name)) if callable(value) else getattr(state, name) == value
            for name, value in wanted.items()
        )

    run.wait_for(fits, f"challenge {wanted}")


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    return make_station(tmp_path, challenge={"every_h": 8.0}, storage={"publish_every_s": 0.2})


@pytest.fixture
def run(paths: StationPaths) -> Iterator[Running]:
    given = Running(paths.root, dependencies(Plan()))
    try:
        given.wait_for(lambda: given.station.inspector, "the inspector")
        yield given
    finally:
        given.stop()
    assert not given.fault


def test_a_lens_that_drifts_is_found_and_what_it_saw_is_suspect(
    paths: StationPaths, run: Running, tmp_path: Path
) -> None:
    lens = Lens(paths)
    wait_for_challenge(run, trouble=lambda words: "no part is registered" in words)
    for serial, expected in (("G1", "PASS"), ("R1", "FAIL")):
        ask_to_register(paths, entry(serial, expected), CARLA, PersonRole.QUALITY)
    wait_for_challenge(run, trouble=lambda words: "show G1, R1" in words)
    assert not run.status.ready
    lens.show("A-1", GOOD)
    run.wait_until_inspected(1)
    lens.show("CH-R1", BAD)
    wait_for_challenge(run, trouble=lambda words: words.endswith("show G1"))
    lens.show("CH-G1", GOOD)
    wait_for_challenge(run, due="", trouble="", running=False)
    run.wait_for(lambda: run.status.ready, "ready")
    for number in (2, 3):
        lens.show(f"A-{number}", GOOD)
    run.wait_until_inspected(5)
    lens.drift = 0.9
    lens.show("A-4", BAD)
    run.wait_until_inspected(6)
    ask_to_run(paths, "ben", "the picture looks dull")
    wait_for_challenge(run, running=True)
    lens.show("CH-G1", GOOD)
    lens.show("CH-R1", BAD)
    wait_for_challenge(run, running=False, due=lambda words: "R1 must be FAIL, it is PASS" in words)
    assert run.status.challenge
    assert "score 0.3" in run.status.challenge.trouble
    run.wait_for(lambda: not run.status.ready, "not ready")
    assert run.status.today and sum(run.status.today.verdicts.values()) == 4, run.status.today
    ask_to_override(paths, Attribution("dora", "the shift goes on by hand"), PersonRole.OPERATOR)
    ask_to_override(paths, Attribution("carla", "sorted by hand"), PersonRole.QUALITY)
    wait_for_challenge(run, trouble="")
    found = quarantine(paths, SuspectAsk(CARLA, SuspectCause.CHALLENGE), tmp_path / "quarantine")
    listed = found.csv.read_text().splitlines()
    assert [line.partition(",")[0] for line in listed] == ["part_id", "A-2", "A-3", "A-4"]
    assert found.figures.told == {"ACCEPT": 3}
    assert not found.missing_newest
    assert found.hold_id
    assert found.hold_id in found.html.read_text()
    run.wait_for(lambda: _held(paths) == {"A-2", "A-3", "A-4"}, "the suspect parts are held")
    lens.drift = 0.0
    lens.show("A-3", GOOD)
    lens.show("A-4", BAD)
    lens.wait(run)
    _people(paths)
    with pytest.raises(RightsError, match="ben is operator"):
        release_parts(paths, found.hold_id, ["A-2"], Attribution("ben", "looks fine"))
    with pytest.raises(UsageError, match="A-1 is not of the hold"):
        release_parts(paths, found.hold_id, ["A-1"], CARLA)
    run.wait_for(lambda: _released(paths, found.hold_id or "") == ["A-3"], "A-3 is judged again")
    run.wait_for(lambda: _held(paths) == {"A-2", "A-4"}, "A-3 is released")
    run.stop()
    log = audit(paths, paths.root / "audit")
    shown = {row["part_id"]: row["hold_reason"] for row in log.inspections}
    assert shown == {
        "A-1": "challenge_due",
        "A-2": None,
        "A-3": None,
        "A-4": None,
        "CH-G1": "challenge",
        "CH-R1": "challenge",
    }
    ended = [(row["outcome"], row["missed"]) for row in log.tables["challenges"]]
    assert ended == [("passed", 0), ("failed", 1), ("overridden", 0)]
    outcomes = [(row["serial"], row["outcome"]) for row in log.tables["challenge_results"]]
    assert outcomes == [("R1", "caught"), ("G1", "caught"), ("G1", "caught"), ("R1", "missed")]


def test_what_proves_nothing_is_on_record_and_counts_for_nothing(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    lens = Lens(paths)
    with running(paths) as run:
        for each in (
            entry("R1", "FAIL"),
            entry("B1", "FAIL", recipe="bottle"),
            entry("W1", "FAIL", max_uses=3, uses_before=2),
        ):
            ask_to_register(paths, each, CARLA, PersonRole.ENGINEER)
        run.wait_for(lambda: run.station.rulebook and _entries(run) == 3, "the register")
        lens.show("CH-R1", BAD)
        run.wait_until_inspected(1)
        ask_to_run(paths, "ben")
        wait_for_challenge(run, running=True)
        for part_id in ("CH-R1", "CH-R1", "CH-B1", "CH-W1"):
            lens.show(part_id, BAD)
            lens.wait(run)
        wait_for_challenge(run, running=False, trouble="")
        request = ChallengeRequest("run", "eve", utc_now(), "0" * 32)
        forged = requests_of(paths) / "20260101T000000000000Z-forged.json"
        hidden = forged.with_name(".forged")
        hidden.write_bytes(encode(paths.name, request).replace(b"eve", b"ben"))
        hidden.rename(forged)
        run.wait_for(lambda: _refused(paths) == 1, "the forged one is refused")
        run.wait_for(lambda: run.status.ready, "ready")
        ask_to_run(paths, "ben")
        run.wait_for(lambda: _refused(paths) == 2, "the worn part is refused")
    log = audit(paths, tmp_path / "audit")
    shown = [(row["serial"], row["outcome"]) for row in log.tables["challenge_results"]]
    assert shown == [
        ("R1", "not_counted"),
        ("R1", "caught"),
        ("R1", "twice"),
        ("B1", "other_recipe"),
        ("W1", "caught"),
    ]
    refused = [row["detail"] for row in log.events_of("challenge_refused")]
    assert "it has been changed" in refused[0]
    assert "W1: it is worn: shown 3 times of at most 3" in refused[1]
    assert {row["hold_reason"] for row in log.inspections} == {"challenge"}


def test_parts_without_ids_are_known_by_their_order_and_a_miss_outlives_a_restart(
    tmp_path: Path,
) -> None:
    paths = make_station(tmp_path)
    lens = Lens(paths)
    with running(paths) as run:
        for serial, expected in (("G1", "PASS"), ("R1", "FAIL")):
            ask_to_register(paths, entry(serial, expected), CARLA, PersonRole.QUALITY)
        run.wait_for(lambda: _entries(run) == 2, "the register")
        ask_to_run(paths, "ben", None, ["R1", "G1"])
        wait_for_challenge(run, running=True)
        lens.show("", GOOD)
        wait_for_challenge(run, trouble=lambda words: "R1 must be FAIL" in words)
    again = Running(paths.root, dependencies(Plan()))
    try:
        wait_for(lambda: again.statuses and again.status.challenge, "the challenge")
        assert not again.status.ready
        assert "R1 must be FAIL, it is PASS" in again.status.challenge.due  # type: ignore[union-attr]
    finally:
        again.stop()
    assert again.fault is None
    for cause, words in (
        (SuspectCause.CHALLENGE, "no challenge has been passed"),
        (SuspectCause.THRESHOLD, "no event threshold"),
    ):
        with pytest.raises(UsageError, match=words):
            quarantine(paths, SuspectAsk(CARLA, cause), tmp_path / "nothing")
    empty = SuspectAsk(CARLA, None, utc_now() - timedelta(days=9), utc_now() - timedelta(days=8))
    with pytest.raises(UsageError, match="nothing was judged"):
        quarantine(paths, empty, tmp_path / "nothing")
    assert not (tmp_path / "nothing").exists()


def _entries(run: Running) -> int:
    reporter = run.station._reporter
    return len(reporter.challenges.register.entries) if reporter and reporter.challenges else 0


def _refused(paths: StationPaths) -> int:
    return len(list(paths.set_aside.glob("challenge-*.json")))


def _held(paths: StationPaths) -> set[str]:
    with PublishedLog(paths.published) as log:
        log.create_views()
        return {part_id for (part_id,) in log.cursor().fetch("SELECT part_id FROM held")}


def _released(paths: StationPaths, hold: str) -> list[str]:
    try:
        return release_reinspected(paths, hold, CARLA)[1]
    except UsageError:
        return []


def _people(paths: StationPaths) -> None:
    users = Users(paths.page_users)
    users.change("ben", lambda _: User("ben", PersonRole.OPERATOR))
    users.change("carla", lambda _: User("carla", PersonRole.QUALITY))
