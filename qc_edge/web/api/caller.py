"""Who asks the API: the program behind a token, how often it may, and what for."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import StoreError
from qc_edge.service.logs import LOG
from qc_edge.web.api.problems import ProblemError
from qc_edge.web.api.tokens import ApiToken, Scope, Tokens
from qc_edge.web.guard import RequestRate
from qc_edge.web.station_page import StationPage

PER_S, BURST = 10.0, 60.0
"""Requests of one token: an MES asks for each part, not for each frame."""

_SECRET_LONGEST = 200
_MISSES = "api {}"

_bearer = HTTPBearer(
    auto_error=False,
    description="A token of `qc-edge token NAME add`: `Authorization: Bearer qce_...`.",
)


@dataclass(slots=True)
class ApiAccess:
    """Who may ask this page's API, and how often."""

    tokens: Tokens
    rate: RequestRate


@dataclass(frozen=True, slots=True)
class Caller:
    """A program whose token is good, and the page that it asks."""

    page: StationPage
    token: ApiToken

    @property
    def name(self) -> str:
        """As the log has it: `api:NAME`, which no person can be called."""
        return f"api:{self.token.name}"


def needs(scope: Scope) -> Callable[..., Caller]:
    """What a route depends on: a caller whose token has this scope. Raises ProblemError."""

    def caller(
        request: Request,
        given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> Caller:
        page: StationPage = request.app.state.page
        access: ApiAccess = request.app.state.access
        token = _known(request, page, access, given)
        if not access.rate.admits(token.name):
            raise ProblemError(
                429,
                "too many requests with this token",
                expected=f"at most {PER_S:g} a second, {BURST:g} at once",
                headers={"retry-after": "1"},
            )
        if scope not in token.scopes:
            raise ProblemError(
                403,
                f"the token {token.name} has no scope {scope}",
                expected=f"one with {scope}; it has {', '.join(token.scopes)}",
                todo=f"qc-edge token {page.paths.name} add {token.name} --scope {scope}",
            )
        return Caller(page, token)

    return caller


def _known(
    request: Request,
    page: StationPage,
    access: ApiAccess,
    given: HTTPAuthorizationCredentials | None,
) -> ApiToken:
    challenge = {"www-authenticate": "Bearer"}
    add = f"qc-edge token {page.paths.name} add MES --scope read"
    if given is None:
        raise ProblemError(
            401,
            "nobody knows who asks; cookies count for nothing here",
            expected="Authorization: Bearer TOKEN",
            todo=add,
            headers=challenge,
        )
    address = str(request.scope.get("client_address", ""))
    misses = _MISSES.format(address)
    if wait := page.attempts.wait_s(misses):
        raise ProblemError(
            429,
            "too many wrong tokens from this address",
            todo=f"wait {wait:.0f} s",
            headers={"retry-after": f"{wait:.0f}"},
        )
    token = access.tokens.find(given.credentials[:_SECRET_LONGEST], time.time())
    if token is None:
        page.attempts.missed(misses)
        _tell(page, f"a token that is unknown, expired or revoked, from {address}")
        raise ProblemError(
            401,
            "the token is unknown, expired or revoked",
            expected="one that qc-edge token lists",
            todo=add,
            headers=challenge,
        )
    page.attempts.succeeded(misses)
    return token


def _tell(page: StationPage, detail: str) -> None:
    try:
        page.tell(Occurrence(EventKind.PAGE_TOKEN_REFUSED, detail, who="page"))
    except StoreError as fault:
        LOG.error("the API: %s", fault)


Reader = Annotated[Caller, Depends(needs(Scope.READ))]
Labeller = Annotated[Caller, Depends(needs(Scope.LABEL))]
Changer = Annotated[Caller, Depends(needs(Scope.RECIPE))]
