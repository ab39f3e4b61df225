"""What makes a box an appliance: the shipped files and where each belongs; writes nothing."""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import qc_edge
from qc_edge.errors import UsageError
from qc_edge.version import __version__

PLACES = {
    "system": "systemd/system",
    "sysusers.d": "sysusers.d",
    "tmpfiles.d": "tmpfiles.d",
    "rules.d": "udev/rules.d",
    "sysctl.d": "sysctl.d",
    "journald.conf.d": "systemd/journald.conf.d",
}
"""Folder of the shipped files: where it belongs under /etc (or /usr/lib, for a package)."""

SHIPPED_PROGRAMS = "/opt/qc-edge/current/bin/"
"""Where the units, as shipped, expect the programs."""

OLDEST_SYSTEMD = 249
EDITED = ".edited"
"""Ends the name of a file that somebody had changed by hand."""

_MARK = re.compile(r"# Laid down by qc-edge \S+, sha256 ([0-9a-f]{16})\b.*\n")
_VERSIONED = re.compile(r"system-(\d+)")
_HIDDEN_FROM_UNITS = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (it is refused)


@dataclass(frozen=True, slots=True)
class SystemFile:
    """One file of the appliance: its place, relative to /etc, and its text."""

    place: Path
    text: str


def pieces(systemd: int, programs: str) -> list[SystemFile]:
    """Everything that a box with this version of systemd gets; `programs` is the directory of
    qc-edge.
    """
    source = shipped_directory()
    found = []
    for folder in sorted(each for each in source.iterdir() if each.is_dir()):
        versioned = _VERSIONED.fullmatch(folder.name)
        place = PLACES["system"] if versioned else PLACES.get(folder.name)
        if place is None or (versioned and int(versioned[1]) > systemd):
            continue
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            text = path.read_text(encoding="utf-8").replace(
                SHIPPED_PROGRAMS, programs.rstrip("/") + "/"
            )
            found.append(SystemFile(Path(place) / path.relative_to(folder), text))
    return found


def marked(text: str) -> str:
    """`text` under a first line that says who wrote it and whether it was edited since."""
    return (
        f"# Laid down by qc-edge {__version__}, sha256 {_digest(text)}; replaced by `qc-edge "
        "install`. "
        f"Your own changes: a drop-in.\n{text}"
    )


def is_ours(text: str) -> bool:
    """`qc-edge install` wrote this file."""
    return _MARK.match(text) is not None


def is_edited(text: str) -> bool:
    """Somebody changed this file since `qc-edge install` wrote it."""
    mark = _MARK.match(text)
    return mark is not None and mark[1] != _digest(text[mark.end() :])


def laid_down(base: Path) -> Iterator[Path]:
    """The files in force under `base` (an /etc) that `qc-edge install` wrote."""
    for place in PLACES.values():
        for path in sorted((base / place).rglob("*")):
            if (
                "qc-edge" not in str(path.relative_to(base))
                or path.suffix == EDITED
                or path.is_symlink()
            ):
                continue
            if path.is_file() and is_ours(path.read_text(encoding="utf-8", errors="replace")):
                yield path


def shipped_directory() -> Path:
    """The units and their companions as they came: beside the sources, or in the environment's
    share/.
    """
    beside = Path(qc_edge.__file__).parent.parent / "systemd"
    # Beside an installed package, a directory of that name is python3-systemd's.
    return beside if (beside / "system").is_dir() else Path(sys.prefix) / "share/qc-edge/systemd"


def installed_programs(box: Path | None) -> str:
    """The directory of the programs, as the service will see it.

    This environment's; for a `box` that is being built somewhere else, the place where units expect
    it. Raises UsageError if a confined service could not see this environment.
    """
    if box is not None:
        here = Path(sys.prefix)
        return f"/{here.relative_to(box)}/bin" if here.is_relative_to(box) else SHIPPED_PROGRAMS
    for prefix in (sys.prefix, sys.base_prefix):
        if any(Path(prefix).is_relative_to(hidden) for hidden in _HIDDEN_FROM_UNITS):
            raise UsageError(
                f"the service could not see its own software: {prefix} is hidden from it",
                hint="install into a place for all users: python3 -m venv --system-site-packages "
                "/opt/qc-edge/current, with the system's python3",
            )
    return f"{sys.prefix}/bin"


def systemd_version() -> int:
    """The major version of this machine's systemd; the oldest that is served if there is none."""
    try:
        said = subprocess.run(
            ["systemctl", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return OLDEST_SYSTEMD
    version = re.match(r"systemd (\d+)", said)
    return int(version[1]) if version else OLDEST_SYSTEMD


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
