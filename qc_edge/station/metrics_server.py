"""Serves the figures over HTTP, on a socket or a port of this machine alone. What fails here stays
here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import socketserver
import sys
import threading
from http.server import HTTPServer
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.exposition import MetricsHandler
from prometheus_client.registry import Collector

from qc_edge.service.heartbeat import Heartbeat
from qc_edge.service.logs import LOG

_LOOK_S = 0.5
_AGAIN_S = 10.0
_PATIENCE_S = 2.0
_AT_ONCE = 4
_EVERYBODY = 0o666
"""On the socket: the figures are no secret on the box, and a scraper needs no other right of the
station.
"""


class MetricsServer:
    """The work of the thread `metrics`. It never raises: a station judges parts with or without
    it.
    """

    def __init__(self, listen: str, socket_path: Path, figures: Collector) -> None:
        """`listen` as in the settings: unix (on `socket_path`) or HOST:PORT."""
        self._listen = listen
        self._path = socket_path
        registry = CollectorRegistry()
        registry.register(figures)
        ProcessCollector(registry=registry)
        self._handler = type("_Handler", (_Handler,), {"registry": registry})

    @property
    def where(self) -> str:
        """In words, for the log."""
        return str(self._path) if self._listen == "unix" else f"http://{self._listen}/metrics"

    def run(self, heartbeat: Heartbeat, stop: threading.Event) -> None:
        """Serve until `stop`; where the place is taken, try again now and then."""
        refused = ""
        while not stop.is_set():
            heartbeat.beat()
            try:
                server = self._bound()
            except OSError as fault:
                if refused != str(fault):
                    refused = str(fault)
                    LOG.error(
                        "metrics cannot be served on %s: %s; tried again every 10 s",
                        self.where,
                        fault,
                    )
                _wait(heartbeat, stop, _AGAIN_S)
                continue
            refused = ""
            LOG.info("metrics are served on %s", self.where)
            with server:
                while not stop.is_set():
                    heartbeat.beat()
                    server.handle_request()
        if self._listen == "unix":
            with contextlib.suppress(OSError):
                self._path.unlink()

    def _bound(self) -> _Server:
        if self._listen == "unix":
            self._path.unlink(missing_ok=True)
            server: _Server = _UnixServer(str(self._path), self._handler)
            os.chmod(self._path, _EVERYBODY)  # noqa: PTH101
            return server
        host, _, port = self._listen.rpartition(":")
        kind = _Server6 if host.startswith("[") else _Server
        return kind((host.strip("[]"), int(port)), self._handler)


class _Server(socketserver.ThreadingMixIn, HTTPServer):
    """A few requests at once; those beyond are turned away rather than queued."""

    timeout = _LOOK_S
    daemon_threads = True
    request_queue_size = 16
    block_on_close = False

    def __init__(self, address: Any, handler: type[MetricsHandler]) -> None:
        self._places = threading.BoundedSemaphore(_AT_ONCE)
        super().__init__(address, handler)

    def server_bind(self) -> None:
        # HTTPServer's own asks the name service who it is.
        socketserver.TCPServer.server_bind(self)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._places.acquire(blocking=False):
            self.shutdown_request(request)
            return
        try:
            super().process_request(request, client_address)
        except RuntimeError:  # no more threads
            self._places.release()
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._places.release()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002
        LOG.debug("a scrape was broken off: %s", sys.exc_info()[1])


class _Server6(_Server):
    address_family = socket.AF_INET6


class _UnixServer(_Server):
    address_family = socket.AF_UNIX
    allow_reuse_address = False


class _Handler(MetricsHandler):
    timeout = _PATIENCE_S

    def do_GET(self) -> None:  # noqa: N802 (its name in http.server)
        try:
            super().do_GET()
        except OSError:
            raise  # the scraper has gone
        except Exception as fault:  # noqa: BLE001 (a figure that fails must not cost the station more)
            LOG.exception("the figures could not be put together")
            self.send_error(500, explain=f"{type(fault).__name__}: {fault}")


def _wait(heartbeat: Heartbeat, stop: threading.Event, seconds: float) -> None:
    for _ in range(int(seconds / _LOOK_S)):
        if stop.wait(_LOOK_S):
            return
        heartbeat.beat()
