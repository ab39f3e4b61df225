"""What the doctor says of the box itself: updates, slots, heat, open ports, certificates."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.diagnostics.box.certificates import check_certificate
from qc_edge.diagnostics.box.heat import check_heat
from qc_edge.diagnostics.box.ports import check_ports
from qc_edge.diagnostics.box.updates import check_last_update, check_slots
from qc_edge.diagnostics.finding import Level
from qc_edge.diagnostics.host import Host
from qc_edge.service import clock
from qc_edge.settings import parse_settings
from qc_edge.setup.update.box_state import begin, end
from qc_edge.web.certificate import own_certificate
from tests.diagnostics.test_host_checks import host as host
from tests.diagnostics.test_host_checks import only, plant, plant_program

ZONE = "sys__class__thermal__thermal_zone0__"


def test_how_the_last_update_ended(tmp_path: Path) -> None:
    assert only(check_last_update(tmp_path)).level is Level.OK
    applied = begin(tmp_path, "0.2.0-1", "0.1.0-1")
    assert "has not proven itself" in only(check_last_update(tmp_path)).message
    end(tmp_path, applied, "line1: golden frame a.png")
    taken_back = only(check_last_update(tmp_path))
    assert taken_back.level is Level.WARNING
    assert "golden frame a.png" in taken_back.message
    end(tmp_path, applied)
    assert only(check_last_update(tmp_path)).level is Level.OK


def listed(kernels: list[str]) -> str:
    """As bootctl says it: without the tries in the id."""
    entries = [{"id": re.sub(r"\+[0-9-]+", "", name), "path": f"/efi/{name}"} for name in kernels]
    return json.dumps(entries)


@pytest.mark.parametrize(
    ("kernels", "level", "said"),
    [
        (["qc-edge_1.efi", "qc-edge_2.efi"], Level.OK, "1 (good), 2 (good)"),
        (["qc-edge_1.efi", "qc-edge_2+2-1.efi"], Level.OK, "2 (2 tries left)"),
        (["qc-edge_1.efi", "qc-edge_2+0-3.efi"], Level.WARNING, "2 (failed all its tries)"),
        ([], Level.WARNING, "cannot be asked"),
    ],
)
def test_what_the_slots_hold(host: Host, kernels: list[str], level: Level, said: str) -> None:
    assert list(check_slots(host)) == [], "a box without the image has none"
    plant(host, **{"usr__lib__os-release": "IMAGE_ID=qc-edge\nIMAGE_VERSION=1"})
    plant_program(host, "bootctl", listed(kernels))
    finding = only(check_slots(host))
    assert finding.level is level
    assert said in finding.message


@pytest.mark.parametrize(("degrees", "level"), [(60, Level.OK), (92, Level.WARNING)])
def test_the_hottest_zone_is_held_against_where_it_is_slowed_down(
    host: Host, degrees: int, level: Level
) -> None:
    assert only(check_heat(host)).message == "no thermometer to ask"
    plant(
        host,
        **{
            f"{ZONE}type": "x86_pkg_temp",
            f"{ZONE}temp": f"{degrees}000",
            f"{ZONE}trip_point_0_type": "passive",
            f"{ZONE}trip_point_0_temp": "95000",
        },
    )
    assert only(check_heat(host)).level is level


def test_a_processor_that_was_slowed_down_is_said(host: Host) -> None:
    counter = "sys__devices__system__cpu__cpu0__thermal_throttle__package_throttle_count"
    plant(host, **{counter: "17"})
    assert "slowed down 17 times" in list(check_heat(host))[-1].message
    plant(host, **{counter: "0", "sys__class__hwmon__hwmon1__oc1_event_cnt": "3"})
    assert "slowed down 3 times" in list(check_heat(host))[-1].message


def test_ports_are_those_that_other_machines_reach(host: Host) -> None:
    settings = parse_settings('[station]\nname = "line1"\n', "line1.toml")
    head = "sl local_address rem_address st"
    plant(
        host,
        proc__net__tcp=f"{head}\n0: 0100007F:2116 00000000:0000 0A\n1: 00000000:0016 0:0 0A\n"
        "2: 0A00000A:1F90 0B00000A:C000 01",
        proc__net__tcp6=f"{head}\n0: 00000000000000000000000001000000:2116 0:0 0A\n"
        "1: 00000000000000000000000000000000:170C 0:0 0A",
    )
    message = only(check_ports(host, settings)).message
    assert message == "open to other machines: 22 (ssh), 5900 (not this station)"


def test_a_certificate_that_ends_soon_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "first start" in only(check_certificate(tmp_path)).message
    own_certificate(tmp_path, ["line1.plant.example"])
    good = only(check_certificate(tmp_path))
    assert good.level is Level.OK
    begun = clock.utc_now()
    where = "qc_edge.diagnostics.box.certificates.utc_now"
    days = int(good.message.split(", ")[1].split()[0].replace(",", ""))
    for later, said in ((days - 10, "ends in"), (days + 10, "ended"), (-40 * 365, "set the clock")):
        monkeypatch.setattr(where, lambda later=later: begun + timedelta(days=later))
        finding = only(check_certificate(tmp_path))
        assert finding.level is Level.WARNING
        assert said in finding.message + finding.hint
