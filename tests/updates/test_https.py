"""An update from a web server: over TLS that somebody vouches for, or not at all."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from qc_edge.errors import UpdateError, UpstreamError
from qc_edge.setup.update.manifest import MANIFEST
from qc_edge.setup.update.source import HttpsSource
from qc_edge.setup.update.staging import look, stage, staged_update
from qc_edge.web.certificate import own_certificate
from tests.updates.releases import PACKAGE, Release
from tests.updates.releases import release as release


@pytest.fixture
def server(
    release: Release, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[HttpsSource]:
    """The update on a web server with TLS, whose certificate this box trusts."""
    pem = own_certificate(tmp_path, ["127.0.0.1"])
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    handler = partial(QuietHandler, directory=str(release.directory))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        served.socket = context.wrap_socket(served.socket, server_side=True)
        thread = threading.Thread(target=served.serve_forever)
        thread.start()
        yield HttpsSource(f"https://127.0.0.1:{served.server_port}")
        served.shutdown()
        thread.join()


class QuietHandler(SimpleHTTPRequestHandler):
    """Serves files, leads from away/ to a place without TLS, and says nothing of it."""

    def do_GET(self) -> None:
        if not self.path.startswith("/away/"):
            super().do_GET()
            return
        self.send_response(302)
        self.send_header("Location", f"http://127.0.0.1:1{self.path}")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_an_update_comes_over_https(tmp_path: Path, release: Release, server: HttpsSource) -> None:
    root = tmp_path / "box"
    stage(root, server, look(server, release.trusted))
    found = staged_update(root, release.trusted)
    assert found is not None
    assert found.files[0].read_bytes() == (release.directory / PACKAGE).read_bytes()


def test_a_server_whose_certificate_nobody_vouches_for_is_refused(
    server: HttpsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(UpstreamError, match="certificate verify failed"):
        look(server, ())


def test_a_server_that_leads_away_from_https_is_not_followed(server: HttpsSource) -> None:
    with pytest.raises(UpstreamError, match="leads to http://"):
        look(HttpsSource(f"{server.url}/away"), ())


def test_a_server_without_an_update_says_so(release: Release, server: HttpsSource) -> None:
    (release.directory / MANIFEST).unlink()
    with pytest.raises(UpdateError, match="there is no update in https"):
        look(server, release.trusted)
