"""Who gets in, who does not, and how long they stay."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path

import pytest

from qc_edge.domain.label import PersonRole
from qc_edge.errors import BusyError, UsageError
from qc_edge.web.people.attempts import Attempts
from qc_edge.web.people.passwords import MEMORY_KIB, Passwords, check_choice
from qc_edge.web.people.sessions import Sessions
from qc_edge.web.people.users import User, Users
from tests.web.harness import (
    PIN,
    add_code,
    add_user,
    browser,
    changed,
    log_in,
    notices_of,
    station_page,
    token,
)


class Clock:
    """Seconds that go on when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_nobody_gets_in_without_a_name(tmp_path: Path) -> None:
    with browser(station_page(tmp_path)) as client:
        for path in ("/live", "/part", "/part/story?id=1", "/station", "/password"):
            answer = client.get(path)
            assert answer.status_code == 303, path
            assert answer.headers["location"].startswith("/login"), path
        assert log_in(client) == 401


def test_a_person_logs_in_and_out_and_the_log_is_told(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_user(page)
    with browser(page) as client:
        assert log_in(client) == 303
        shown = client.get("/live")
        assert shown.status_code == 200
        assert client.post("/logout", data={"token": token(shown.text)}).status_code == 303
        assert client.get("/live").status_code == 303
    kinds = [json.loads(text)["kind"] for text in notices_of(page.paths)]
    assert kinds == ["page_login", "page_logout"]


def test_the_cookie_cannot_be_read_by_scripts_and_goes_to_no_other_page(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_user(page)
    with browser(page) as client:
        cookie = client.post("/login", data={"name": "anna", "secret": PIN}).headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    assert "Path=/" in cookie
    with browser(station_page(tmp_path / "tls", tls="own")) as client:
        add_user(client.app.state.page)  # type: ignore[attr-defined]
        cookie = client.post("/login", data={"name": "anna", "secret": PIN}).headers["set-cookie"]
    assert cookie.startswith("__Host-")
    assert "Secure" in cookie


def test_a_code_lets_in_once_and_a_password_has_to_be_chosen(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_code(page, "ben", "AAAA-BBBB-CCCC")
    with browser(page) as client:
        assert log_in(client, "ben", "aaaabbbbcccc") == 303
        assert client.get("/station").headers["location"] == "/password"
        form = token(client.get("/password").text)
        for bad in ("123456", "999999", "12345", "secret"):
            kept = client.post("/password", data={"token": form, "first": bad, "again": bad})
            assert kept.status_code == 400, bad
        kept = client.post("/password", data={"token": form, "first": PIN, "again": PIN})
        assert kept.status_code == 303
        assert client.get("/station").status_code == 200
    with browser(page) as client:
        assert log_in(client, "ben", "AAAA-BBBB-CCCC") == 401
        assert log_in(client, "ben", PIN) == 303


def test_a_code_that_is_too_old_lets_nobody_in(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_code(page, "ben", "AAAA-BBBB-CCCC", until_s=-1)
    with browser(page) as client:
        assert log_in(client, "ben", "AAAA-BBBB-CCCC") == 401


def test_forged_and_ended_sessions_are_nobodys(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_user(page)
    with browser(page) as client:
        client.cookies.set("qc-page", "made-up")
        assert client.get("/live").status_code == 303
        client.cookies.clear()
        log_in(client)
        assert client.get("/station").status_code == 200
        changed(page, "anna", role=PersonRole.OPERATOR, version=2)
        assert client.get("/station").status_code == 303


def test_who_does_nothing_is_logged_out_and_a_page_that_refreshes_itself_is_nobody() -> None:
    users, clock = Users(Path("/nonexistent/users.json")), Clock()
    anna = User("anna", PersonRole.OPERATOR, "hash")
    users.get = lambda name: anna  # type: ignore[method-assign]
    sessions = Sessions(users, lambda: 60.0, clock)
    mark = sessions.begin(anna)
    clock.now += 50
    assert sessions.find(mark, is_person=False)
    clock.now += 50
    assert sessions.find(mark) is None
    mark = sessions.begin(anna)
    for _ in range(12 * 60 + 5):
        clock.now += 59
        sessions.find(mark)
    assert sessions.find(mark) is not None
    for _ in range(60):
        clock.now += 59
        sessions.find(mark)
    assert sessions.find(mark) is None, "nobody stays for longer than a shift"


def test_after_five_wrong_ones_the_right_one_has_to_wait_too(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_user(page)
    page.attempts = Attempts(clock := Clock())
    with browser(page) as client:
        assert [log_in(client, "anna", "x") for _ in range(5)] == [401] * 5
        assert log_in(client) == 429
        clock.now += 31
        assert log_in(client) == 303
    refused = [text for text in notices_of(page.paths) if "page_login_refused" in text]
    assert len(refused) == 5


def test_waits_grow_and_end() -> None:
    attempts, waits = Attempts(clock := Clock()), []
    for _ in range(14):
        attempts.missed("a")
        waits.append(attempts.wait_s("a"))
        clock.now += waits[-1]
    assert waits[:4] == [0.0] * 4
    assert waits[4:7] == [30.0, 60.0, 120.0]
    assert max(waits) == 900.0
    assert attempts.wait_s("b") == 0.0


def test_a_hash_takes_no_more_memory_than_a_jetson_has_to_spare() -> None:
    assert MEMORY_KIB <= 16 * 1024
    assert f"m={MEMORY_KIB}," in Passwords().hash(PIN)


def test_many_who_log_in_at_once_are_sent_away_and_not_all_hashed() -> None:
    passwords = Passwords()
    outcomes: list[str] = []

    def one() -> None:
        try:
            passwords.fits(None, "x")
            outcomes.append("checked")
        except BusyError:
            outcomes.append("sent away")

    threads = [threading.Thread(target=one) for _ in range(40)]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("sent away") > 10
    assert time.monotonic() - began < 10


@pytest.mark.parametrize("easy", ["1234", "123456", "987654", "000000", "short", "x" * 129])
def test_what_is_easy_to_guess_is_no_password(easy: str) -> None:
    with pytest.raises(UsageError):
        check_choice(easy)


def test_two_who_change_people_at_once_lose_nobody(tmp_path: Path) -> None:
    path = tmp_path / "users.json"
    names = [f"user{number}" for number in range(16)]

    def add(name: str) -> None:
        Users(path).change(name, lambda _: User(name, PersonRole.OPERATOR))

    threads = [threading.Thread(target=add, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(Users(path).all()) == sorted(names)
    assert path.stat().st_mode & 0o077 == 0
