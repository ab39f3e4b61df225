"""A reload that is refused is said until it is mended; `systemctl reload` waits for the answer."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.diagnostics.liveness import current_status
from qc_edge.service.reload import reload
from qc_edge.settings import StationPaths, load_settings
from tests import forked
from tests.cli.runner import invoke
from tests.station.harness import NAME, configure, make_station, running, start_child, wait_for
from tests.station.twins import Plan


@pytest.fixture
def child(tmp_path: Path) -> Iterator[tuple[StationPaths, forked.Process]]:
    """A station in a process of its own, ready."""
    paths = make_station(tmp_path)
    process = start_child(paths, Plan())
    wait_for(lambda: said(paths).get("ready"), "ready")
    yield paths, process
    process.kill()
    process.wait()


def said(paths: StationPaths) -> dict[str, object]:
    """The station's status, as a person is told."""
    return current_status(paths, load_settings(paths.settings)) or {}


def test_a_refused_reload_is_said_until_one_is_taken_over(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as station:
        whole = paths.settings.read_text()
        paths.settings.write_text(whole + '\n[nonsense]\nlevel = "x"\n')
        station.supervisor.reload()
        status = station.wait_for_status(lambda status: status.reload, "the answer")
        assert status.ready, "the old settings stay in force"
        assert status.reload
        assert (status.reload.number, status.reload.outcome) == (1, "refused")
        assert "nonsense" in status.reload.detail
        assert "READY · settings on disk are refused; a restart would stop it" in status.line()
        paths.settings.write_text(whole)
        station.supervisor.reload()
        status = station.wait_for_status(
            lambda status: status.reload and status.reload.number == 2, "the next answer"
        )
        assert status.reload
        assert status.reload.outcome == "taken over"
        assert "refused" not in status.line()


def test_the_reload_of_the_unit_ends_with_1_for_what_is_refused(
    child: tuple[StationPaths, forked.Process], capsys: pytest.CaptureFixture[str]
) -> None:
    paths, process = child
    configure(paths, log={"level": "warning"})
    assert reload(paths.status, process.pid) == 0
    assert "taken over" in capsys.readouterr().out
    configure(paths, log={"level": "loud"})
    assert reload(paths.status, process.pid) == 1
    assert "level" in capsys.readouterr().out
    configure(paths)
    assert reload(paths.status, process.pid) == 0
    os.kill(process.pid, signal.SIGSTOP)
    assert reload(paths.status, process.pid, timeout_s=0.2) == 1
    assert "no answer" in capsys.readouterr().err


def test_status_shows_no_ready_of_a_process_that_does_not_answer(
    child: tuple[StationPaths, forked.Process],
) -> None:
    paths, process = child
    assert invoke("status", NAME, "--root", paths.root).exit_code == 0
    os.kill(process.pid, signal.SIGSTOP)
    wait_for(lambda: not said(paths)["ready"], "the silence to be noticed")
    told = invoke("status", NAME, "--root", paths.root)
    assert told.exit_code == 1
    assert "NOT READY" in told.stdout
    assert "no answer for" in told.stdout
    os.kill(process.pid, signal.SIGCONT)
    wait_for(lambda: said(paths)["ready"], "ready again")


def test_status_shows_no_ready_of_the_process_before(
    child: tuple[StationPaths, forked.Process],
) -> None:
    paths, process = child
    left_behind = paths.status.read_bytes()
    process.kill()
    process.wait()
    told = invoke("status", NAME, "--root", paths.root)
    assert told.exit_code == 3
    assert "NOT RUNNING" in told.stdout
    again = start_child(paths, Plan())
    try:
        wait_for(lambda: said(paths).get("ready"), "ready")
        os.kill(again.pid, signal.SIGSTOP)
        paths.status.write_bytes(left_behind)
        told = invoke("status", NAME, "--root", paths.root)
        assert told.exit_code == 1
        assert "READY" not in told.stdout
    finally:
        again.kill()
        again.wait()
