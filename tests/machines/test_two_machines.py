"""One station on two machines, its spool over NFS and SMB: triggers, rows and gaps agree through
clocks that are off, a network that is cut, kills and a server that is switched off.

`make test-machines` runs these as root: minutes, since the machines are emulated.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.bench.machine import RESULTS, machine
from tests.machines.file_server import FileServer
from tests.machines.machine import Machine, make_image, tools_missing
from tests.machines.stations import SPOOL, TwoMachines

pytestmark = [pytest.mark.long, pytest.mark.timeout(3600)]

CUT_S = 30.0
CLOCK_S = 90.0
MOUNTS = {
    "nfs hard": ("nfs", "vers=4.2,hard,noatime"),
    "nfs soft": ("nfs", "vers=4.2,softerr,timeo=50,retrans=1,noatime"),
    "smb": ("smb", "vers=3.1.1,noatime"),
}


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, Machine]]:
    """The machine that captures and keeps the spool, and the one that inspects over the network."""
    if missing := tools_missing():
        pytest.skip(f"needs {', '.join(missing)}: make test-machines as root")
    directory = tmp_path_factory.mktemp("machines")
    image = make_image(directory)
    network = 40000 + random.randrange(10000)
    both = [
        Machine(name, f"10.9.0.{number}", image, directory / name, network)
        for number, name in enumerate(("camera", "judge"), 1)
    ]
    try:
        for each in both:
            each.switch_on()
        for each in both:
            each.await_boot()
        yield both[0], both[1]
    finally:
        for each in both:
            each.switch_off()


@pytest.fixture(params=MOUNTS)
def mount(request: pytest.FixtureRequest) -> str:
    """How the spool is mounted on the machine that inspects."""
    return str(request.param)


@pytest.fixture
def station(machines: tuple[Machine, Machine], mount: str, tmp_path: Path) -> Iterator[TwoMachines]:
    """A new station on both, with synchronised clocks; not started."""
    camera, judge = machines
    protocol, options = MOUNTS[mount]
    server = FileServer(camera, protocol)
    server.start()
    made = TwoMachines(camera, judge, server, tmp_path, options)
    for each in machines:
        each.set_clock(0)
        made.trust(each, synchronised=True)
    try:
        yield made
    finally:
        judge.plug(is_in=True)
        for role in (made.capture, made.inspect):
            role.stop()
        for each in machines:
            each.run(f"umount -l {SPOOL} 2>/dev/null || true")
        server.stop()


def pause(seconds: float) -> None:
    """The scenario's own time: how long a cable is out, a clock is off."""
    threading.Event().wait(seconds)


def keep(request: pytest.FixtureRequest, figures: dict[str, Any]) -> None:
    """The figures of this run, beside those of the benchmark."""
    path = RESULTS / "two-machines.json"
    kept = json.loads(path.read_text()) if path.exists() else {}
    kept = {"machine": machine(), "runs": kept.get("runs", {}) | {request.node.name: figures}}
    path.write_text(json.dumps(kept, indent=1) + "\n")


def test_every_trigger_has_its_row(request: pytest.FixtureRequest, station: TwoMachines) -> None:
    station.start()
    pause(10)
    log, figures = station.finish()
    keep(request, figures)
    assert figures["triggers"] == figures["rows"] + figures["lost"]
    assert figures["accept"], "parts are told in time over the network"
    assert set(figures["holds"]) <= {"late"}
    assert {row["verdict"] for row in log.inspections} == {"PASS"}


def test_a_cut_network_loses_nothing_and_ends_nobody(
    request: pytest.FixtureRequest, station: TwoMachines
) -> None:
    judge = station.inspect.machine
    station.start()
    judge.plug(is_in=False)
    cut_at = time.monotonic()
    station.wait_for(
        lambda: any("file server" in text for text in station.inspect.status()["troubles"]),
        "the station misses the file server",
    )
    missed_s = time.monotonic() - cut_at
    pause(max(0.0, CUT_S - missed_s))
    assert station.inspect.ended() == station.capture.ended() == []
    judge.plug(is_in=True)
    in_at = time.monotonic()
    station.wait_for(lambda: station.inspect.status()["ready"], "ready again")
    back_s = time.monotonic() - in_at
    log, figures = station.finish()
    keep(request, figures | {"missed_after_s": round(missed_s), "back_after_s": round(back_s)})
    assert figures["triggers"] == figures["rows"] + figures["lost"]
    assert figures["lost"] == 0
    assert set(figures["holds"]) <= {"late"}, "none was recovered: the station stayed up"
    assert log.events_of("spool_lost") and log.events_of("spool_back")
    assert figures["ended"] == {"capture": ["0"], "inspect": ["0"]}


@pytest.mark.parametrize("ahead_s", [CLOCK_S, -CLOCK_S])
def test_a_trusted_clock_that_is_off_holds_every_part(
    request: pytest.FixtureRequest, station: TwoMachines, ahead_s: float
) -> None:
    station.capture.machine.set_clock(ahead_s)
    station.trust(station.capture.machine, synchronised=True)
    station.start()
    _, figures = station.finish()
    keep(request, figures)
    assert figures["triggers"] == figures["rows"] + figures["lost"]
    assert figures["accept"] == 0
    assert set(figures["holds"]) == {"impossible_time" if ahead_s > 0 else "late"}


def test_a_clock_that_nobody_vouches_for_holds_every_part(
    request: pytest.FixtureRequest, station: TwoMachines
) -> None:
    station.capture.machine.set_clock(-CLOCK_S)
    station.trust(station.capture.machine, synchronised=False)
    station.start()
    _, figures = station.finish()
    keep(request, figures)
    assert figures["accept"] == 0
    assert set(figures["holds"]) == {"unknown_age"}


def test_kills_on_either_side_cost_at_most_the_frame_in_memory(
    request: pytest.FixtureRequest, station: TwoMachines
) -> None:
    station.start()
    rng = random.Random(20261128)
    roles = [station.capture, station.inspect, station.inspect, station.capture]
    for role in roles:
        pause(rng.uniform(1, 4))
        told = station.told()
        role.kill()
        station.wait_for(lambda told=told: station.told() > told, "it goes on")  # type: ignore[misc]
    log, figures = station.finish(kills_of_capture=2)
    keep(request, figures)
    assert figures["ended"]["capture"][:2] == figures["ended"]["inspect"][:2] == ["137", "137"]
    assert set(figures["holds"]) <= {"late", "recovered"}
    assert not [row for row in log.inspections if row["disposition"] == "REJECT"]


def test_a_server_that_is_started_again_loses_nothing(
    request: pytest.FixtureRequest, station: TwoMachines
) -> None:
    station.start()
    station.server.stop()
    station.wait_for(lambda: not station.inspect.status()["ready"], "it is missed")
    station.server.start()
    station.wait_for(lambda: station.inspect.status()["ready"], "ready again")
    _, figures = station.finish()
    keep(request, figures)
    assert figures["triggers"] == figures["rows"] + figures["lost"]
    assert figures["lost"] == 0
    assert figures["ended"] == {"capture": ["0"], "inspect": ["0"]}
