"""Challenge parts, suspect parts and blind studies at the page: what is asked there reaches the
station, and nobody may or sees more than they should.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from qc_edge.challenge.asking import registered
from qc_edge.challenge.state import ChallengeState
from qc_edge.discipline.msa import blind
from qc_edge.domain.label import PersonRole
from qc_edge.errors import DiskFullError
from qc_edge.labels.holds import HoldRequest, hold, of_frames
from qc_edge.query.inspection_search import newest
from qc_edge.query.kept.hold_rows import HeldNow, held_now
from qc_edge.query.published_log import PublishedLog
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.web.station_page import StationPage
from tests.station.harness import BAD, GOOD, Running, drop, make_station, part, running, wait_for
from tests.web.harness import add_user, browser, log_in, token

UNTIL = f"{utc_now() + timedelta(days=60):%Y-%m-%d}"

Station = tuple[StationPage, Running]


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    """A station that runs, with four parts of which P-3 is bad, and its people."""
    root = tmp_path_factory.mktemp("discipline")
    paths = make_station(root, incoming={"sidecar": "required"}, storage={"publish_every_s": 0.2})
    page = StationPage(paths)
    for name, role in (
        ("anna", PersonRole.QUALITY),
        ("emil", PersonRole.ENGINEER),
        ("otto", PersonRole.OPERATOR),
        ("rita", PersonRole.REVIEWER),
    ):
        add_user(page, name, role)
    with running(paths) as run:
        for number in range(1, 5):
            picture = part(BAD if number == 3 else GOOD, seed=number)
            drop(paths, f"{number}.png", picture, {"part_id": f"P-{number}", "lot": "L1"})
        run.wait_until_inspected(4)
        yield page, run
    page.close()


@pytest.fixture(scope="module")
def clients(station: Station) -> Iterator[dict[str, TestClient]]:
    """Everybody's browser, logged in."""
    with browser(station[0]) as anna:
        clients = {"anna": anna}
        for name in ("emil", "otto", "rita"):
            clients[name] = TestClient(
                anna.app,
                base_url=str(anna.base_url),
                follow_redirects=False,
                client=("127.0.0.1", 50000),
            )
        assert {log_in(client, name) for name, client in clients.items()} == {303}
        yield clients


def challenge(run: Running) -> ChallengeState:
    """As the status has it."""
    state = run.status.challenge
    assert state is not None
    return state


def ask(client: TestClient, path: str, **fields: str | list[str]) -> str:
    """Send a form of the page; where the page goes on to."""
    form = {"token": token(client.get("/station").text), **fields}
    answer = client.post(path, data=form)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def refused(client: TestClient, path: str, **fields: str | list[str]) -> int:
    """The status of a form that is refused."""
    form = {"token": token(client.get("/station").text), **fields}
    return int(client.post(path, data=form).status_code)


def taken_up(client: TestClient, address: str) -> str:
    """Wait until the station has taken up what was asked; what the page says of it."""
    wait_for(lambda: "data-waits" not in client.get(address).text, "what was asked", 60, 0.1)
    return client.get(address).text


def entry(serial: str, expected: str, **fields: str) -> dict[str, str]:
    values = {"serial": serial, "expected": expected, "recipe": "", "certified_by": "carla"}
    return {**values, "until": UNTIL, "why": "a new set", "part_id": f"CH-{serial}", **fields}


def test_a_set_is_registered_shown_and_one_part_taken_out_again(
    station: Station, clients: dict[str, TestClient]
) -> None:
    (page, run), anna = station, clients["anna"]
    picture = newest(page.paths.journal, 1)[0].frame_id
    told = ask(anna, "/challenge/register", **entry("R1", "FAIL", picture=picture))
    assert "The station has taken it up." in taken_up(anna, told)
    taken_up(clients["emil"], ask(clients["emil"], "/challenge/register", **entry("G1", "PASS")))
    again = ask(anna, "/challenge/register", **entry("R2", "FAIL", part_id="CH-R1"))
    assert "that of R1 already" in taken_up(anna, again), "the station's own words"
    wait_for(lambda: len(registered(page.paths).entries) == 2, "the register", 60, 0.1)
    kept = registered(page.paths).find("", "R1")
    assert kept is not None and kept.photograph is not None
    assert (page.paths.state / kept.photograph).exists()

    taken_up(clients["otto"], ask(clients["otto"], "/challenge/run", why="a dull picture"))
    run.wait_for(lambda: "show" in challenge(run).trouble, "the challenge")
    shown = clients["otto"].get("/challenge").text
    assert "show R1, G1" in shown
    assert 'action="/challenge/override"' not in shown
    assert 'action="/challenge/register"' not in shown
    assert 'action="/challenge/override"' in anna.get("/challenge").text
    drop(page.paths, "r1.png", part(GOOD, seed=70), {"part_id": "CH-R1"})
    drop(page.paths, "g1.png", part(GOOD, seed=71), {"part_id": "CH-G1"})
    run.wait_for(lambda: challenge(run).last.startswith("failed"), "it fails")

    for name in ("emil", "otto", "rita"):
        assert refused(clients[name], "/challenge/override", why="we need parts") == 403
    assert refused(anna, "/challenge/override", why=" ") == 400, "a reason is needed"
    taken_up(anna, ask(anna, "/challenge/run"))
    taken_up(anna, ask(anna, "/challenge/override", why="sorted by hand"))
    run.wait_for(lambda: challenge(run).last.startswith("overridden"), "the override")
    taken_up(anna, ask(anna, "/challenge/retire", part="R1\n", why="broken"))
    wait_for(lambda: "taken out" in anna.get("/challenge").text, "R1 is out", 60, 0.1)
    ended = anna.get("/challenge").text
    assert "sorted by hand" in ended
    assert "MISSED" not in ended


def test_what_a_form_lacks_is_said_and_nobody_registers_who_may_not(
    clients: dict[str, TestClient],
) -> None:
    for wrong in (
        entry("", "FAIL"),
        entry("X", "BROKEN"),
        entry("X", "FAIL", until="soon"),
        entry("X", "FAIL", until="2020-01-01"),
        entry("X", "FAIL", max_uses="-1"),
        entry("X", "FAIL", picture="gone"),
        entry("X", "FAIL", why=""),
        entry("two\nlines", "FAIL"),
    ):
        assert refused(clients["anna"], "/challenge/register", **wrong) == 400, wrong
    for name in ("otto", "rita"):
        assert refused(clients[name], "/challenge/register", **entry("X", "FAIL")) == 403
    forged = clients["anna"].post("/challenge/run", data={"token": "forged"})
    assert forged.status_code == 403


def test_suspect_parts_are_held_listed_and_released_by_quality(
    station: Station, clients: dict[str, TestClient]
) -> None:
    (page, _), otto, anna = station, clients["otto"], clients["anna"]
    window = {"cause": "time", "since": "2026-01-01T00:00:00"}
    assert refused(otto, "/suspect/find", **window, what="hold") == 400, "why?"
    for never in ("", "soon", "0001-01-01T00:00+02:00"):
        assert refused(otto, "/suspect/find", cause="time", since=never, what="list") == 400
    assert refused(otto, "/suspect/find", cause="ghosts", what="list") == 400
    listed = otto.get(ask(otto, "/suspect/find", **window, what="list")).text
    assert "Not on hold" in listed

    address = ask(otto, "/suspect/find", **window, what="hold", why="the lens slipped")
    assert "On hold" in otto.get(address).text
    name = address.partition("name=")[2]
    rows = csv.DictReader(io.StringIO(otto.get(f"/suspect/file/{name}/parts.csv").text))
    assert {"P-1", "P-2", "P-3", "P-4"} == {row["part_id"] for row in rows}
    sheet = otto.get(f"/suspect/file/{name}/suspect.html")
    assert "the lens slipped" in sheet.text
    assert "sandbox" in sheet.headers["content-security-policy"]
    assert otto.get("/suspect/file/..%2F..%2Fpage/parts.csv").status_code in {400, 404}
    assert otto.get("/suspect/file/20261128T000000Z-00000000/parts.csv").status_code == 400

    wait_for(lambda: _held(page.paths) == 4, "the hold", 60, 0.1)
    hold = re.findall(r"/suspect/hold\?hold=([0-9a-f]+)", otto.get("/suspect").text)[0]
    assert _said_by(page.paths, "suspect_window") == {("otto", "operator")}, "nobody else's role"
    shown = otto.get("/suspect/hold", params={"hold": hold}).text
    assert "P-3" in shown
    assert 'action="/suspect/release"' in shown
    assert 'name="part"' not in shown.split('action="/suspect/release"')[1]
    fields = {"hold": hold, "what": "marked", "why": "looked at each"}
    assert refused(otto, "/suspect/release", **fields, part=["P-1"]) == 403
    assert refused(anna, "/suspect/release", **fields) == 400, "which?"
    assert refused(anna, "/suspect/release", **fields, part=["Q-9"]) == 400, "not of this hold"
    told = ask(anna, "/suspect/release", **fields, part=["P-1", "P-2"])
    assert "The station has taken it up." in taken_up(anna, told)
    wait_for(lambda: _held(page.paths) == 2, "two are released", 60, 0.1)
    left = anna.get("/suspect/hold", params={"hold": hold}).text
    assert 'value="P-3"' in left
    assert 'value="P-1"' not in left


def test_a_study_is_judged_blind_and_worked_out(
    station: Station, clients: dict[str, TestClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    (page, _), emil = station, clients["emil"]
    truth = {"P-1": "good", "P-3": "bad", "P-4": "good"}
    form: dict[str, str | list[str]] = {
        "title": "Scratches",
        "trials": "2",
        "parts": "\n".join(f"{part},{word}" for part, word in truth.items()),
        "appraiser": ["anna", "otto"],
    }
    faults: tuple[dict[str, str | list[str]], ...] = (
        {"appraiser": []},
        {"appraiser": ["emil"]},
        {"appraiser": ["nobody"]},
        {"trials": "0"},
        {"trials": "9" * 5000},
        {"parts": "P-1,good"},
        {"parts": "P-1,good\nNOT-THERE,bad"},
        {"parts": "P-1;perhaps"},
        {"title": ""},
    )
    for fault in faults:
        assert refused(emil, "/study/begin", **{**form, **fault}) == 400, fault
    assert refused(clients["rita"], "/study/begin", **form) == 403
    address = ask(emil, "/study/begin", **form)
    study = address.partition("study=")[2]
    assert "Not everybody is through" in emil.get(address).text
    assert refused(emil, "/study/finish", study=study) == 400, "nothing is made up"
    assert clients["anna"].get(address).status_code == 403, "who judges sees nothing of it"
    assert clients["rita"].get("/study/judge", params={"study": study}).status_code == 400

    orders = {name: _judged(page.paths, clients[name], study, truth) for name in ("anna", "otto")}
    assert {tuple(sorted(order)) for order in orders.values()} == {tuple(sorted([*truth] * 2))}
    assert "You have judged all of it." in clients["otto"].get(f"/study/judge?study={study}").text
    frame = blind.load(page.paths, study).parts[0].frames[0]
    wait_for(lambda: "msa_study" in _causes(page.paths), "its pictures are held", 60, 0.1)
    (of_study,) = (each.hold_id for each in _holds(page.paths) if each.cause == "msa_study")
    looked = clients["otto"].get("/suspect/hold", params={"hold": of_study}).text
    assert "P-1" not in looked, "its parts are not to be found by its hold"
    hold(page.paths, HoldRequest(of_frames([frame]), "ben", "claim 881", "complaint"))
    wait_for(lambda: {"msa_study", "complaint"} <= _causes(page.paths), "both holds", 60, 0.1)
    with monkeypatch.context() as disk:
        disk.setattr(blind, "write_file", _full)
        assert refused(emil, "/study/finish", study=study) == 503
    wait_for(lambda: "msa_study" not in _causes(page.paths), "its pictures are let go", 60, 0.1)
    ask(emil, "/study/finish", study=study)
    assert "complaint" in _causes(page.paths), "what others hold stays held"
    assert _said_by(page.paths, "msa_study") == {("emil", "engineer")}
    result = emil.get(address).text
    assert "Kept as" in result
    trials = list(
        csv.DictReader(io.StringIO(emil.get(f"/study/sheet?study={study}&kind=csv").text))
    )
    assert len(trials) == 12
    wrong_ones = [
        (row["appraiser"], row["part"]) for row in trials if row["result"] != row["reference"]
    ]
    assert wrong_ones == [("otto", "P-3")] * 2, "otto takes the bad one for good"
    assert "Scratches" in emil.get(f"/study/sheet?study={study}").text
    assert clients["anna"].get(address).status_code == 200, "it is over"


def _judged(
    paths: StationPaths, client: TestClient, study: str, truth: dict[str, str]
) -> list[str]:
    """Judge all of it as that person; the parts in the order in which they came."""
    found, seen = blind.load(paths, study), []
    who = "anna" if "anna" in client.get("/live").text.split("<summary>")[1][:10] else "otto"
    for number in range(found.looks):
        shown = client.get("/study/judge", params={"study": study}).text
        part_id = found.parts[found.order(who)[number]].part
        assert f'name="number" value="{number}"' in shown
        assert part_id not in shown
        assert found.parts[found.order(who)[number]].frames[0] not in shown
        picture: dict[str, str | int] = {"study": study, "number": number}
        assert client.get("/study/picture", params=picture).headers["content-type"] == "image/jpeg"
        later = client.get("/study/picture", params={**picture, "number": number + 1})
        assert later.status_code == 404, "only the next one"
        said = truth[part_id] if who == "anna" else "good"
        fields = {"study": study, "number": str(number), "said": said, "took": "1.2"}
        ask(client, "/study/say", **fields)
        ask(client, "/study/say", **{**fields, "said": "bad"})  # sent twice: the first word counts
        seen.append(part_id)
    return seen


def test_nobody_judges_a_picture_that_is_gone(
    station: Station, clients: dict[str, TestClient]
) -> None:
    parts = [blind.BlindPart(each, each == "A", ("gone",)) for each in ("A", "B")]
    study = blind.begin(station[0].paths, "Gone", parts, ("emil", ["otto"]), 1)
    shown = clients["otto"].get("/study/judge", params={"study": study.study_id})
    assert shown.status_code == 400
    assert "Picture 1 is gone" in shown.text


def test_each_appraiser_has_an_order_of_their_own_and_none_sees_a_part_twice_in_a_row() -> None:
    parts = tuple(blind.BlindPart(f"P-{n}", n % 2 == 0, (f"f{n}",)) for n in range(20))
    study = blind.BlindStudy("x", "t", "emil", utc_now(), parts, ("anna", "otto"), 5, "ab" * 16)
    orders = [study.order(who) for who in study.appraisers]
    assert orders[0] != orders[1]
    assert orders[0] == study.order("anna"), "drawn again, the same"
    for order in orders:
        turns = [order[start : start + 20] for start in range(0, 100, 20)]
        assert all(sorted(turn) == list(range(20)) for turn in turns)
        assert len({tuple(turn) for turn in turns}) == 5
        assert all(before != after for before, after in pairwise(order))


def _held(paths: StationPaths) -> int:
    return sum(each.parts for each in _holds(paths) if each.cause == "suspect_window")


def _causes(paths: StationPaths) -> set[str]:
    return {each.cause for each in _holds(paths)}


def _holds(paths: StationPaths) -> list[HeldNow]:
    with PublishedLog(paths.published) as log:
        return held_now(log.cursor())


def _said_by(paths: StationPaths, cause: str) -> set[tuple[str, str]]:
    """Who has held or released for that cause, and as whom."""
    with PublishedLog(paths.published) as log:
        relation = log.cursor().relation("holds")
        query = f"SELECT DISTINCT who, role FROM {relation} WHERE cause = $cause"
        return {(who, role) for who, role in log.cursor().fetch(query, {"cause": cause})}


def _full(path: Path, _: bytes) -> None:
    raise DiskFullError(f"cannot write {path}", hint="make room")
