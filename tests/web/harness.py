"""A page on a station of the tests, and a browser of httpx that keeps its cookies."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from fastapi.testclient import TestClient

from qc_edge.domain.label import PersonRole
from qc_edge.settings import StationPaths
from qc_edge.web.app import make_app
from qc_edge.web.people.passwords import Passwords
from qc_edge.web.people.users import User
from qc_edge.web.station_page import StationPage
from tests.station.harness import make_station

PIN = "204918"
ADDRESS = "http://127.0.0.1:8470"


def station_page(root: Path, **page: object) -> StationPage:
    """A station that does not run, and its page."""
    return StationPage(make_station(root, page=page))


def add_user(
    page: StationPage, name: str = "anna", role: PersonRole = PersonRole.QUALITY, pin: str = PIN
) -> User:
    """Somebody with a PIN."""
    user = User(name, role, Passwords().hash(pin))
    page.users.change(name, lambda _: user)
    return user


def add_code(page: StationPage, name: str, code: str, until_s: float = 60.0) -> None:
    """Somebody who has nothing but a one-time code."""
    kept = Passwords().hash(code)
    user = User(name, PersonRole.REVIEWER, None, kept, time.time() + until_s)
    page.users.change(name, lambda _: user)


@contextmanager
def browser(page: StationPage, **headers: str) -> Iterator[TestClient]:
    """Somebody's browser on the machine itself."""
    with TestClient(
        make_app(page),
        base_url=ADDRESS,
        follow_redirects=False,
        headers=headers,
        client=("127.0.0.1", 50000),
        raise_server_exceptions=True,
    ) as client:
        yield client


def log_in(client: TestClient, name: str = "anna", secret: str = PIN) -> int:
    """As a person does; the status of the answer, 303 if it worked."""
    answer = client.post("/login", data={"name": name, "secret": secret})
    return int(answer.status_code)


def token(text: str) -> str:
    """The token in the forms of a page."""
    found = re.search(r'name="token" value="([^"]+)"', text)
    assert found, text
    return found[1]


def changed(page: StationPage, name: str, **values: object) -> None:
    """Somebody has changed this person meanwhile."""
    page.users.change(name, lambda user: user and replace(user, **values))  # type: ignore[arg-type]


def notices_of(paths: StationPaths) -> list[str]:
    """What waits for the log."""
    return [path.read_text() for path in sorted(paths.notices.glob("*.json"))]
