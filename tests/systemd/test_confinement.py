"""What a station can really reach: the unit as it is, with a probe in the place of the station."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.systemd.machine import PYTHON, Machine

pytestmark = pytest.mark.root

NEEDED = {"own state", "own runtime", "private tmp", "settings"}
NETWORK = {"internet socket", "host network"}
PROBE = "/usr/local/lib/probe.py"


@pytest.fixture(scope="module")
def box(shared_machine: Machine) -> Machine:
    """Two stations, the second one running, the first one replaced by a probe."""
    for name in ("line1", "line2"):
        shared_machine.add_station(name)
    shared_machine.run("systemctl", "start", "qc-edge@line2")
    shared_machine.run("mkdir", "-p", "/home/anna")
    shared_machine.run("ip", "link", "add", "host0", "type", "veth", "peer", "name", "host1")
    shared_machine.write(PROBE, (Path(__file__).parent / "probe.py").read_text())
    return shared_machine


def probe(box: Machine, *more: str) -> dict[str, Any]:
    """What worked under the unit's confinement, with these lines added to the unit."""
    lines = [
        "[Service]",
        "Type=oneshot",
        "Restart=no",
        "ExecStart=",
        f"ExecStart={PYTHON} {PROBE} line1 line2 {box.pid('line2')}",
        *more,
    ]
    box.drop_in("qc-edge@line1.service", "\n".join(lines) + "\n")
    box.run("systemctl", "restart", "qc-edge@line1")
    said: dict[str, Any] = json.loads((box.paths("line1").state / "probe.json").read_text())
    return said


def test_a_station_reaches_its_own_files_and_nothing_else(box: Machine) -> None:
    said = probe(box)
    assert set(said["worked"]) == NEEDED
    assert said["stations"] == ["line1"]
    assert said["capabilities"] == "0" * 16
    assert said["uid"] != 0


def test_a_station_that_needs_the_network_gets_it_and_nothing_more(box: Machine) -> None:
    box.run("qc-edge", "install", "--station", "line1", "--network", "open")
    assert set(probe(box)["worked"]) == NEEDED | NETWORK
    box.run("qc-edge", "install", "--station", "line1")


def test_the_probe_gets_through_where_nothing_confines_it(box: Machine) -> None:
    """The negative control: each attempt is one that can succeed."""
    off = [
        *("ProtectSystem=no", "ProtectHome=no", "ProtectProc=default", "ProtectKernelTunables=no"),
        *("ProtectClock=no", "ProtectHostname=no", "PrivateUsers=no", "PrivateNetwork=no"),
        *("TemporaryFileSystem=", "SystemCallFilter=", "RestrictAddressFamilies="),
        *(
            "RestrictNamespaces=no",
            "RestrictSUIDSGID=no",
            "NoNewPrivileges=no",
            "CapabilityBoundingSet=~",
        ),
        "User=root",
    ]
    said = probe(box, *off)
    by_the_container = {"set the clock", "device node", "trace"}
    assert set(said["worked"]) | by_the_container == set(said["tried"])
    assert said["stations"] == ["line1", "line2", "probe"]
