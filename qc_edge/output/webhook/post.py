"""One POST to one address: encrypted, signed, ended in time whatever the other end does, and never
anywhere else, for redirects are not followed.
"""

from __future__ import annotations

import hashlib
import hmac
import http.client
import io
import socket
import ssl
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from qc_edge.errors import OutputError
from qc_edge.output.credentials import needed
from qc_edge.output.links.mqtt.tls import tls_context
from qc_edge.settings.outside.outputs.webhook import WebhookSettings
from qc_edge.version import __version__

_CONNECT_S = 1.5
"""A stop must not wait for a server that is away."""
_LOOK_S = 0.25
_SHORTEST_SECRET = 16
_MOST_SAID = 200


class Poster:
    """Posts to the server of these settings. Used by one thread; `is_over` tells from any whether
    the station stops meanwhile.
    """

    def __init__(self, settings: WebhookSettings, is_over: Callable[[], bool]) -> None:
        """Raises OutputError where a credential is missing or is none."""
        self._settings, self._is_over = settings, is_over
        self._secret = _secret(settings) if settings.signed else None
        self._tls = (
            tls_context(settings.name, settings.tls_name or settings.host)
            if settings.is_encrypted
            else None
        )

    def post(self, key: str, body: bytes) -> str:
        """The server's words on return: it has taken it. Raises OutputError in any other case."""
        given = self._settings
        end_s = time.monotonic() + given.timeout_s
        try:
            with closing(self._connect()) as wire:
                status, reason = self._ask(_TimedWire(wire, end_s, self._is_over), key, body)
        except (OSError, ssl.CertificateError, http.client.HTTPException) as fault:
            raise OutputError(f"{given.url} does not answer: {_said(fault)}") from fault
        if 200 <= status < 300:
            return f"{status} {reason}".strip()
        also = ": redirects are not followed" if 300 <= status < 400 else ""
        raise OutputError(f"{given.url} has not taken it: {status} {reason}{also}")

    def _connect(self) -> socket.socket:
        given = self._settings
        limit_s = min(_CONNECT_S, given.timeout_s)
        wire = socket.create_connection((given.host, given.port), limit_s)
        if self._tls is None:
            return wire
        try:
            return self._tls.wrap_socket(wire)
        except BaseException:
            wire.close()
            raise

    def _ask(self, wire: _TimedWire, key: str, body: bytes) -> tuple[int, str]:
        given = self._settings
        parts = urlsplit(given.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        connection = http.client.HTTPConnection(given.tls_name or given.host, given.port)
        connection.sock = wire
        headers = {
            "Content-Type": "application/json",
            "User-Agent": f"qc-edge/{__version__}",
            "Idempotency-Key": key,
            "Connection": "close",
        }
        connection.request("POST", target, body, headers | self._signature(body))
        answer = connection.getresponse()
        return answer.status, _plain(answer.reason)

    def _signature(self, body: bytes) -> dict[str, str]:
        """Over the time as well, so that what was overheard cannot be sent again much later."""
        if self._secret is None:
            return {}
        at = str(int(time.time()))
        signed = hmac.new(self._secret, at.encode() + b"." + body, hashlib.sha256)
        return {"X-QC-Edge-Time": at, "X-QC-Edge-Signature": f"sha256={signed.hexdigest()}"}


@dataclass
class _TimedWire:
    """What http.client takes for a socket. Its own limit is for each read: a server that sends a
    byte now and then would never be late.
    """

    wire: socket.socket
    end_s: float
    is_over: Callable[[], bool]

    def sendall(self, data: bytes) -> None:
        """All of it, in time."""
        self.wire.settimeout(max(self.end_s - time.monotonic(), 0.001))
        self.wire.sendall(data)

    def makefile(self, _mode: str) -> io.BufferedReader:
        """To read the answer from."""
        return io.BufferedReader(_Answer(self))

    def close(self) -> None:
        """Whoever connected closes."""


class _Answer(io.RawIOBase):
    def __init__(self, timed: _TimedWire) -> None:
        self._timed = timed

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        timed = self._timed
        while True:
            left_s = timed.end_s - time.monotonic()
            if left_s <= 0 or timed.is_over():
                raise TimeoutError("not in time")
            timed.wire.settimeout(min(left_s, _LOOK_S))
            try:
                return timed.wire.recv_into(buffer)
            except TimeoutError:
                continue


def _secret(settings: WebhookSettings) -> bytes:
    found = needed(settings.name, "secret", "each message is signed with it").strip()
    if len(found) < _SHORTEST_SECRET:
        raise OutputError(
            f"the credential {settings.name}.secret has {len(found)} bytes",
            hint=f"expected {_SHORTEST_SECRET} or more: openssl rand -hex 32",
        )
    return found


def _said(fault: BaseException) -> str:
    return _plain(str(fault)) or type(fault).__name__


def _plain(words: str) -> str:
    """As it may stand in the log: a server can say 64 KiB in one line, with each part."""
    return "".join(each for each in words[:_MOST_SAID] if each.isprintable())
