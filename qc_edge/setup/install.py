"""Makes a box an appliance, and undoes it: the order of the steps; never touches what a station
recorded.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qc_edge.setup import system_files
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.network import NetworkAccess
from qc_edge.setup.station_files import lay_down_station

_PACKAGED = Path("usr/lib/systemd/system")
_TEMPLATE = "qc-edge@.service"
_TARGET = "qc-edge.target"
_OF_A_STATION = re.compile(r"/qc-edge@[^/]+\.service\.d/")
_UNITS = ("qc-edge.target", "qc-edge@*.service", "qc-edge-sync@*", "qc-edge-clock.service")


def install(
    prefix: Path | None,
    stations: Sequence[str] = (),
    *,
    network: NetworkAccess = NetworkAccess.AUTO,
    systemd: int | None = None,
    dry: bool = False,
) -> FileInstaller:
    """Lay everything down, then each of `stations`. Under a `prefix`, files and links alone.

    Doing it again changes nothing. What a Debian package has brought stays the package's. Raises
    SettingsError for a station without good settings, StoreError if the disk refuses, UsageError if
    the service could not see this software.
    """
    root, installer = prefix or Path("/"), FileInstaller(dry)
    base = root / "etc"
    units = root / _PACKAGED
    if (units / _TEMPLATE).exists():
        installer.say("left to the package", units / _TEMPLATE)
    else:
        units = base / system_files.PLACES["system"]
        programs = system_files.installed_programs(prefix)
        wanted = {
            base / piece.place: piece.text
            for piece in system_files.pieces(systemd or system_files.systemd_version(), programs)
        }
        for path, text in wanted.items():
            installer.write(path, system_files.marked(text))
        for path in list(system_files.laid_down(base)):
            if path not in wanted and not _OF_A_STATION.search(str(path)):
                installer.remove(path)
        at_boot = base / f"systemd/system/multi-user.target.wants/{_TARGET}"
        installer.link(at_boot, Path("/") / units.relative_to(root) / _TARGET)
    if prefix is None:
        installer.run("systemd-sysusers")
        installer.run("systemd-tmpfiles", "--create")
    for name in stations:
        lay_down_station(
            installer, root, base, Path("/") / units.relative_to(root) / _TEMPLATE, name, network
        )
    if prefix is None and installer.has_changed:
        _take_over(installer)
    return installer


def uninstall(prefix: Path | None, *, dry: bool = False) -> FileInstaller:
    """Stop and remove everything that `install` laid down. Settings, records, evidence and user
    stay.
    """
    root, installer = prefix or Path("/"), FileInstaller(dry)
    base = root / "etc"
    files = [path for path in system_files.laid_down(base) if path.exists()]
    system = base / "systemd/system"
    links = sorted(path for path in system.glob("*.wants/qc-edge*") if path.is_symlink())
    if prefix is None and (files or links) and _systemd_runs():
        installer.run("systemctl", "stop", *_UNITS)
    for path in [*links, *files]:
        installer.remove(path)
    if prefix is None and installer.has_changed:
        _take_over(installer)
    for kept in (root / "etc/qc-edge", root / "var/lib/qc-edge"):
        if kept.is_dir():
            installer.say("kept", kept)
    return installer


def _take_over(installer: FileInstaller) -> None:
    """Make the running system see what has changed."""
    if _systemd_runs():
        installer.run("systemctl", "daemon-reload")
        installer.run("systemctl", "restart", "systemd-journald.service")
        installer.run("/usr/lib/systemd/systemd-sysctl", "--prefix=net.core")
        if Path("/run/udev/control").exists():
            installer.run("udevadm", "control", "--reload")
            installer.run(
                "udevadm", "trigger", "--subsystem-match=usb", "--attr-match=idVendor=2676"
            )


def _systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()
