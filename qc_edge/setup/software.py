"""The versions of the software on a box: which there are, which one runs, and its system files.

The Debian package gives each version a directory of its own under /opt/qc-edge and keeps the one
before (docs/decisions/0035). `current` and `previous` are links to two of them.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import UsageError
from qc_edge.store.durable import Disk, write_file

TOP = Path("/opt/qc-edge")

_PACKAGE_PLACES = {
    "system": "lib/systemd/system",
    "rules.d": "lib/udev/rules.d",
    "sysusers.d": "usr/lib/sysusers.d",
    "tmpfiles.d": "usr/lib/tmpfiles.d",
    "sysctl.d": "usr/lib/sysctl.d",
    "journald.conf.d": "lib/systemd/journald.conf.d",
}
"""Where a package has the files of each shipped folder."""

_VERSIONED_FOLDER = re.compile(r"system-(\d+)")
_MIGRATION = re.compile(r"(?m)^-- migration (\w+)$")
_ONLY_ADDS = re.compile(r"m\d{3}_")
_STATION_DROP_INS = "qc-edge@.service.d"


@dataclass(frozen=True, slots=True)
class Software:
    """One version in its directory."""

    directory: Path

    @property
    def version(self) -> str:
        """As the package is called, `0.2.0-1`."""
        return self.directory.name

    @property
    def python(self) -> Path:
        """Its interpreter."""
        return self.directory / "bin/python"

    @property
    def can_look_ahead(self) -> bool:
        """True if it can say beforehand whether it would take a station's records, and reads the
        log of a newer version.
        """
        return next(self.directory.glob("lib/**/qc_edge/setup/preflight.py"), None) is not None

    def migrations(self) -> set[str]:
        """The changes of the log's schema that it knows."""
        schema = next(self.directory.glob("lib/**/qc_edge/store/log/schema.sql"), None)
        return set(_MIGRATION.findall(schema.read_text(encoding="utf-8"))) if schema else set()

    def system_files(self, systemd: int) -> dict[Path, bytes]:
        """Its units, rules and so on for this version of systemd: contents by their place under the
        root of the box.
        """
        files = {}
        for folder in sorted((self.directory / "share/qc-edge/systemd").iterdir()):
            versioned = _VERSIONED_FOLDER.fullmatch(folder.name)
            place = _PACKAGE_PLACES.get("system" if versioned else folder.name)
            if place is None or (versioned and int(versioned[1]) > systemd):
                continue
            for path in filter(Path.is_file, sorted(folder.rglob("*"))):
                files[Path(place) / path.relative_to(folder)] = path.read_bytes()
        return files


def installed_software(top: Path = TOP) -> tuple[Software, Software]:
    """The version in use and the one before. Raises UsageError if there is none to go back to."""
    both = [top / name for name in ("current", "previous")]
    found = [Software(path.resolve()) for path in both if path.is_symlink() and path.is_dir()]
    if len(found) < 2 or found[0] == found[1]:
        raise UsageError(
            f"there is no version before to go back to in {top}",
            hint="the Debian package keeps one, from its first upgrade on",
        )
    return found[0], found[1]


def refuse_unreadable_log(now: Software, then: Software) -> None:
    """Raise UsageError if `then` could not read the log that `now` has written."""
    unknown = now.migrations() - then.migrations()
    if then.can_look_ahead:
        unknown = {name for name in unknown if not _ONLY_ADDS.match(name)}
    if unknown:
        raise UsageError(
            f"version {then.version} cannot read the log any more: it lacks "
            f"{', '.join(sorted(unknown))}",
            hint="nothing was changed; a log cannot be taken back, only a copy of before restored",
        )


def switch(top: Path, to: Software, before: Software) -> None:
    """Make `to` the version in use, and `before` the one to go back to."""
    # In this order: a power cut in between must not leave `before`, the one that was to go, alone.
    for name, software in (("current", to), ("previous", before)):
        temporary = top / f".{name}.new"
        temporary.unlink(missing_ok=True)
        temporary.symlink_to(software.version)
        os.replace(temporary, top / name)  # noqa: PTH105
    Disk().sync_directory(top)


def lay_down(root: Path, to: Software, before: Software, systemd: int) -> None:
    """Put the units and other system files of `to` in the place of those of `before`.

    They lie where the package has its own: the next one that is installed puts its own there.
    """
    files = to.system_files(systemd)
    for place in before.system_files(systemd).keys() - files.keys():
        (root / place).unlink(missing_ok=True)
    for place, content in files.items():
        path = root / place
        if not path.is_file() or path.read_bytes() != content:
            write_file(path, content, mode=0o644)
    drop_ins = root / _PACKAGE_PLACES["system"] / _STATION_DROP_INS
    if drop_ins.is_dir() and not any(drop_ins.iterdir()):
        drop_ins.rmdir()
