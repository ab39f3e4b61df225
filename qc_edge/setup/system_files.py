"""The shipped units, rules and drop-ins, and where each belongs on a box. Writes nothing.

An installed file carries a first line with the digest of the rest, so that a later installation
knows its own files and whether somebody edited them.
"""

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
    "modprobe.d": "modprobe.d",
}
"""Where the files of each shipped folder belong, under /etc (or /usr/lib, for a package)."""

SHIPPED_PROGRAMS = "/opt/qc-edge/current/bin/"
"""Where the units, as shipped, expect the programs; replaced by the environment's own place."""

OLDEST_SYSTEMD = 249
"""Of Ubuntu 22.04 and Jetson; the shipped unit is written for it (docs/decisions/0018)."""

EDITED = ".edited"
"""The suffix under which a file that somebody changed by hand is kept."""

_HEADER = re.compile(r"# Laid down by qc-edge \S+, sha256 ([0-9a-f]{16})\b.*\n")
_VERSIONED_FOLDER = re.compile(r"system-(\d+)")
_HIDDEN_FROM_UNITS = ("/home", "/root", "/run/user", "/tmp", "/var/tmp")  # noqa: S108 (it is refused)
"""Directories that ProtectHome= and PrivateTmp= of the unit hide from the service."""


@dataclass(frozen=True, slots=True)
class SystemFile:
    """One file to install: its place, relative to /etc, and its text without the header."""

    place: Path
    text: str


def system_files(systemd: int, programs: str) -> list[SystemFile]:
    """Everything that a box with this version of systemd gets; `programs` is qc-edge's directory.

    What only a newer systemd understands is a drop-in in a folder with its version: an older one
    would fall back to a default where it does not know a value (docs/decisions/0018).
    """
    files = []
    for folder in sorted(path for path in shipped_directory().iterdir() if path.is_dir()):
        versioned = _VERSIONED_FOLDER.fullmatch(folder.name)
        place = PLACES["system"] if versioned else PLACES.get(folder.name)
        if place is None or (versioned and int(versioned[1]) > systemd):
            continue
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            text = path.read_text(encoding="utf-8").replace(
                SHIPPED_PROGRAMS, programs.rstrip("/") + "/"
            )
            files.append(SystemFile(Path(place) / path.relative_to(folder), text))
    return files


def with_header(text: str, by: str = "install") -> str:
    """`text` under a first line that says who wrote it, with the digest that shows later edits.

    `by` is the verb that writes it.
    """
    own = "a drop-in" if by == "install" else "in its file"
    return (
        f"# Laid down by qc-edge {__version__}, sha256 {_digest(text)}; "
        f"replaced by `qc-edge {by}`. Your own changes: {own}.\n{text}"
    )


def is_installed_file(text: str) -> bool:
    """True if `qc-edge install` wrote the file with this text, edited since or not."""
    return _HEADER.match(text) is not None


def is_edited(text: str) -> bool:
    """True if somebody changed the file with this text since `qc-edge install` wrote it."""
    header = _HEADER.match(text)
    return header is not None and header[1] != _digest(text[header.end() :])


def installed_files(base: Path) -> Iterator[Path]:
    """The files in force under `base` (an /etc) that `qc-edge install` wrote."""
    for place in PLACES.values():
        for path in sorted((base / place).rglob("*")):
            if (
                "qc-edge" not in str(path.relative_to(base))
                or path.suffix == EDITED
                or path.is_symlink()
            ):
                continue
            if path.is_file() and is_installed_file(
                path.read_text(encoding="utf-8", errors="replace")
            ):
                yield path


def shipped_directory() -> Path:
    """The shipped files: beside the sources, or in share/ of the environment."""
    checkout = Path(qc_edge.__file__).parent.parent / "systemd"
    # Beside an installed package, a directory of that name is python3-systemd's.
    is_checkout = (checkout / "system").is_dir()
    return checkout if is_checkout else Path(sys.prefix) / "share/qc-edge/systemd"


def installed_programs(box: Path | None) -> str:
    """The directory of the programs, as the service will see it.

    This environment's; for a `box` that is being built somewhere else, the place where units expect
    it. Raises UsageError if a confined service could not see this environment.
    """
    if box is not None:
        here = Path(sys.prefix)
        return f"/{here.relative_to(box)}/bin" if here.is_relative_to(box) else SHIPPED_PROGRAMS
    # A virtual environment borrows the interpreter of base_prefix: both must be visible.
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
        answer = subprocess.run(
            ["systemctl", "--version"], capture_output=True, text=True, check=True
        ).stdout
    except (OSError, subprocess.CalledProcessError):
        return OLDEST_SYSTEMD
    version = re.match(r"systemd (\d+)", answer)
    return int(version[1]) if version else OLDEST_SYSTEMD


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]
