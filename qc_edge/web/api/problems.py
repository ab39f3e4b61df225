"""Errors of the API as application/problem+json (RFC 9457): what, what was expected, what to do."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from qc_edge.errors import (
    BusyError,
    QcEdgeError,
    RecipeError,
    SettingsError,
    StoreError,
    UsageError,
)
from qc_edge.service.logs import LOG

MEDIA_TYPE = "application/problem+json"

_TITLES = {
    400: "Not understood",
    401: "Not known",
    403: "Not allowed",
    404: "Not there",
    405: "Not this method",
    409: "Does not fit",
    413: "Too large",
    422: "Not understood",
    429: "Too many requests",
    500: "A fault of the station's page",
    503: "Not just now",
}


_TO_MEND = {RecipeError.exit_code, SettingsError.exit_code}
"""Records, models, calibrations and settings: only a person at the station can mend those."""


class Problem(BaseModel):
    """Why a request was not done."""

    type: str = Field(default="about:blank", description="As RFC 9457 has it; the title says all.")
    title: str = Field(description="The kind of trouble, in words.")
    status: int = Field(description="The same as that of the answer.")
    detail: str = Field(description="What is wrong.")
    expected: str | None = Field(default=None, description="What would have been right.")
    todo: str | None = Field(default=None, description="What to do about it.")


class ProblemError(Exception):
    """Ends a request with a problem."""

    def __init__(
        self,
        status: int,
        detail: str,
        *,
        expected: str | None = None,
        todo: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status, self.headers = status, headers
        self.problem = Problem(
            title=_TITLES.get(status, "Not done"),
            status=status,
            detail=detail,
            expected=expected,
            todo=todo,
        )


def problem_answer(fault: ProblemError) -> JSONResponse:
    """The answer that tells it."""
    content = fault.problem.model_dump(exclude_none=True)
    return JSONResponse(content, fault.status, fault.headers, MEDIA_TYPE)


def add_problems(api: FastAPI) -> None:
    """Tell every error of `api` so."""
    api.add_exception_handler(ProblemError, _told)
    api.add_exception_handler(RequestValidationError, _not_understood)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(QcEdgeError, _failed)
    api.add_exception_handler(Exception, _unforeseen)


async def _told(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, ProblemError)  # noqa: S101
    return problem_answer(fault)


async def _not_understood(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, RequestValidationError)  # noqa: S101
    first = fault.errors()[0]
    place = ".".join(str(each) for each in first["loc"] if each not in {"query", "body"})
    what = f"{place or 'the request'} is not what it has to be"
    return problem_answer(
        ProblemError(422, what, expected=str(first["msg"]), todo="see /api/v1/openapi.json")
    )


async def _http(request: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, HTTPException)  # noqa: S101
    status = fault.status_code
    headers = {name.lower(): value for name, value in (fault.headers or {}).items()}
    detail, expected = str(fault.detail), None
    if status == 404:
        detail, expected = f"there is no {request.url.path}", "a path of /api/v1/openapi.json"
    elif status == 405:
        # starlette's own header has the methods of one route of the path alone
        headers["allow"] = expected = ", ".join(_methods(request))
        detail = f"{request.method} is not for {request.url.path}"
    return problem_answer(ProblemError(status, detail, expected=expected, headers=headers))


def _methods(request: Request) -> list[str]:
    path = request.url.path.removeprefix(request.scope.get("root_path", ""))
    return sorted(method.upper() for method in request.app.openapi()["paths"].get(path, {}))


async def _failed(_: Request, fault: Exception) -> JSONResponse:
    assert isinstance(fault, QcEdgeError)  # noqa: S101
    status = 500
    if isinstance(fault, UsageError):
        status = 422
    elif isinstance(fault, (StoreError, BusyError)):
        status = 503
    elif fault.exit_code in _TO_MEND:
        status = 409
    if status >= 500:
        LOG.error("the API: %s", fault)
    return problem_answer(ProblemError(status, fault.message, todo=fault.hint or None))


async def _unforeseen(request: Request, fault: Exception) -> JSONResponse:
    # starlette logs it with its trace, and raises it again once this is sent
    return problem_answer(
        ProblemError(
            500,
            f"{request.url.path} met a fault that nobody has foreseen: {type(fault).__name__}",
            todo="journalctl -u qc-edge-page@NAME has it",
        )
    )
