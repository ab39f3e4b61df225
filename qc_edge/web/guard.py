"""What every request passes before anything looks at it: who asks, how often, how much; and the
headers that every answer has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from qc_edge.settings.page import PageSettings
from qc_edge.web.api.problems import ProblemError, problem_answer

BODY_MAX = 256 * 1024
"""Bytes of a request: a form, or the regions that somebody has drawn."""

_PER_S, _BURST = 60.0, 240.0
"""Requests of one address. A page of tiles asks for some thirty pictures at once."""

_ADDRESSES_MAX = 2000

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
    "cache-control": "no-store",
}

_LOOPBACK_NAMES = {"localhost", "127.0.0.1", "::1"}
_SAFE = {"GET", "HEAD"}


class _TooLargeError(Exception):
    """The body is longer than it may be."""


class Guard:
    """ASGI middleware in front of the whole page."""

    def __init__(
        self,
        app: ASGIApp,
        settings: Callable[[], PageSettings],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._app = app
        self._settings = settings
        self._rate = RequestRate(now)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, or say why not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers, settings = Headers(scope=scope), self._settings()
        client = client_address(scope, settings)
        answer = self._with_headers(send, settings)
        if refusal := self._refusal(scope["method"], headers, client, settings):
            await _answer(scope, refusal)(scope, receive, answer)
            return
        scope["client_address"] = client
        try:
            await self._app(scope, _bounded(receive), answer)
        except _TooLargeError:
            await _answer(scope, ProblemError(413, "too large"))(scope, receive, answer)

    def _refusal(
        self, method: str, headers: Headers, client: str | None, settings: PageSettings
    ) -> ProblemError | None:
        if client is None:
            return ProblemError(403, "only the proxy named in the settings is answered")
        if not self._rate.admits(client):
            return ProblemError(429, "too many requests", headers={"retry-after": "1"})
        # A page elsewhere whose name is made to lead here (DNS rebinding) sends its own name.
        if _host(headers.get("host", "")) not in {*_LOOPBACK_NAMES, settings.host, *settings.names}:
            return ProblemError(421, "not a name of this page: [page] names has them")
        if method not in _SAFE and not _is_same_origin(headers):
            return ProblemError(403, "sent by another page")
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > BODY_MAX:
            return ProblemError(413, "too large")
        return None

    def _with_headers(self, send: Send, settings: PageSettings) -> Send:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                if settings.is_secure:
                    headers["strict-transport-security"] = "max-age=31536000"
            await send(message)

        return with_headers


class RequestRate:
    """A bucket of requests for each address, filled at a steady pace. From any thread."""

    def __init__(
        self, now: Callable[[], float], per_s: float = _PER_S, burst: float = _BURST
    ) -> None:
        self._now = now
        self._per_s, self._burst = per_s, burst
        self._lock = threading.Lock()
        self._buckets: dict[str, tuple[float, float]] = {}

    def admits(self, address: str) -> bool:
        """True if the address may ask once more."""
        now = self._now()
        with self._lock:
            left, since = self._buckets.pop(address, (self._burst, now))
            left = min(self._burst, left + (now - since) * self._per_s)
            self._buckets[address] = (left - 1 if left >= 1 else left), now
            while len(self._buckets) > _ADDRESSES_MAX:
                del self._buckets[next(iter(self._buckets))]
            return left >= 1


def client_address(scope: Scope, settings: PageSettings) -> str | None:
    """Whose request this is; None if there is a proxy and it did not come from there."""
    peer = scope["client"][0] if scope.get("client") else ""
    if not settings.proxy:
        return peer
    if peer != settings.proxy:
        return None
    # The last one is what the proxy itself has seen, in its own line or behind those before it,
    # which anybody can write.
    forwarded = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
    try:
        return str(ip_address(forwarded.rpartition(",")[2].strip()))
    except ValueError:
        return peer


def _answer(scope: Scope, refusal: ProblemError) -> Response:
    if scope["path"].startswith("/api/"):
        return problem_answer(refusal)
    return PlainTextResponse(refusal.problem.detail, refusal.status, refusal.headers)


def _host(header: str) -> str:
    try:
        return urlsplit(f"//{header}").hostname or ""
    except ValueError:
        return ""


def _is_same_origin(headers: Headers) -> bool:
    """True if no other page has sent this: browsers say where a request comes from."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _bounded(receive: Receive) -> Receive:
    """Also for bodies that come in pieces and do not say how long they are."""
    seen = 0

    async def bounded() -> Message:
        nonlocal seen
        message = await receive()
        if message["type"] == "http.request":
            seen += len(message.get("body", b""))
            if seen > BODY_MAX:
                raise _TooLargeError
        return message

    return bounded
