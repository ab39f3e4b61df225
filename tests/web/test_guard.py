"""What every request has to pass: another host's name, another page's form, floods, long bodies."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import ValidationError

from qc_edge.settings.page import PageSettings
from qc_edge.web.guard import BODY_MAX, POLICY, RequestRate, client_address
from qc_edge.web.visit import way_back
from tests.web.harness import PIN, add_user, browser, log_in, station_page, token


def test_no_script_but_the_pages_own_ever_runs(tmp_path: Path) -> None:
    with browser(station_page(tmp_path)) as client:
        answer = client.get("/login")
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert "<script" not in answer.text
    assert " style=" not in answer.text
    assert answer.headers["cache-control"] == "no-store"


def test_a_name_that_is_not_the_pages_is_refused(tmp_path: Path) -> None:
    with browser(station_page(tmp_path, names=["line1.plant"])) as client:
        assert client.get("/login", headers={"host": "evil.example"}).status_code == 421
        assert client.get("/login", headers={"host": "127.0.0.1:1"}).status_code == 200
        assert client.get("/login", headers={"host": "line1.plant"}).status_code == 200


def test_a_form_of_another_page_is_refused(tmp_path: Path) -> None:
    page = station_page(tmp_path)
    add_user(page)
    data = {"name": "anna", "secret": PIN}
    with browser(page) as client:
        for headers in ({"sec-fetch-site": "cross-site"}, {"origin": "http://evil.example"}):
            assert client.post("/login", data=data, headers=headers).status_code == 403
        log_in(client)
        own = token(client.get("/live").text)
        assert client.post("/logout", data={}).status_code == 403
        assert client.post("/logout", data={"token": own + "x"}).status_code == 403
        assert client.get("/live").status_code == 200, "still logged in"


def test_a_body_that_is_too_long_is_refused_with_and_without_a_length(tmp_path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(BODY_MAX // 1024 + 2):
            yield b"x" * 1024

    with browser(station_page(tmp_path)) as client:
        assert client.post("/login", content=b"x" * (BODY_MAX + 1)).status_code == 413
        assert client.post("/login", content=pieces()).status_code == 413
        assert client.post("/login", content=b"a=1&" * 100).status_code == 400, "too many fields"
        assert client.post("/login", content=b"\xff\xfe").status_code == 400


def test_who_asks_too_often_waits_and_others_do_not() -> None:
    now = [0.0]
    rate = RequestRate(lambda: now[0])
    admitted = sum(rate.admits("a") for _ in range(1000))
    assert 200 <= admitted <= 260
    assert rate.admits("b")
    now[0] += 1
    assert rate.admits("a")


def test_with_a_proxy_nobody_else_is_answered(tmp_path: Path) -> None:
    with browser(station_page(tmp_path, proxy="10.0.0.9")) as client:
        assert client.get("/login").status_code == 403
    with browser(station_page(tmp_path / "b", proxy="127.0.0.1")) as client:
        answer = client.get("/login", headers={"x-forwarded-for": "1.2.3.4, 10.0.0.3"})
        assert answer.status_code == 200
        assert "strict-transport-security" in answer.headers


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        (["6.6.6.6", "10.0.0.3"], "10.0.0.3"),
        (["6.6.6.6, 10.0.0.3"], "10.0.0.3"),
        (["2001:db8::1"], "2001:db8::1"),
        (["a name"], "127.0.0.1"),
        ([], "127.0.0.1"),
    ],
)
def test_a_client_does_not_choose_its_address(lines: list[str], address: str) -> None:
    scope = {
        "type": "http",
        "client": ("127.0.0.1", 50000),
        "headers": [(b"x-forwarded-for", line.encode()) for line in lines],
    }
    settings = PageSettings.model_validate({"proxy": "127.0.0.1"})
    assert client_address(scope, settings) == address


@pytest.mark.parametrize(
    "page", [{"listen": "0.0.0.0:8470"}, {"listen": "10.0.0.4:8470"}, {"listen": "[::]:8470"}]
)
def test_other_machines_are_let_in_by_tls_alone(page: dict[str, str]) -> None:
    with pytest.raises(ValidationError, match="without TLS"):
        PageSettings.model_validate(page)
    assert PageSettings.model_validate(page | {"tls": "own"}).is_secure
    assert PageSettings.model_validate(page | {"proxy": "10.0.0.9"}).is_secure


@pytest.mark.parametrize(
    "wanted", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/a\r\nb"]
)
def test_after_the_login_nobody_is_sent_elsewhere(wanted: str) -> None:
    assert way_back(wanted) == "/live"
    assert way_back("/part?lot=7") == "/part?lot=7"
