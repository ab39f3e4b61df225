"""Requests about challenges, and who may make them."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest

from qc_edge.challenge import drop
from qc_edge.challenge.asking import RegisterWish, ask_to_run
from qc_edge.challenge.drop import keep_photograph, photograph_fault
from qc_edge.challenge.register import Register, RegisteredPart
from qc_edge.challenge.request import ChallengeRequest, decode, encode
from qc_edge.domain.label import PersonRole
from qc_edge.errors import BusyError, RecordError, RightsError, UsageError
from qc_edge.records.people import checked_role
from qc_edge.settings import StationPaths
from qc_edge.web.people.users import User, Users

NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
WISH = RegisterWish("R1", "bottle", "FAIL", "scratch", None, "carla", "2099-12-31", 3)
REGISTER = ChallengeRequest(
    "register", "carla", NOW, "0" * 32, PersonRole.QUALITY, "new", WISH.entry((None, None), 0)
)


def test_a_request_comes_back_as_it_was_asked() -> None:
    assert decode(encode("line1", REGISTER), "line1") == REGISTER


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda content: content["entry"].update(expected="PASS"), "it has been changed"),
        (lambda content: content.update(role="quality"), "it has been changed"),
        (lambda content: content["entry"].update(valid_until="2027-01-01"), "entry.valid_until"),
        (lambda content: content.update(station="line2"), "it has been changed"),
        (lambda content: content["entry"].update(photograph="../../etc/passwd"), "photograph"),
    ],
)
def test_a_request_that_is_edited_by_hand_is_refused(change: object, words: str) -> None:
    operator = ChallengeRequest(
        "register", "ben", NOW, "0" * 32, PersonRole.ENGINEER, None, REGISTER.entry
    )
    content = json.loads(encode("line1", operator))
    assert callable(change)
    change(content)
    with pytest.raises(RecordError, match=words):
        decode(json.dumps(content).encode(), "line1")


def test_a_part_without_a_certificate_or_with_one_that_is_over_is_no_entry() -> None:
    for wish, words in (
        (RegisterWish("R1", "", "FAIL", None, None, None, "2099-12-31", None), "--certified-by"),
        (RegisterWish("R1", "", "FAIL", None, None, "carla", None, None), "--valid-until"),
        (RegisterWish("R1", "", "FAIL", None, None, "carla", "2020-01-31", None), "is over"),
        (RegisterWish("R1", "", "FAIL", None, None, "carla", "31.1.2099", None), "is no day"),
    ):
        with pytest.raises(UsageError, match=words):
            wish.entry((None, None), 0)


def test_only_people_of_the_station_with_the_role_may_override(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.page.mkdir(parents=True)
    users = Users(paths.page_users)
    for name, role in (("anna", PersonRole.OPERATOR), ("carla", PersonRole.QUALITY)):
        users.change(name, lambda _, name=name, role=role: User(name, role))  # type: ignore[misc]
    allowed = (PersonRole.QUALITY,)
    assert checked_role(paths, "carla", allowed, "override") is PersonRole.QUALITY
    for who, words in (("anna", "anna is operator"), ("eve", "eve is none of the station's")):
        with pytest.raises(RightsError, match=words):
            checked_role(paths, who, allowed, "override")


def test_a_station_at_rest_is_not_asked_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.state.mkdir(parents=True)
    monkeypatch.setattr(drop, "WAITING_MAX", 2)
    asked = [ask_to_run(paths, "otto") for _ in range(2)]
    with pytest.raises(BusyError, match="too many requests wait"):
        ask_to_run(paths, "otto")
    assert drop.waiting(paths) == sorted(asked)


def test_a_photograph_that_is_changed_later_is_seen(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.state.mkdir(parents=True)
    name, sha256 = keep_photograph(paths, b"\x89PNG and so on")
    assert photograph_fault(paths, name, sha256) == ""
    (paths.state / name).write_bytes(b"\x89PNG another")
    assert photograph_fault(paths, name, sha256) == "its photograph has been changed"
    with pytest.raises(UsageError, match="no PNG or JPEG"):
        keep_photograph(paths, b"GIF89a")


def test_a_part_is_known_by_its_id_first_for_the_recipe_in_force() -> None:
    def part(recipe: str, serial: str, *, retired: bool = False) -> RegisteredPart:
        return RegisteredPart(
            serial, recipe, "CH-1", "FAIL", None, "carla", NOW, 3, 0, retired=retired
        )

    register = Register((part("can", "C1"), part("bottle", "B1"), part("jar", "J1", retired=True)))
    assert [register.recognise(recipe, "CH-1").serial for recipe in ("bottle", "can", "jar")] == [  # type: ignore[union-attr]
        "B1",
        "C1",
        "C1",
    ]
    worn = register.used("B1").used("B1").used("B1").find("bottle", "B1")
    assert worn
    assert worn.fault(NOW.replace(year=2025)) == "it is worn: shown 3 times of at most 3"
    assert worn.fault(NOW) == "its certificate ended on 2026-11-28"
