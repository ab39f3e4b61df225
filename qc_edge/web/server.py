"""The server of the page: where it listens, TLS, and a stop that waits for no open stream."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

import uvicorn

from qc_edge.errors import StoreError
from qc_edge.service.logs import LOG
from qc_edge.service.notify import Notifier
from qc_edge.settings import StationPaths
from qc_edge.web.app import make_app
from qc_edge.web.certificate import fingerprint, own_certificate
from qc_edge.web.station_page import StationPage

_CONNECTIONS_MAX = 200
_STOP_S = 1
"""For requests in hand; uvicorn alone would wait for open streams without end."""


def serve(paths: StationPaths) -> None:
    """Serve until SIGTERM or SIGINT. Raises SettingsError or StoreError."""
    page = StationPage(paths)
    settings = page.settings.page
    certificate: Path | None = None
    if settings.tls == "own":
        certificate = own_certificate(paths.page, [settings.host, *settings.names])
        LOG.info("the page's certificate has the SHA-256 fingerprint %s", fingerprint(certificate))
    config = uvicorn.Config(
        make_app(page),
        ssl_certfile=certificate,
        host=settings.host,
        port=settings.port,
        http="h11",
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_CONNECTIONS_MAX,
        timeout_keep_alive=20,
        timeout_graceful_shutdown=_STOP_S,
        h11_max_incomplete_event_size=32 * 1024,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn ends in order and then raises the signal once more, for whoever listened before.
        signal.signal(number, lambda *_: page.stopping.set())
    _Server(config, page).run()


class _Server(uvicorn.Server):
    """Tells the page's streams to end, and systemd when it listens."""

    def __init__(self, config: uvicorn.Config, page: StationPage) -> None:
        super().__init__(config)
        self._page = page
        self._notifier = Notifier()

    async def startup(self, sockets: object = None) -> None:
        """Listen. Raises StoreError if the address is taken."""
        listen = self._page.settings.page.listen
        try:
            await super().startup(sockets=sockets)  # type: ignore[arg-type]
        except SystemExit:
            raise StoreError(
                f"the page cannot listen on {listen}: another program does, or it is not an "
                "address of this machine",
                hint=f"[page] listen in {self._page.paths.settings}",
            ) from None
        scheme = "https" if self._page.settings.page.tls == "own" else "http"
        LOG.info("the page of %s is at %s://%s", self._page.paths.name, scheme, listen)
        self._notifier.send("READY=1", f"STATUS={scheme}://{listen}")

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM or SIGINT."""
        self._page.stopping.set()
        self._notifier.send("STOPPING=1")
        super().handle_exit(sig, frame)
