"""The page as an application: its routes, and what becomes of errors. Read `make_app` first."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from qc_edge.errors import BusyError, QcEdgeError, StoreError, UsageError
from qc_edge.service.logs import LOG
from qc_edge.web.aim import calibrate
from qc_edge.web.aim import pages as aim
from qc_edge.web.api.application import PATH as API
from qc_edge.web.api.application import make_api
from qc_edge.web.discipline import challenge, study, suspect
from qc_edge.web.guard import Guard
from qc_edge.web.pages import control, live, login, parts, picture, shift, station
from qc_edge.web.review import judging, looking
from qc_edge.web.start import pages as start
from qc_edge.web.station_page import StationPage
from qc_edge.web.templates import STATIC
from qc_edge.web.threshold import pages as threshold
from qc_edge.web.visit import (
    LogInNeededError,
    NotAllowedError,
    PasswordNeededError,
    to_login,
    visit_of,
)

_PARTS_OF_PAGES = (
    "/picture/",
    "/live/stream",
    "/review/",
    "/threshold/at",
    "/aim/look",
    "/aim/picture/",
)
"""What a page asks for by itself: a log-in form in its place would help nobody."""


def make_app(page: StationPage) -> FastAPI:
    """The application on this page; closes it when it ends."""

    @asynccontextmanager
    async def life(_: FastAPI) -> AsyncIterator[None]:
        yield
        page.close()

    # No pages of its own about itself: they would load their scripts from the internet.
    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.page = page
    working = (login, live, parts, picture, looking, judging, shift, control, station)
    pages = (*working, aim, calibrate, threshold, start, challenge, suspect, study)
    for routes in pages:
        app.include_router(routes.router)
    app.add_api_route("/", _start, include_in_schema=False)
    app.mount(API, make_api(page), "api")
    app.mount("/static/{version}", _Static(directory=STATIC), "static")
    app.add_exception_handler(LogInNeededError, _log_in)
    app.add_exception_handler(PasswordNeededError, _choose_password)
    app.add_exception_handler(NotAllowedError, _not_allowed)
    app.add_exception_handler(RequestValidationError, _not_understood)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(QcEdgeError, _failed)
    app.add_middleware(Guard, settings=lambda: page.settings.page)
    return app


class _Static(StaticFiles):
    """Style and scripts: their address changes with their content, so that they may be kept."""

    def file_response(self, *args: object, **kwargs: object) -> Response:
        response = super().file_response(*args, **kwargs)  # type: ignore[arg-type]
        response.headers["cache-control"] = "max-age=31536000, immutable"
        return response


def _start() -> RedirectResponse:
    return RedirectResponse("/live", 303)


async def _log_in(request: Request, _: Exception) -> Response:
    if request.url.path.startswith(_PARTS_OF_PAGES):
        return Response(status_code=401)
    return to_login(request)


async def _choose_password(_: Request, __: Exception) -> Response:
    return RedirectResponse("/password", 303)


async def _not_allowed(request: Request, _: Exception) -> Response:
    return _told(request, 403, "error.not_allowed")


async def _not_understood(request: Request, _: Exception) -> Response:
    return _told(request, 400, "error.not_understood")


async def _http(request: Request, fault: Exception) -> Response:
    status = fault.status_code if isinstance(fault, HTTPException) else 500
    key = "error.not_found" if status == 404 else "error.not_understood"
    return _told(request, status, key)


async def _failed(request: Request, fault: Exception) -> Response:
    status = 500
    if isinstance(fault, UsageError):
        status = 400
    elif isinstance(fault, (StoreError, BusyError)):
        status = 503
    if status == 500:
        LOG.error("the page: %s", fault)
    hint = fault.hint if isinstance(fault, QcEdgeError) else ""
    message = fault.message if isinstance(fault, QcEdgeError) else str(fault)
    return _told(request, status, "error.failed", message, hint)


def _told(request: Request, status: int, key: str, message: str = "", hint: str = "") -> Response:
    visit = visit_of(request, is_person=False)
    return visit.render("error.html", status, text=visit.words(key), message=message, hint=hint)
