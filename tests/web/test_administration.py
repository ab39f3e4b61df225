"""`qc-edge user`: nobody has a password to begin with, and whoever is removed is out at once."""

from __future__ import annotations

import json
import ssl
import urllib.request
from pathlib import Path

import pytest

from qc_edge.errors import StoreError, UsageError
from qc_edge.web.certificate import fingerprint, own_certificate
from qc_edge.web.people.administration import Administration
from tests.cli.runner import invoke
from tests.station.harness import NAME, configure, make_station, wait_for
from tests.web.harness import PIN, browser, log_in, notices_of, station_page, token
from tests.web.server import free_port, served


def test_the_command_prints_a_code_that_lets_in_once(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    told = invoke(
        "user", NAME, "add", "anna", "--role", "reviewer", "--json", "--root", str(tmp_path)
    )
    code = json.loads(told.stdout)["code"]
    assert code not in page.paths.page_users.read_text()
    with browser(page) as client:
        assert log_in(client, "anna", code) == 303
        form = token(client.get("/password").text)
        client.post("/password", data={"token": form, "first": PIN, "again": PIN})
        assert client.get("/station").status_code == 200
        Administration(page.paths, "root").act("reset", "anna", None)
        assert client.get("/station").status_code == 303, "the session ends at once"
        assert log_in(client, "anna", PIN) == 401
    assert any('"after": "reviewer"' in text for text in notices_of(page.paths))


def test_a_removed_person_is_out_at_once(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    people = Administration(page.paths, "root")
    code = people.act("add", "ben", "operator")
    assert code
    with browser(page) as client:
        log_in(client, "ben", code)
        assert client.get("/password").status_code == 200
        people.act("remove", "ben", None)
        assert client.get("/password").status_code == 303
        code = people.act("add", "ben", "operator")
        assert code
        log_in(client, "ben", code)
        assert client.get("/password").status_code == 200
        mark = client.cookies["qc-page"]
        people.act("remove", "ben", None)
        code = people.act("add", "ben", "quality")
        assert code
        client.cookies.clear()
        assert log_in(client, "ben", code) == 303
        client.cookies.clear()
        client.cookies.set("qc-page", mark)
        assert client.get("/password").status_code == 303, "another ben"
        people.act("remove", "ben", None)
    assert people.everybody() == []


def test_a_reset_holds_whatever_was_being_checked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = station_page(tmp_path)
    people = Administration(page.paths, "root")
    code = people.act("add", "ben", "operator")
    assert code

    def reset_while(name: str) -> None:
        done = getattr(page.passwords, name)

        def slow(*values: str) -> object:
            nonlocal code
            found = done(*values)
            code = people.act("reset", "ben", None)
            return found

        monkeypatch.setattr(page.passwords, name, slow)

    with browser(page) as client:
        reset_while("fits")
        refused = client.post("/login", data={"name": "ben", "secret": code})
        assert refused.headers["location"] == "/login"
        monkeypatch.undo()
        assert log_in(client, "ben", code) == 303, "the new code"
        form = token(client.get("/password").text)
        reset_while("hash")
        refused = client.post("/password", data={"token": form, "first": PIN, "again": PIN})
        assert refused.headers["location"] == "/login"
        monkeypatch.undo()
        assert log_in(client, "ben", PIN) == 401
        assert log_in(client, "ben", code) == 303


@pytest.mark.parametrize(
    ("action", "who", "role"),
    [
        ("add", "Anna", "operator"),
        ("add", "../x", "operator"),
        ("add", "anna", "king"),
        ("reset", "nobody", None),
        ("role", "nobody", "operator"),
    ],
)
def test_what_makes_no_sense_changes_nothing(
    tmp_path: Path, action: str, who: str, role: str | None
) -> None:
    page = station_page(tmp_path)
    with pytest.raises(UsageError):
        Administration(page.paths, "root").act(action, who, role)
    assert not page.paths.page_users.exists()
    assert notices_of(page.paths) == []


def test_the_page_makes_its_own_certificate_and_keeps_it(tmp_path: Path) -> None:
    paths, port = make_station(tmp_path), free_port()
    configure(paths, page={"listen": f"127.0.0.1:{port}", "tls": "own", "names": ["line1.plant"]})
    certificate = own_certificate(paths.page, ["127.0.0.1", "line1.plant"])
    first = fingerprint(certificate)
    trusting = ssl.create_default_context(cafile=str(certificate))
    with served(paths, port, trusting) as page:
        wait_for(page.answers, "the page answers by https", 20)
        with urllib.request.urlopen(
            f"https://127.0.0.1:{port}/login", context=trusting, timeout=5
        ) as answer:
            assert "strict-transport-security" in {name.lower() for name in answer.headers}
    assert fingerprint(own_certificate(paths.page, [])) == first
    assert certificate.stat().st_mode & 0o077 == 0


def test_nobody_is_added_whom_the_log_would_not_know_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = station_page(tmp_path)
    monkeypatch.setattr("qc_edge.records.notices.WAITING_MAX", 0)
    with pytest.raises(StoreError, match="no room; nothing was changed"):
        Administration(page.paths, "root").act("add", "eve", "quality")
    assert not page.paths.page_users.exists()


def test_a_token_is_printed_once_and_only_its_digest_is_kept(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    root = ("--root", str(tmp_path))
    add = ("token", NAME, "add", "mes", "--scope", "read", "--days", "90")
    secret = json.loads(invoke(*add, "--json", *root).stdout)["token"]
    assert secret not in page.paths.page_tokens.read_text()
    assert page.paths.page_tokens.stat().st_mode & 0o077 == 0, "for the station's user alone"
    with browser(page) as client:
        asked = {"authorization": f"Bearer {secret}"}
        assert client.get("/api/v1/status", headers=asked).status_code == 200
        (listed,) = json.loads(invoke("token", NAME, "--json", *root).stdout)
        assert (listed["program"], listed["scopes"], listed["role"]) == (
            "mes",
            ["read"],
            "operator",
        )
        assert listed["used"] is not None
        assert "revoked" in invoke("token", NAME, "revoke", "mes", *root).stdout
        assert client.get("/api/v1/status", headers=asked).status_code == 401
    for wrong, words in (
        (("add", "Mes", "--scope", "read"), "is no name for a token"),
        (("add", "mes", "--scope", "all"), "there is no scope 'all'"),
        (("add", "mes", "--scope", "read", "--days", "0"), "--days 0"),
        (("add", "mes"), "needs --scope"),
        (("revoke", "mes"), "there is no token 'mes'"),
    ):
        fault = invoke("token", NAME, *wrong, *root).exception
        assert isinstance(fault, UsageError), wrong
        assert words in fault.message
    kinds = [json.loads(each) for each in notices_of(page.paths)]
    assert [each["after"] for each in kinds if each["kind"] == "page_token"] == ["read", None]
