"""A server that is told by POST: Python's own, with the faults that servers have."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


@dataclass
class Receiver:
    """What came, and what becomes of the next ones: a number is a status, `hang` an answer that
    never comes, `slow` one that comes a byte at a time, `cut` one that ends in its middle. At the
    end of `faults` all is well.
    """

    faults: list[int | str] = field(default_factory=list)
    came: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    taken: list[dict[str, Any]] = field(default_factory=list)
    port: int = 0
    is_over: threading.Event = field(default_factory=threading.Event)

    def keys(self) -> list[str]:
        """Of all that came, in order."""
        return [headers["Idempotency-Key"] for headers, _ in self.came]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.came.append((dict(self.headers), body))
            fault = receiver.faults.pop(0) if receiver.faults else 204
            if isinstance(fault, int):
                if fault < 300:
                    receiver.taken.append(json.loads(body))
                self.send_response(fault)
                self.send_header("Location", f"http://127.0.0.1:{receiver.port}/elsewhere")
                self.end_headers()
                return
            said = {"hang": b"", "cut": b"HTTP/1.1 2", "slow": b"HTTP/1.1 200 OK\r\n" * 20}[fault]
            for each in said:
                self.wfile.write(bytes([each]))
                if fault == "slow" and receiver.is_over.wait(0.05):
                    break
            if fault == "hang":
                receiver.is_over.wait(30)

        def log_message(self, *_said: Any) -> None:
            """Nothing."""

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_said: Any) -> None:
        """A client that hangs up is none."""


@contextmanager
def receiving(certificate: tuple[Path, Path] | None = None, port: int = 0) -> Iterator[Receiver]:
    """One that runs; by TLS with the `certificate` and its key."""
    receiver = Receiver()
    server = _Server(("127.0.0.1", port), _handler(receiver))
    receiver.port = server.server_address[1]
    if certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield receiver
    finally:
        receiver.is_over.set()
        server.shutdown()
        server.server_close()
        thread.join(10)
