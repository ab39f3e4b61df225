"""The page in a process of its own, as systemd starts it."""

from __future__ import annotations

import os
import signal
import socket
import ssl
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from qc_edge.settings import StationPaths
from tests import forked
from tests.station.harness import NAME, child_environment, wait_for


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Served:
    """A page that runs; `address` is where. What it prints goes to `said`."""

    def __init__(
        self, paths: StationPaths, port: int, tls: ssl.SSLContext | None, said: IO[bytes]
    ) -> None:
        self.address = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        self._tls = tls
        self._said = said
        self._command = ["page", NAME, "--root", str(paths.root)]
        self.process = self._start("")

    def restart(self, die_at: str = "") -> None:
        """End it at once, and start it again where it was; `die_at` as in `dying_page`."""
        self.process.kill()
        self.process.wait()
        self.process = self._start(die_at)
        wait_for(self.answers, "the page answers", 60)

    def _start(self, die_at: str) -> forked.Process:
        program = "tests.web.dying_page" if die_at else "qc_edge"
        environment = child_environment() | {"DIE_AT": die_at}
        return forked.start(program, self._command, environment, stderr=self._said)

    def answers(self) -> bool:
        """True as soon as it does; fails if it has ended."""
        if self.process.poll() is not None:
            self._said.seek(0)
            raise AssertionError(self._said.read().decode())
        try:
            address = f"{self.address}/login"
            with urllib.request.urlopen(address, timeout=5, context=self._tls) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    def stop_s(self) -> float:
        """Tell it to stop; the seconds that it took."""
        began = time.monotonic()
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.wait(10)
        return time.monotonic() - began


@contextmanager
def served(paths: StationPaths, port: int, tls: ssl.SSLContext | None = None) -> Iterator[Served]:
    """The page of a station whose settings have `port`; `tls` trusts its certificate."""
    with tempfile.TemporaryFile() as said:
        page = Served(paths, port, tls, said)
        try:
            wait_for(page.answers, "the page answers", 40)
            yield page
        finally:
            page.process.kill()
            page.process.wait()
