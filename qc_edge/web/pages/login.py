"""Logging in and out, choosing a password, and how the page looks."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import replace

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import UsageError
from qc_edge.web.people.passwords import check_choice, normal_code
from qc_edge.web.people.users import User
from qc_edge.web.station_page import StationPage
from qc_edge.web.visit import (
    LOOK,
    THEMES,
    AnyVisit,
    Fields,
    LogInNeededError,
    PersonVisit,
    Visit,
    cookie_name,
    way_back,
)

router = APIRouter()
_YEAR_S = 365 * 24 * 3600


@router.get("/login")
def show_login(visit: AnyVisit, next: str = "") -> Response:  # noqa: A002 (the name in the address)
    """The form."""
    if visit.session:
        return RedirectResponse(way_back(next), 303)
    return visit.render("login.html", next=next, said="", name="")


@router.post("/login")
def log_in(visit: AnyVisit, fields: Fields) -> Response:
    """With a password, or with a one-time code and then a password of one's own."""
    name, secret = fields.get("name", "").strip().lower(), fields.get("secret", "")
    page, back = visit.page, fields.get("next", "")
    keys = (f"from {visit.address} as {name[:40]}", f"from {visit.address}")
    if wait := page.attempts.wait_s(*keys):
        said = visit.words("login.wait", seconds=round(wait) + 1)
        return visit.render("login.html", 429, next=back, said=said, name=name)
    user = page.users.get(name)
    way = _checked(visit, user, secret)
    if user is None or not way:
        page.attempts.missed(*keys)
        # Who types a password into the wrong field must not find it in the log.
        who = user.name if user else "an unknown name"
        page.tell(
            Occurrence(EventKind.PAGE_LOGIN_REFUSED, f"log-in of {who} from {visit.address}: wrong")
        )
        said = visit.words("login.wrong")
        return visit.render("login.html", 401, next=back, said=said, name=name)
    page.attempts.succeeded(*keys)
    if way == "code":
        user = _changed(page, user, _without_code)
    detail = f"{name} ({user.role}) logged in from {visit.address} with a {way}"
    page.tell(Occurrence(EventKind.PAGE_LOGIN, detail, who=name))
    answer = RedirectResponse("/password" if way == "code" else way_back(back), 303)
    _set_cookie(visit, answer, page.sessions.begin(user))
    return answer


@router.post("/logout")
def log_out(visit: PersonVisit, fields: Fields) -> Response:
    """End the session."""
    visit.require_token(fields.get("token"))
    name = cookie_name(visit.page)
    visit.page.sessions.end(visit.request.cookies.get(name))
    visit.page.tell(
        Occurrence(EventKind.PAGE_LOGOUT, f"{visit.user.name} logged out", who=visit.user.name)
    )
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(name, secure=visit.page.settings.page.is_secure, httponly=True)
    return answer


@router.get("/password")
def show_password(visit: PersonVisit) -> Response:
    """Choose one."""
    return visit.render("password.html", said="")


@router.post("/password")
def choose_password(visit: PersonVisit, fields: Fields) -> Response:
    """Keep it; other sessions of this person end."""
    visit.require_token(fields.get("token"))
    user, page = visit.user, visit.page
    first, again = fields.get("first", ""), fields.get("again", "")
    said = _refusal(visit, first, again)
    if not said and user.password is not None:
        keys = (f"password of {user.name}",)
        if page.attempts.wait_s(*keys) or not page.passwords.fits(
            user.password, fields.get("before", "")
        ):
            page.attempts.missed(*keys)
            said = visit.words("login.wrong")
    if said:
        return visit.render("password.html", 400, said=said)
    kept = page.passwords.hash(first)
    after = _changed(page, user, lambda now: _with_password(now, kept))
    page.tell(Occurrence(EventKind.PAGE_USER, f"{user.name} has chosen a password", who=user.name))
    answer = RedirectResponse("/live", 303)
    _set_cookie(visit, answer, page.sessions.begin(after))
    return answer


@router.post("/look")
def choose_look(visit: AnyVisit, fields: Fields) -> Response:
    """Dark or bright, and the language: for this browser alone."""
    theme, language = fields.get("theme", visit.theme), fields.get("language", visit.words.language)
    answer = RedirectResponse(way_back(fields.get("next", "")), 303)
    if theme in THEMES and language in visit.page.words:
        answer.set_cookie(
            LOOK,
            f"{theme}.{language}",
            _YEAR_S,
            secure=visit.page.settings.page.is_secure,
            httponly=True,
            samesite="strict",
        )
    return answer


def _checked(visit: Visit, user: User | None, secret: str) -> str:
    """By what the person has proven who they are: `password`, `code`; empty if by nothing."""
    passwords = visit.page.passwords
    if user and user.code and (user.code_until or 0) > time.time():
        if passwords.fits(user.code, normal_code(secret)):
            return "code"
        if user.password is None:
            return ""
    return "password" if passwords.fits(user.password if user else None, secret) else ""


def _refusal(visit: Visit, first: str, again: str) -> str:
    if not secrets.compare_digest(first.encode(), again.encode()):
        return visit.words("password.differ")
    try:
        check_choice(first)
    except UsageError as fault:
        return visit.words(fault.message)
    return ""


def _changed(page: StationPage, user: User, change: Callable[[User], User]) -> User:
    """The user after `change`. Raises LogInNeededError if they were changed since `user` was read:
    what was reset while a secret was checked stays reset.
    """

    def changed(now: User | None) -> User:
        nonlocal user
        # A new code keeps the version: nobody's session ends with it.
        if now is None or now.version != user.version or (user.code and now.code != user.code):
            raise LogInNeededError
        user = change(now)
        return user

    page.users.change(user.name, changed)
    return user


def _without_code(user: User) -> User:
    return replace(user, code=None, code_until=None, password=None, version=user.version + 1)


def _with_password(user: User, kept: str) -> User:
    return replace(user, password=kept, code=None, code_until=None, version=user.version + 1)


def _set_cookie(visit: Visit, answer: Response, token: str) -> None:
    # Without an age: it ends with the browser, the session itself by what the server knows.
    answer.set_cookie(
        cookie_name(visit.page),
        token,
        secure=visit.page.settings.page.is_secure,
        httponly=True,
        samesite="strict",
        path="/",
    )
