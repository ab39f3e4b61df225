"""Makes a box an appliance, and undoes it. Never touches what a station has recorded."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

from qc_edge.settings import StationPaths, load_settings
from qc_edge.setup.file_installer import FileInstaller
from qc_edge.setup.network import NetworkAccess
from qc_edge.setup.station_files import install_station
from qc_edge.setup.system_files import (
    PLACES,
    installed_files,
    installed_programs,
    system_files,
    systemd_version,
    with_header,
)

_PACKAGE_UNITS = Path("usr/lib/systemd/system")
_TEMPLATE = "qc-edge@.service"
_TARGET = "qc-edge.target"
_STATION_DROP_IN = re.compile(r"/qc-edge@[^/]+\.service\.d/")
_UNITS = (
    "qc-edge.target",
    "qc-edge@*.service",
    "qc-edge-page@*.service",
    "qc-edge-sync@*",
    "qc-edge-clock.service",
)


def install(
    prefix: Path | None,
    stations: Sequence[str] = (),
    *,
    network: NetworkAccess = NetworkAccess.AUTO,
    systemd: int | None = None,
    dry: bool = False,
) -> FileInstaller:
    """Install the system's files, then each of `stations`; the installer lists what was done.

    Under a `prefix`, the root of a box that is being built, only files and links are made and
    nothing is run; `systemd` is the version that the box will have. Doing it again changes nothing.
    Raises SettingsError for a station without good settings, StoreError if the disk refuses,
    UsageError if the service could not see this software.
    """
    root, installer = prefix or Path("/"), FileInstaller(dry)
    # A unit in /etc would hide the package's for ever, also after an update of the package.
    template = unit_template(root)
    units = template.parent.relative_to("/")
    if units == _PACKAGE_UNITS:
        installer.record("left to the package", root / units / _TEMPLATE)
    else:
        _install_system_files(installer, root / "etc", systemd or systemd_version(), prefix)
        at_boot = root / f"etc/systemd/system/multi-user.target.wants/{_TARGET}"
        installer.link(at_boot, Path("/") / units / _TARGET)
    if prefix is None:
        # Before the stations: their files are given to the user that this makes.
        installer.run("systemd-sysusers")
        installer.run("systemd-tmpfiles", "--create")
    for name in stations:
        paths = StationPaths(root, name)
        install_station(installer, paths, template, load_settings(paths.settings), network)
    if prefix is None and installer.has_changed:
        _reload_system(installer)
    return installer


def unit_template(root: Path) -> Path:
    """The unit of a station on the box under `root`: a package's, else that of `install`."""
    in_package = (root / _PACKAGE_UNITS / _TEMPLATE).exists()
    units = _PACKAGE_UNITS if in_package else Path("etc") / PLACES["system"]
    return Path("/") / units / _TEMPLATE


def uninstall(prefix: Path | None, *, dry: bool = False) -> FileInstaller:
    """Stop the stations and remove everything that `install` wrote.

    Settings, records, evidence and the user stay: the kept files belong to it. Raises StoreError if
    the disk refuses.
    """
    root, installer = prefix or Path("/"), FileInstaller(dry)
    etc = root / "etc"
    files = list(installed_files(etc))
    links = sorted(
        path for path in (etc / PLACES["system"]).glob("*.wants/qc-edge*") if path.is_symlink()
    )
    if prefix is None and (files or links) and _systemd_runs():
        installer.run("systemctl", "stop", *_UNITS)
    for path in [*links, *files]:
        installer.remove(path)
    if prefix is None and installer.has_changed:
        _reload_system(installer)
    for kept in (root / "etc/qc-edge", root / "var/lib/qc-edge"):
        if kept.is_dir():
            installer.record("kept", kept)
    return installer


def _install_system_files(
    installer: FileInstaller, etc: Path, systemd: int, prefix: Path | None
) -> None:
    """Write the files for this version of systemd, and remove those of an earlier installation."""
    files = {
        etc / file.place: file.text for file in system_files(systemd, installed_programs(prefix))
    }
    for path, text in files.items():
        installer.write(path, with_header(text))
    # A list first: the walk must not go on in a directory that is removed meanwhile.
    for path in list(installed_files(etc)):
        if path not in files and not _STATION_DROP_IN.search(str(path)):
            installer.remove(path)


def _reload_system(installer: FileInstaller) -> None:
    """Make the running system read the files that have changed."""
    if _systemd_runs():
        installer.run("systemctl", "daemon-reload")
        # journald reads its drop-ins when it starts, and keeps the services' streams meanwhile.
        installer.run("systemctl", "restart", "systemd-journald.service")
        installer.run("/usr/lib/systemd/systemd-sysctl", "--prefix=net.core")
        # `reload` is for the next device that appears: the cameras are plugged in already.
        if Path("/run/udev/control").exists():
            installer.run("udevadm", "control", "--reload")
            installer.run(
                "udevadm", "trigger", "--subsystem-match=usb", "--attr-match=idVendor=2676"
            )


def _systemd_runs() -> bool:
    """As sd_booted(3) has it."""
    return Path("/run/systemd/system").is_dir()
