"""The sync against a real S3 server that is killed, answers 500 or slowly, or takes no credentials.

One server for the whole file; a small proxy in front of it misbehaves.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from time import monotonic

import pytest

from qc_edge.errors import UpstreamError
from qc_edge.publish.seal import read_seal
from qc_edge.upstream.fleet.compact import Compaction
from qc_edge.upstream.fleet.delta_tables import DeltaTables
from qc_edge.upstream.targets import Access, Target, connect
from tests.upstream.s3_server import S3Server, s3_server
from tests.upstream.sealed import FIRST, SECOND, SendingStation, copied, make_sending_station

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with s3_server(tmp_path_factory.mktemp("s3")) as running:
        yield running


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> SendingStation:
    return make_sending_station(tmp_path_factory.mktemp("sealed"))


@pytest.fixture
def station(sealed: SendingStation, tmp_path: Path) -> SendingStation:
    return copied(sealed, tmp_path / "s")


def target_at(server: S3Server, place: str, endpoint: str = "", retry_min: float = 1.0) -> Target:
    """A place of its own for each test."""
    return connect(
        f"{server.url}/{place}",
        Access(server.credentials, endpoint or server.endpoint, "us-east-1", retry_min),
    )


def assert_whole(station: SendingStation, target: Target) -> None:
    """Every sealed file is there as it was sealed, and no table has another."""
    expected = {}
    for day in (FIRST, SECOND):
        for file in read_seal(station.paths.published, day).files:
            table, _, hour = file.path.partition("/")
            name = f"tables/{table}/line=line1/station=line1/{hour}"
            expected[name] = (station.paths.published / file.path).read_bytes()
    assert {name: target.get(name) for name in target.names("tables")} == expected
    assert station.receipted() == [FIRST, SECOND]


def test_what_is_there_is_never_replaced_by_a_real_server(server: S3Server) -> None:
    target = target_at(server, "absent")
    assert target.put_if_absent("a/b=c.json", b"first")
    assert not target.put_if_absent("a/b=c.json", b"second")
    assert target.get("a/b=c.json") == b"first"
    assert target.get("a/nothing") is None


@contextmanager
def proxy(
    server: S3Server, misbehave: Callable[[int, str], int], says: bytes = b""
) -> Iterator[str]:
    """Its endpoint. `misbehave` gives for each request what is done with it: 0 passes it on, -1
    passes it on and loses the answer, else that status is answered without asking, and `says`.
    """
    count, lock = 0, threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except (ConnectionError, TimeoutError):
                self.close_connection = True

        def _pass_on(self) -> None:
            nonlocal count
            with lock:
                count += 1
                act = misbehave(count, self.command)
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if act > 0:
                self.send_response(act)
                self.send_header("Content-Length", str(len(says)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(says)
                return
            asked = HTTPConnection("127.0.0.1", server.ports["s3"], timeout=30)
            asked.request(self.command, self.path, body, dict(self.headers))
            answer = asked.getresponse()
            data = answer.read()
            asked.close()
            if act < 0:
                self.close_connection = True
                self.connection.close()
                return
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in {"transfer-encoding", "connection", "content-length"}:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length") if self.command == "HEAD" else None
            self.send_header("Content-Length", length or str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _pass_on  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    serving = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    serving.daemon_threads = True
    thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://127.0.0.1:{serving.server_address[1]}"
    finally:
        serving.shutdown()
        thread.join()
        serving.server_close()


def test_every_third_request_a_500_and_every_fifth_answer_lost_and_all_is_there_once(
    server: S3Server, station: SendingStation
) -> None:
    """Also where the server has put an object and its answer is lost: the next try is refused."""

    def misbehave(number: int, verb: str) -> int:
        if number % 3 == 0:
            return 500
        return -1 if number % 5 == 0 and verb == "PUT" else 0

    with proxy(server, misbehave) as endpoint:
        report = station.sync(target_at(server, "errors", endpoint))
    assert len(report.sent) == 2
    assert_whole(station, target_at(server, "errors"))


def test_a_server_that_answers_nothing_but_500_is_given_up_in_time(
    server: S3Server, station: SendingStation
) -> None:
    began = monotonic()
    failing = proxy(server, lambda number, verb: 500 if number > 12 else 0)
    with failing as endpoint, pytest.raises(UpstreamError, match="500"):
        station.sync(target_at(server, "down", endpoint, retry_min=0.02))
    assert monotonic() - began < 20
    assert station.sync(target_at(server, "down")).refused == {}
    assert_whole(station, target_at(server, "down"))


def test_credentials_that_have_expired_end_it_and_new_ones_go_on(
    server: S3Server, station: SendingStation
) -> None:
    expiring = proxy(server, lambda number, verb: 403 if number > 15 else 0)
    with expiring as endpoint, pytest.raises(UpstreamError, match="refuses") as refused:
        station.sync(target_at(server, "expired", endpoint))
    assert "credentials" in refused.value.hint
    station.sync(target_at(server, "expired"))
    assert_whole(station, target_at(server, "expired"))
    secret = server.credentials["aws_secret_access_key"]
    assert secret not in str(refused.value)


def test_a_clock_that_is_off_is_told_from_wrong_credentials(
    server: S3Server, station: SendingStation
) -> None:
    """What S3 answers to a request that is dated 20 minutes ago."""
    skewed = b"<Error><Code>RequestTimeTooSkewed</Code><Message>too large</Message></Error>"
    off = proxy(server, lambda number, verb: 403, skewed)
    with off as endpoint, pytest.raises(UpstreamError) as refused:
        station.sync(target_at(server, "skewed", endpoint))
    assert "clocks" in refused.value.hint


def test_the_tables_are_committed_on_a_real_server_once(
    server: S3Server, station: SendingStation
) -> None:
    target = target_at(server, "fleet")
    station.sync(target)
    tables = DeltaTables.at(target.url, server.credentials, server.endpoint, "us-east-1")
    report = Compaction(target, tables, lambda done, of: None).run()
    assert report.rows["inspections"] == 3
    assert Compaction(target, tables, lambda done, of: None).run().rows == {}
    opened = tables.open("inspections")
    assert opened is not None
    assert opened.to_pyarrow_table().num_rows == 3


def test_a_server_killed_in_the_middle_and_started_again_has_every_file_once(
    server: S3Server, station: SendingStation
) -> None:
    """Last: it takes the server a while to come back. The sync waits for it, or the next one goes
    on.
    """
    killed = threading.Event()

    def start_again() -> None:
        server.start()
        killed.set()

    def kill_at(number: int, verb: str) -> int:
        if number == 20:
            server.kill()
            threading.Thread(target=start_again).start()
        return 0 if server.process is not None or killed.is_set() else 503

    with proxy(server, kill_at) as endpoint:
        station.sync(target_at(server, "killed", endpoint, retry_min=1.5))
        assert killed.wait(60)
    assert_whole(station, target_at(server, "killed"))
