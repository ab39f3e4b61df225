"""A running station serves its figures on a socket or a port of its own machine, and on nothing
else.
"""

from __future__ import annotations

import contextlib
import shutil
import socket
import stat
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from qc_edge.errors import SettingsError
from qc_edge.records.receipts import keep_last_sync
from qc_edge.service.heartbeat import Heartbeats
from qc_edge.settings import parse_settings
from qc_edge.station.metrics_server import MetricsServer
from tests.metrics.scraping import connection, free_port, get, scrape, value
from tests.station.harness import BAD, drop, encoded, make_station, part, running, wait_for
from tests.station.twins import Plan, dependencies


@pytest.fixture
def root() -> Iterator[Path]:
    """A short path: the name of a socket has at most 107 bytes."""
    made = Path(tempfile.mkdtemp(prefix="qc-"))
    yield made
    shutil.rmtree(made)


CAMERA = {"name": "top", "backend": "scripted", "trigger": "hardware"}


@pytest.mark.parametrize("listen", ["unix", "port"])
def test_a_station_tells_what_it_has_done(root: Path, listen: str) -> None:
    port = free_port()
    paths = make_station(
        root,
        CAMERA,
        metrics={"listen": "unix" if listen == "unix" else f"127.0.0.1:{port}"},
        upstream={"url": "s3://plant/1"},
    )
    keep_last_sync(paths.upstream, "s3://plant/1")
    where = paths.metrics if listen == "unix" else port
    with running(paths, dependencies(Plan(camera="3f x g f"))) as station:
        drop(paths, "bad.png", part(BAD))
        drop(paths, "torn.png", encoded(part(), ".png")[:100])
        station.wait_until_inspected(6)
        seen = scrape(where)
    assert value(seen, "ready", station="line1") == 1
    counted = {
        "camera": "top",
        "verdict": "PASS",
        "disposition": "ACCEPT",
        "reason": "score_below_threshold",
    }
    assert value(seen, "inspections_total", **counted) == 4
    assert value(seen, "inspections_total", camera="incoming", verdict="FAIL") == 1
    assert value(seen, "inspections_total", verdict="INVALID", reason="torn_file") == 1
    assert value(seen, "camera_triggers_total", camera="top") == 6
    assert value(seen, "camera_lost_total", camera="top") == 2
    assert value(seen, "camera_connected", camera="top") == 1
    for step in ("wait", "read", "gates", "prepare", "infer", "evidence", "announce"):
        assert value(seen, "step_duration_seconds_count", step=step) >= 5, step
    assert value(seen, "verdict_latency_seconds_count") == 6, "dropped frames too"
    assert value(seen, "spool_frames") == 0
    assert value(seen, "engine_info", backend="scripted") == 1
    assert value(seen, "model_info", bundle="corner@1") == 1
    assert value(seen, "threshold") == 0.5
    assert value(seen, "calibration_due_seconds", camera="top") == pytest.approx(
        30 * 86_400, rel=0.01
    )
    assert value(seen, "disk_free_bytes") > value(seen, "disk_stop_bytes") == 0
    assert value(seen, "worker_silence_seconds", worker="inspector") < 15
    assert value(seen, "build_info") == 1
    assert value(seen, "publish_lag_seconds") < 30
    assert 0 <= value(seen, "sync_age_seconds") < 60
    assert station.status.upstream == "everything was sent 0 min ago"
    assert ("process_open_fds", ()) in seen


def test_buckets_rise_to_the_count(root: Path) -> None:
    paths = make_station(root, metrics={"listen": "unix"})
    with running(paths) as station:
        drop(paths, "good.png", part())
        station.wait_until_inspected(1)
        seen = scrape(paths.metrics)
    buckets = [
        number
        for (name, labels), number in seen.items()
        if name == "qc_edge_step_duration_seconds_bucket" and dict(labels)["step"] == "read"
    ]
    assert buckets == sorted(buckets)
    assert buckets[-1] == value(seen, "step_duration_seconds_count", step="read") == 1


def test_names_from_outside_make_no_series(root: Path) -> None:
    paths = make_station(root, metrics={"listen": "unix"})
    with running(paths) as station:
        for number in range(5):
            drop(paths, f"{number}.png", part(seed=number), {"camera": f"somebody-{number}"})
        station.wait_until_inspected(5)
        seen = scrape(paths.metrics)
    assert (
        value(seen, "inspections_total") == value(seen, "inspections_total", camera="incoming") == 5
    )


def test_the_socket_is_open_to_everybody_on_the_box_and_goes_with_the_station(root: Path) -> None:
    paths = make_station(root, metrics={"listen": "unix"})
    with running(paths):
        wait_for(paths.metrics.is_socket, "the socket")
        assert stat.S_IMODE(paths.metrics.stat().st_mode) == 0o666
    assert not paths.metrics.exists()


def test_a_socket_that_a_kill_left_is_taken_over(root: Path) -> None:
    paths = make_station(root, metrics={"listen": "unix"})
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as left:
        left.bind(str(paths.metrics))
    with running(paths):
        assert value(scrape(paths.metrics), "ready") == 1


def test_a_station_without_the_setting_serves_nothing(root: Path) -> None:
    paths = make_station(root)
    with running(paths) as station:
        assert not paths.metrics.exists()
        assert not [thread for thread in threading.enumerate() if thread.name == "metrics"]
        assert station.status.ready


def test_a_port_that_is_taken_costs_the_station_nothing(
    root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        paths = make_station(root, metrics={"listen": listen})
        with running(paths) as station:
            drop(paths, "good.png", part())
            station.wait_until_inspected(1)
            wait_for(
                lambda: f"cannot be served on http://{listen}/metrics" in caplog.text, "said so"
            )


class _Broken(Collector):
    def collect(self) -> Iterator[Metric]:
        raise RuntimeError("planted")


@contextlib.contextmanager
def served(figures: Collector, path: Path) -> Iterator[Path]:
    """The server alone, stopped at the end; its thread has ended then."""
    stop, heartbeat = threading.Event(), Heartbeats().add("metrics", 10.0)
    empty: list[Metric] = []
    # Registering asks once what there is; the fault comes with the first scrape.
    broken, figures.collect = figures.collect, lambda: iter(empty)  # type: ignore[method-assign]
    server = MetricsServer("unix", path, figures)
    figures.collect = broken  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, args=(heartbeat, stop), name="metrics")
    thread.start()
    try:
        wait_for(lambda: _listens(path), "the server listens")
        yield path
        assert heartbeat.age_s < heartbeat.deadline_s
    finally:
        stop.set()
        thread.join(30)
    assert not thread.is_alive()


def _listens(path: Path) -> bool:
    """The socket has its name a moment before it takes connections."""
    with contextlib.closing(connection(path)) as trial:
        try:
            trial.connect()
        except OSError:
            return False
    return True


def test_figures_that_fail_are_an_answer_and_nothing_more(root: Path) -> None:
    with served(_Broken(), root / "s") as path:
        for _ in range(3):
            status, body = get(path)
            assert (status, "planted" in body) == (500, True)


def test_scrapers_that_never_ask_are_turned_away(root: Path) -> None:
    with served(_Broken(), root / "s") as path, contextlib.ExitStack() as idle:
        for _ in range(20):
            silent = idle.enter_context(contextlib.closing(connection(path)))
            with contextlib.suppress(BlockingIOError):  # the kernel's own queue is full
                silent.connect()
        threads = [each for each in threading.enumerate() if "process_request_thread" in each.name]
        assert len(threads) <= 4
        wait_for(lambda: _answers(path), "the silent ones have been dropped")


def _answers(path: Path) -> bool:
    try:
        return get(path)[0] == 500
    except OSError:
        return False


@pytest.mark.parametrize(
    ("listen", "said"),
    [
        ("0.0.0.0:9464", "can be reached from other machines"),
        ("192.168.1.7:9464", "can be reached from other machines"),
        ("[::]:9464", "can be reached from other machines"),
        ("127.0.0.1:80", "expected 1024 to 65535"),
        ("127.0.0.1", "expected"),
        ("localhost:9464", 'expected "none", "unix" or "127.0.0.1:PORT"'),
        ("", "expected"),
    ],
)
def test_an_address_that_others_could_reach_is_refused(listen: str, said: str) -> None:
    with pytest.raises(SettingsError, match=r"metrics\.listen") as refused:
        parse_settings(f'[station]\nname = "line1"\n[metrics]\nlisten = "{listen}"\n', "line1.toml")
    assert said in str(refused.value)


@pytest.mark.parametrize(
    "listen", ["none", "unix", "127.0.0.1:9464", "127.1.2.3:1024", "[::1]:9464"]
)
def test_an_address_of_this_machine_is_taken(listen: str) -> None:
    text = f'[station]\nname = "line1"\n[metrics]\nlisten = "{listen}"\n'
    assert parse_settings(text, "line1.toml").metrics.listen == listen
