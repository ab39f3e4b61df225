"""The box: planted kernel files and planted programs, each with what a technician is told."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

import pytest

from qc_edge.diagnostics import disk_health, host_checks, recent_errors, service
from qc_edge.diagnostics.finding import Finding, Level
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.mount import check_mount
from qc_edge.settings import CameraSettings, StationPaths

GIGE = CameraSettings(name="top", backend="basler", packet_size=8192)


@pytest.fixture
def host(tmp_path: Path) -> Host:
    """A bare box: no kernel files, no programs."""
    (tmp_path / "bin").mkdir()
    return Host(tmp_path, str(tmp_path / "bin"))


def plant(host: Host, **files: str) -> None:
    """The kernel's files, by their path with __ for /."""
    for name, text in files.items():
        path = host.base / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text}\n")


def plant_program(host: Host, name: str, says: str, code: int = 0) -> None:
    """A program that says this and ends so."""
    script = Path(host.path) / name
    script.write_text(f"#!/bin/sh\nprintf '%s\\n' '{says}'\nexit {code}\n")
    script.chmod(0o755)


def only(findings: Iterable[Finding]) -> Finding:
    [finding] = findings
    return finding


def plant_interface(host: Host, name: str, mtu: int) -> None:
    plant(
        host,
        **{
            f"sys__class__net__{name}__mtu": str(mtu),
            f"sys__class__net__{name}__type": "1",
            f"sys__class__net__{name}__operstate": "up",
            f"sys__class__net__{name}__device__uevent": "",
        },
    )


MOUNTS = """\
/dev/sda1 / ext4 rw,relatime 0 0
/dev/sdb1 /var/lib ext4 {} 0 0
/dev/sdc1 /var/lib/other\\040disk xfs rw,nobarrier 0 0"""


@pytest.mark.parametrize("option", ["data=writeback", "nobarrier"])
def test_a_mount_option_by_which_a_power_cut_loses_what_was_synced(host: Host, option: str) -> None:
    plant(host, proc__self__mounts=MOUNTS.format(f"rw,{option}"))
    finding = only(check_mount(host, Path("/var/lib/qc-edge/line1")))
    assert finding.level is Level.WARNING
    assert f"/var/lib (ext4) is mounted with {option}" in finding.message
    assert only(check_mount(host, Path("/srv"))).level is Level.OK
    assert "nobarrier" in only(check_mount(host, Path("/var/lib/other disk/a"))).message


def test_packets_that_do_not_fit_the_interface(host: Host) -> None:
    plant_interface(host, "eth0", 1500)
    finding = next(host_checks.check_network(host, [GIGE]))
    assert finding.level is Level.WARNING
    assert finding.message == "eth0 MTU 1500; packet_size = 8192 does not fit"
    assert "ip link set" in finding.hint


def test_a_network_that_is_well(host: Host) -> None:
    plant_interface(host, "eth0", 9000)
    plant(host, proc__sys__net__core__rmem_max="33554432")
    assert [finding.level for finding in host_checks.check_network(host, [GIGE])] == [
        Level.OK,
        Level.OK,
    ]


def test_small_socket_buffers(host: Host) -> None:
    plant_interface(host, "eth0", 9000)
    plant(host, proc__sys__net__core__rmem_max="212992")
    finding = list(host_checks.check_network(host, [GIGE]))[1]
    assert finding.level is Level.WARNING
    assert "212,992" in finding.message
    assert "sysctl --system" in finding.hint


def test_a_usb_camera_asks_nothing_of_the_network(host: Host) -> None:
    plant(host, proc__sys__net__core__rmem_max="212992", sys__bus__usb__devices__2__idVendor="2676")
    usb = CameraSettings(name="top", backend="basler")
    assert {finding.level for finding in host_checks.check_network(host, [usb])} == {Level.OK}


def test_the_usb_memory_limit(host: Host) -> None:
    plant(host, sys__module__usbcore__parameters__usbfs_memory_mb="16")
    finding = only(host_checks.check_usb(host, [GIGE]))
    assert finding.level is Level.WARNING
    assert finding.message == "usbfs_memory_mb is 16, a USB3 camera wants 1000"
    plant(host, sys__module__usbcore__parameters__usbfs_memory_mb="1000")
    assert only(host_checks.check_usb(host, [GIGE])).level is Level.OK


def test_a_gpu_and_its_driver(host: Host) -> None:
    plant_program(host, "nvidia-smi", "NVIDIA RTX A2000, 570.133.20, 61")
    finding = only(host_checks.check_gpu(host))
    assert finding.level is Level.OK
    assert "NVIDIA RTX A2000, driver 570.133.20, 61 °C" in finding.message


def test_a_hot_gpu(host: Host) -> None:
    plant_program(host, "nvidia-smi", "NVIDIA RTX A2000, 570.133.20, 91")
    assert only(host_checks.check_gpu(host)).level is Level.WARNING


def test_a_driver_that_does_not_answer(host: Host) -> None:
    plant_program(host, "nvidia-smi", "Driver/library version mismatch", code=18)
    finding = only(host_checks.check_gpu(host))
    assert finding.level is Level.WARNING
    assert "reboot" in finding.hint


def test_a_jetson_and_a_cpu_station(host: Host) -> None:
    assert only(host_checks.check_gpu(host)).message == "a CPU station: no NVIDIA GPU"
    plant(
        host, etc__nv_tegra_release="# R36 (release), REVISION: 4.3, GCID: 38968081, BOARD: generic"
    )
    assert only(host_checks.check_gpu(host)).message.startswith(
        "Jetson: R36 (release), REVISION: 4.3; TensorRT"
    )


def plant_disk(host: Host, state: Path, name: str) -> None:
    device = state.stat().st_dev
    block = host.base / "sys/block" / name
    block.mkdir(parents=True)
    link = host.base / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    link.parent.mkdir(parents=True)
    link.symlink_to(block)


@pytest.mark.parametrize(
    ("wear", "end", "level"),
    [
        ("0x01 0x01", "0x01", Level.OK),
        ("0x02 0x09", "0x01", Level.WARNING),
        ("0x02 0x02", "0x02", Level.WARNING),
        ("0x0b 0x03", "0x01", Level.FAULT),
        ("0x02 0x02", "0x03", Level.FAULT),
    ],
)
def test_a_worn_emmc(host: Host, tmp_path: Path, wear: str, end: str, level: Level) -> None:
    plant_disk(host, tmp_path, "mmcblk0")
    plant(
        host,
        sys__block__mmcblk0__device__life_time=wear,
        sys__block__mmcblk0__device__pre_eol_info=end,
    )
    assert only(disk_health.check_health(host, tmp_path)).level is level


@pytest.mark.parametrize(
    ("report", "level", "words"),
    [
        ({"smart_status": {"passed": True}}, Level.OK, "SMART passed"),
        ({"smart_status": {"passed": False}}, Level.FAULT, "SMART says that it fails"),
        (
            {
                "smart_status": {"passed": True},
                "nvme_smart_health_information_log": {"percentage_used": 93},
            },
            Level.WARNING,
            "93 % of its life",
        ),
        ({}, Level.OK, "as root"),
    ],
)
def test_what_smart_says(
    host: Host, tmp_path: Path, report: dict[str, object], level: Level, words: str
) -> None:
    plant_disk(host, tmp_path, "nvme0n1")
    plant_program(host, "smartctl", json.dumps(report), code=4)
    finding = only(disk_health.check_health(host, tmp_path))
    assert finding.level is level
    assert words in finding.message


def test_a_synced_write_is_timed_and_leaves_nothing(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    paths.spool_tmp.mkdir(parents=True)
    assert "a synced write of 64 KiB takes" in only(disk_health.check_latency(paths)).message
    assert not list(paths.spool_tmp.iterdir())


UNIT = """\
LoadState={load}
ActiveState={active}
SubState=x
Result=x
NRestarts={n}
ExecMainStatus={code}
UnitFileState={file}"""


@pytest.mark.parametrize(
    ("answer", "level", "words"),
    [
        (("loaded", "active", 0, 0, "enabled"), Level.OK, "is active"),
        (("loaded", "active", 3, 0, "enabled"), Level.WARNING, "restarted 3 times"),
        (("loaded", "inactive", 0, 0, "enabled"), Level.WARNING, "is inactive"),
        (
            ("loaded", "failed", 0, 78, "enabled"),
            Level.FAULT,
            "exit code 78: settings, not tried again",
        ),
        (("loaded", "failed", 0, 65, "enabled"), Level.FAULT, "exit code 65: model or calibration"),
        (("not-found", "inactive", 0, 0, ""), Level.WARNING, "there is no unit"),
    ],
)
def test_the_state_of_the_unit(
    host: Host, answer: tuple[str, str, int, int, str], level: Level, words: str
) -> None:
    load, active, restarts, code, file = answer
    plant_program(
        host, "systemctl", UNIT.format(load=load, active=active, n=restarts, code=code, file=file)
    )
    finding = only(service.check_unit(host, "line1"))
    assert finding.level is level
    assert words in finding.message


def test_a_unit_that_does_not_start_with_the_box(host: Host) -> None:
    plant_program(
        host, "systemctl", UNIT.format(load="loaded", active="active", n=0, code=0, file="disabled")
    )
    levels = [finding.level for finding in service.check_unit(host, "line1")]
    assert levels == [Level.OK, Level.WARNING]


def test_error_lines_of_the_journal(host: Host, tmp_path: Path) -> None:
    line = "2026-11-23T03:14:15+0000 box qc-edge[7]: camera top: is lost"
    plant_program(host, "journalctl", f"{line}\n{line}")
    finding = only(recent_errors.check_errors(host, StationPaths(tmp_path, "line1")))
    assert finding.level is Level.WARNING
    assert finding.message.startswith(
        "2 error lines in the last 24 h, the last: 03:14 camera top: is lost"
    )
    assert "journalctl -u qc-edge@line1 -p err" in finding.hint


def test_a_program_that_hangs_or_is_missing_is_no_answer(host: Host) -> None:
    assert host.ask("smartctl") is None
    plant_program(host, "smartctl", "x", code=1)
    assert host.ask("smartctl") is None
    assert host.ask("smartctl", also=(1,)) == "x\n"
