"""The two kinds of boxes, as an update sees them: with the Debian package, and with two slots."""

from __future__ import annotations

import platform
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from qc_edge.errors import UpdateError
from qc_edge.setup.changeover import change_over, units
from qc_edge.setup.software import (
    TOP,
    installed_software,
    lay_down,
    refuse_unreadable_log,
    switch,
)
from qc_edge.setup.system_files import systemd_version
from qc_edge.setup.update.boot_entries import other_entry
from qc_edge.setup.update.staging import StagedUpdate
from qc_edge.setup.update.stations_health import wait_for_health

_SYSUPDATE = "/usr/lib/systemd/systemd-sysupdate"
_ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class UpdatableBox(Protocol):
    """What an update does to a box; each kind does it its own way."""

    @property
    def kind(self) -> str:
        """deb or image."""
        ...

    @property
    def architecture(self) -> str:
        """amd64 or arm64."""
        ...

    def running(self) -> str:
        """The version that runs."""
        ...

    def install(self, staged: StagedUpdate) -> None:
        """Put the new version in the place of the old one. Raises UpdateError."""
        ...

    def proves_later(self) -> bool:
        """True if only the next boot tells whether it is good."""
        ...

    def faults(self, ran: Iterable[str]) -> dict[str, str]:
        """What is wrong with the stations that ran before, in words; empty if all are good."""
        ...

    def go_back(self) -> str:
        """Take the version before again; which one that is. Raises UsageError, UpdateError."""
        ...


@dataclass(frozen=True, slots=True)
class PackageBox:
    """A box with the Debian package, which keeps the version before."""

    say: Callable[[str], object]
    top: Path = TOP
    kind: str = "deb"

    @property
    def architecture(self) -> str:
        """As dpkg calls it."""
        return _architecture()

    def running(self) -> str:
        """The version that `current` leads to."""
        return (self.top / "current").resolve().name

    def install(self, staged: StagedUpdate) -> None:
        """dpkg unpacks it beside the running version, switches, and restarts what runs."""
        ran = subprocess.run(
            ["dpkg", "--install", *map(str, staged.files)],
            capture_output=True,
            text=True,
            check=False,
        )
        for line in ran.stdout.splitlines():
            if line.startswith("qc-edge:"):
                self.say(line.removeprefix("qc-edge:").strip())
        if self.running() != staged.manifest.version:
            words = ran.stderr.strip()[-500:] or f"{self.running()} is in use after it"
            raise UpdateError(
                f"dpkg refuses {staged.manifest.version}: {words}",
                hint="the version before runs on; journalctl, /var/log/dpkg.log",
            )

    def proves_later(self) -> bool:
        """The stations tell at once."""
        return False

    def faults(self, ran: Iterable[str]) -> dict[str, str]:
        """Those of the stations that do not start any more, or that the new version refused and
        the changeover has left running in the one before.
        """
        names = list(ran)
        faults, now = wait_for_health(names), units()
        for name in names:
            exe = Path(f"/proc/{now[name].pid}/exe") if name in now else Path()
            left = version_of(exe.resolve(), self.top)
            if name not in faults and left not in {None, self.running()}:
                faults[name] = (
                    f"it runs on in {left}: the new version refuses what it has on record"
                )
        return faults

    def go_back(self) -> str:
        """As `qc-edge rollback`: software, units and stations in one step."""
        now, then = installed_software(self.top)
        refuse_unreadable_log(now, then)
        lay_down(Path("/"), then, now, systemd_version())
        switch(self.top, then, now)
        subprocess.run(["systemctl", "daemon-reload"], check=False)
        change_over(then, self.say)
        return then.version


@dataclass(frozen=True, slots=True)
class SlotBox:
    """A box with two slots: the boot loader tries the new one three times, then takes the old."""

    say: Callable[[str], object]
    kind: str = "image"

    @property
    def architecture(self) -> str:
        """As dpkg calls it."""
        return _architecture()

    def running(self) -> str:
        """The version of the image."""
        return image_version(Path("/")) or ""

    def install(self, staged: StagedUpdate) -> None:
        """systemd-sysupdate writes the other slot; what runs goes on until the boot."""
        for file in staged.files:
            _run("ln", "-f", str(file), str(staged.directory.parent / file.name))
        _run(_SYSUPDATE, "--verify=no", "update", staged.manifest.version)
        # What `go_back` once made the default would be booted for ever, the new one never.
        _run("bootctl", "set-default", "")

    def proves_later(self) -> bool:
        """qc-edge-health.service at the next boot."""
        return True

    def faults(self, ran: Iterable[str]) -> dict[str, str]:  # noqa: ARG002 - as the other kind
        """None yet."""
        return {}

    def go_back(self) -> str:
        """The other slot, from the next boot on."""
        listed = _run("bootctl", "list", "--json=short")
        other = other_entry(listed, self.running())
        _run("bootctl", "set-default", other)
        return other


def this_box(say: Callable[[str], object], root: Path = Path("/")) -> UpdatableBox:
    """The box that this runs on. Raises UpdateError where the software is neither, and under
    another prefix, where nothing runs.
    """
    if root != Path("/"):
        raise UpdateError(
            f"the software of {root} is not what runs here", hint="without --root, on the box"
        )
    if image_version(root):
        return SlotBox(say)
    if (TOP / "current").is_symlink():
        return PackageBox(say)
    raise UpdateError(
        "this software came neither with the Debian package nor with an image",
        hint="a virtual environment is updated by its own pip",
    )


def image_version(root: Path) -> str | None:
    """The version of the image that the box under `root` runs; None if it runs none of ours."""
    try:
        text = (root / "usr/lib/os-release").read_text(encoding="utf-8")
    except OSError:
        return None
    values = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
    if values.get("IMAGE_ID", "").strip('"') != "qc-edge":
        return None
    return values.get("IMAGE_VERSION", "").strip('"')


def version_of(program: Path, top: Path) -> str | None:
    """The version whose interpreter `program` is; None if it is none of those under `top`."""
    return program.relative_to(top).parts[0] if program.is_relative_to(top) else None


def running_stations() -> list[str]:
    """Those that systemd runs now."""
    return sorted(name for name, unit in units().items() if unit.runs)


def _architecture() -> str:
    return _ARCHITECTURES.get(platform.machine(), platform.machine())


def _run(*command: str) -> str:
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as fault:
        raise UpdateError(f"{command[0]}: {fault.strerror}", hint="is the image whole?") from None
    if ran.returncode:
        raise UpdateError(
            f"{' '.join(command)}: {(ran.stderr or ran.stdout).strip()[-500:]}",
            hint="nothing was changed that runs; journalctl says more",
        )
    return ran.stdout
