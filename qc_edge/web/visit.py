"""One request of a person: who they are, their language, what they may; and the answer."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Annotated, Any
from urllib.parse import parse_qsl, quote

from fastapi import Depends, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from qc_edge.errors import UsageError
from qc_edge.web.catalog import DEFAULT, Words, best_language
from qc_edge.web.people.sessions import Session
from qc_edge.web.people.users import User
from qc_edge.web.station_page import StationPage
from qc_edge.web.templates import render

THEMES = ("auto", "dark", "light")
_FIELDS_MAX = 60
_WITHOUT_PASSWORD = {"/password", "/logout"}
LOOK = "qc-page-look"
"""The cookie with theme and language; it says nothing of who somebody is."""


class LogInNeededError(Exception):
    """Nobody is logged in, or no longer."""


class PasswordNeededError(Exception):
    """Who logged in with a one-time code has to choose a password first."""


class NotAllowedError(Exception):
    """Whoever is logged in may not do that."""


@dataclass(frozen=True, slots=True)
class Visit:
    """A request with all that its answer depends on; `session` is None if nobody is logged in."""

    page: StationPage
    request: Request
    session: Session | None
    words: Words
    theme: str

    @property
    def user(self) -> User:
        """Who is logged in. Raises LogInNeededError."""
        if self.session is None:
            raise LogInNeededError
        return self.session.user

    @property
    def address(self) -> str:
        """Of the browser, as far as it is known."""
        return str(self.request.scope.get("client_address", ""))

    def render(self, template: str, status: int = 200, /, **values: object) -> Response:
        """The template as an answer."""
        return HTMLResponse(self.text(template, **values), status)

    def text(self, template: str, /, **values: object) -> str:
        """The template with these values and what every page shows."""
        common = {
            "t": self.words,
            "languages": self.page.words.values(),
            "theme": self.theme,
            "session": self.session,
            "station": self.page.paths.name,
            "local": self.page.local,
            "path": self.request.url.path,
        }
        return render(template, {**common, **values})

    def require_token(self, token: str | None) -> None:
        """Raise NotAllowedError unless the form came from a page of this session."""
        if self.session is None:
            raise LogInNeededError
        if not hmac.compare_digest((token or "").encode(), self.session.form_token.encode()):
            raise NotAllowedError


def cookie_name(page: StationPage) -> str:
    """Of the session. With TLS browsers see to it that no other host and no http can set it."""
    return "__Host-qc-page" if page.settings.page.is_secure else "qc-page"


def visit(request: Request) -> Visit:
    """Whoever it is; their log-in stays, since they did something."""
    return visit_of(request, is_person=True)


def visit_of(request: Request, *, is_person: bool) -> Visit:
    """As `visit`; `is_person` False for what a page asks by itself."""
    page: StationPage = request.app.state.page
    session = page.sessions.find(request.cookies.get(cookie_name(page)), is_person=is_person)
    theme, _, language = request.cookies.get(LOOK, "").partition(".")
    if language not in page.words:
        language = best_language(request.headers.get("accept-language", ""), page.words)
    words = page.words.get(language) or page.words[DEFAULT]
    return Visit(page, request, session, words, theme if theme in THEMES else THEMES[0])


def person(visit: Annotated[Visit, Depends(visit)]) -> Visit:
    """Somebody who is logged in, and has a password of their own."""
    if visit.user.password is None and visit.request.url.path not in _WITHOUT_PASSWORD:
        raise PasswordNeededError
    return visit


def by_itself(request: Request) -> Visit:
    """As `person`, for what a page asks by itself: that keeps nobody logged in."""
    return person(visit_of(request, is_person=False))


def watcher(request: Request) -> Visit:
    """Who may look at Live: where the settings say so, everybody."""
    found = visit_of(request, is_person=False)
    if not found.page.settings.page.live_without_login:
        _ = found.user
    return found


async def form(request: Request) -> Mapping[str, str]:
    """The fields of a form; of several with one name the last. Raises UsageError."""
    return dict(await form_pairs(request))


async def form_pairs(request: Request) -> list[tuple[str, str]]:
    """All fields of a form, in order; several may have one name. Raises UsageError."""
    body = await request.body()
    try:
        return parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MAX)
    except ValueError:
        raise UsageError("this is no form") from None


def moment_typed(visit: Visit, typed: str) -> datetime | None:
    """What a browser's field of date and time gives, by the station's clocks. Raises ValueError."""
    if not typed:
        return None
    local = datetime.fromisoformat(typed)
    if local.tzinfo is None:
        local = local.replace(tzinfo=visit.page.calendar.zone)
    try:
        moment = local.astimezone(timezone.utc)
    except OverflowError:
        raise ValueError(typed) from None
    latest = datetime.now(timezone.utc) + timedelta(days=3660)
    if not datetime(2000, 1, 1, tzinfo=timezone.utc) < moment < latest:
        raise ValueError(typed)
    return moment


def to_login(request: Request) -> RedirectResponse:
    """To the log-in, and back from there; only to pages of this one."""
    wanted = request.url.path
    if request.url.query:
        wanted += f"?{request.url.query}"
    back = f"?next={quote(wanted)}" if request.method == "GET" and wanted != "/" else ""
    return RedirectResponse(f"/login{back}", 303)


def way_back(wanted: str) -> str:
    """Where to after the log-in: a path of this page, never another host."""
    is_own = wanted.startswith("/") and not wanted.startswith(("//", "/\\")) and ":" not in wanted
    is_clean = not any(letter in wanted for letter in "\r\n\t\\")
    return wanted if is_own and is_clean else "/live"


Fields = Annotated[Mapping[str, str], Depends(form)]
AnyVisit = Annotated[Visit, Depends(visit)]
PersonVisit = Annotated[Visit, Depends(person)]
PageVisit = Annotated[Visit, Depends(by_itself)]
WatcherVisit = Annotated[Visit, Depends(watcher)]
Values = dict[str, Any]
