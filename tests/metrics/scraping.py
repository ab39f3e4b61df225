"""Ask a station for its figures as a scraper does: a real HTTP GET, read by Prometheus' own
parser.
"""

from __future__ import annotations

import http.client
import socket
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

TIMEOUT_S = 10.0
Sample = tuple[str, tuple[tuple[str, str], ...]]


class _OverSocket(http.client.HTTPConnection):
    def __init__(self, path: Path) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = str(path)

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def connection(where: Path | int) -> http.client.HTTPConnection:
    """To a socket, or to a port of this machine."""
    if isinstance(where, Path):
        return _OverSocket(where)
    return http.client.HTTPConnection("127.0.0.1", where, timeout=TIMEOUT_S)


def get(where: Path | int) -> tuple[int, str]:
    """Status and body of GET /metrics."""
    asked = connection(where)
    try:
        asked.request("GET", "/metrics")
        answer = asked.getresponse()
        return answer.status, answer.read().decode()
    finally:
        asked.close()


def scrape(where: Path | int) -> dict[Sample, float]:
    """Every sample by its name and its labels in order."""
    status, body = get(where)
    assert status == 200, body
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
    }


def value(samples: dict[Sample, float], name: str, **labels: str) -> float:
    """The one sample of that name that has these labels."""
    found = [
        number
        for (each, pairs), number in samples.items()
        if each == f"qc_edge_{name}" and labels.items() <= dict(pairs).items()
    ]
    assert len(found) == 1, f"{name} {labels}: {len(found)} samples"
    return found[0]


def free_port() -> int:
    """A port that nobody has now."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port: int = taken.getsockname()[1]
        return port
