"""What changes a box from outside: `qc-edge update` with the real dpkg."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.setup.update.manifest import sign_update
from tests.station.harness import dropped, spooled
from tests.systemd.machine import Machine
from tests.systemd.test_faults import inspected, start, stop_and_audit
from tests.systemd.test_package import version_of
from tests.systemd.test_service import drop
from tests.systemd.test_upgrade import RATE_HZ, Change, another_version, line_of, software_of
from tests.systemd.waiting import until

pytestmark = [pytest.mark.root, pytest.mark.timeout(1200)]


def that_refuses_the_doomed(software: Path) -> None:
    """A version that the station `doomed` dies in, in its first moments."""
    module = software / "qc_edge/station/daemon.py"
    first = "        settings, paths, disk = "
    raising = '        if self.settings.station.name == "doomed":\n'
    raising += "            from qc_edge.errors import ModelError\n"
    raising += '            raise ModelError("this version cannot")\n'
    assert first in module.read_text()
    module.write_text(module.read_text().replace(first, raising + first, 1))


def released(box: Machine, package: Path, key: Path, version: str, *changes: Change) -> str:
    """An update of this version, signed, in a directory of the box."""
    place = f"/root/updates/{version}"
    directory = box.tree / place.lstrip("/")
    directory.mkdir(parents=True)
    made = another_version(package, directory, version, *changes)
    architecture = re.findall(r"_(\w+)\.deb$", package.name)[0]
    made.rename(directory / f"qc-edge_{version}_{architecture}.deb")
    sign_update(directory, key)
    return place


def applied(box: Machine, source: str) -> tuple[int, str]:
    """`update stage` and `update apply`: exit code, and what was said."""
    box.run("qc-edge", "update", "stage", source)
    said = box.run("sh", "-c", "qc-edge update apply --now; echo exit code $?")
    print(said)
    return int(said.split()[-1]), said


def last_update(box: Machine) -> dict[str, str]:
    """How the last one ended."""
    last = json.loads(box.run("qc-edge", "update", "status", "--json"))["last"]
    assert isinstance(last, dict)
    return last


def test_an_update_that_kills_a_station_is_taken_back_and_the_next_one_stays(
    machine: Machine, package: Path, tmp_path: Path
) -> None:
    old = version_of(package)
    deadly, good = f"{old}.deadly", f"{old}.good"
    key = tmp_path / "release.key"
    trusted = make_key(key)
    settings = f'source = "stick"\ntrusted_keys = ["{trusted}"]\n'
    machine.write("/etc/qc-edge/box/update.toml", settings)
    # Half a gigabyte in 8,000 files: that they reach the disk one by one proves nothing here.
    machine.write("/etc/dpkg/dpkg.cfg.d/test", "force-unsafe-io\n")
    start(machine, "well", rate_hz=RATE_HZ)
    start(machine, "doomed", rate_hz=RATE_HZ)
    machine.add_station("stopped", verdicts_per_s=1000.0)
    for number in range(20):
        drop(machine, "stopped", f"waiting{number}.png")

    place = released(machine, package, key, deadly, that_refuses_the_doomed)
    code, said = applied(machine, place)
    assert code == 65, said
    assert "DEAD, exit code 65" in line_of(said.partition("is not good")[0], "doomed")
    assert f"fell back from {deadly} to {old}" in said
    assert "this version cannot" in last_update(machine)["why"]
    assert last_update(machine)["outcome"] == "fell_back"
    assert machine.run("readlink", "/opt/qc-edge/current").strip() == old
    assert (software_of(machine, "well"), software_of(machine, "doomed")) == (old, old)
    assert machine.show("qc-edge@stopped", "ActiveState") == "inactive", (
        "an update starts nothing by itself"
    )
    before = inspected(machine, "doomed")
    until(lambda: inspected(machine, "doomed") > before + 2, "verdicts after the fall-back")

    code, said = applied(machine, released(machine, package, key, good))
    assert code == 0, said
    assert f"version {good} is good" in said
    assert last_update(machine)["outcome"] == "good"
    assert "install ok installed" in machine.run("dpkg", "--status", "qc-edge")
    assert (software_of(machine, "well"), software_of(machine, "doomed")) == (good, good)
    machine.run("systemctl", "start", "qc-edge@stopped")
    waiting = machine.paths("stopped")
    until(lambda: not dropped(waiting) and len(spooled(waiting)) < 3, "what waited to be inspected")
    for name in ("doomed", "stopped"):
        log = stop_and_audit(machine, name)
        assert log.inspections
        told = log.events_of("software_fell_back")
        assert [event["before"] for event in told] == [deadly], name
    names = [row["original_name"] for row in log.inspections if row["original_name"]]
    assert sorted(names) == sorted(f"waiting{number}.png" for number in range(20))
