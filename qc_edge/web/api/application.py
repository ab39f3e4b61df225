"""The API as an application of its own, to be mounted: routes, errors, its OpenAPI document."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI

from qc_edge.version import __version__
from qc_edge.web.api import recipes, routes
from qc_edge.web.api.caller import BURST, PER_S, ApiAccess
from qc_edge.web.api.problems import MEDIA_TYPE, Problem, add_problems
from qc_edge.web.api.tokens import Tokens
from qc_edge.web.guard import RequestRate
from qc_edge.web.station_page import StationPage

PATH = "/api/v1"

_ABOUT = """\
What a station has told the line, for an MES: parts, labels, status and the recipe in force.
Requests bear a token (`qc-edge token NAME add`); cookies count for nothing. Errors are
`application/problem+json`."""

_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
_ERRORS = {
    "400": "The body is no JSON.",
    "401": "No token, or one that is not good.",
    "403": "The token has not the scope.",
    "404": "There is no such thing.",
    "409": "It does not fit what the station has.",
    "413": "Too large.",
    "422": "Something of the request is not what it has to be.",
    "429": "Too many requests, or too many wrong tokens.",
    "503": "The station's files cannot be read or written just now.",
}


def make_api(page: StationPage | None) -> FastAPI:
    """The API of this page; without one, for its document alone."""
    # No pages of its own about itself: they would load their scripts from the internet.
    api = FastAPI(
        title="qc-edge",
        version=__version__,
        description=_ABOUT,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": PATH}],
        root_path_in_servers=False,
    )
    api.state.page = page
    if page is not None:
        tokens = Tokens(page.paths.page_tokens)
        api.state.access = ApiAccess(tokens, RequestRate(time.monotonic, PER_S, BURST))
    api.include_router(routes.router)
    api.include_router(recipes.router)
    add_problems(api)
    document = api.openapi()
    _tell_problems(document)
    return api


def _tell_problems(document: dict[str, Any]) -> None:
    """Every error as it is told: FastAPI would describe its own."""
    schemas = document["components"]["schemas"]
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    schemas["Problem"] = Problem.model_json_schema()
    for methods in document["paths"].values():
        for operation in methods.values():
            operation["responses"] |= {
                status: {"description": words, "content": _PROBLEM}
                for status, words in _ERRORS.items()
            }
