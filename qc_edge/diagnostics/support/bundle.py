"""Packs a station's support files into one .tar.gz with a manifest.

Every text is freed of secrets here, just before it goes into the archive, so that none can be
forgotten where it is made.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from errno import EACCES
from pathlib import Path
from typing import Any

from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.rights import denied_place, may_look
from qc_edge.diagnostics.support.files import (
    newest_images,
    read_settings_values,
    support_files,
)
from qc_edge.diagnostics.support.records import SupportFile
from qc_edge.diagnostics.support.secrets import known_secrets, named_secrets, scrub
from qc_edge.domain.printable import printable
from qc_edge.errors import RightsError, StationAbsentError, StoreError, UsageError
from qc_edge.service.clock import utc_now
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import StationPaths
from qc_edge.version import __version__

INCOMPLETE = "INCOMPLETE.txt"
"""What the archive has in place of what the disk did not give."""


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of the archive: its name there, what it is in words, size in bytes, sha256.

    The fields are those of manifest.json.
    """

    name: str
    what: str
    size: int
    sha256: str


def pack(paths: StationPaths, out: Path, frames: int, host: Host | None = None) -> list[PackedFile]:
    """Write the archive `out`, readable by its owner alone, and return what is in it.

    `frames`: the newest so many frames go in as images. Raises UsageError if `out` exists or there
    is no such station, RightsError if this user may not see what it is for, StoreError if it cannot
    be written; then nothing is left.
    """
    host = host or Host()
    if not paths.settings.exists() and not paths.state.exists():
        raise StationAbsentError(
            f"there is no station {paths.name!r} under {paths.root}",
            hint="qc-edge doctor lists them",
        )
    # As the station's user: no link in its directory may bring in what that user cannot read.
    with acting_as_owner(paths.state):
        settings = read_settings_values(paths.settings)
        # All texts first: a secret that is found in one is removed from every other.
        files = list(_readable_files(paths, host, settings))
    secrets = _secrets_in(files, settings)
    descriptor = _create_private(out)
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            return _write(archive, paths, files, secrets, frames, out.name.removesuffix(".tar.gz"))
    except OSError as error:
        with suppress(OSError):
            out.unlink()
        raise StoreError(
            f"cannot write {out}: {error}", hint="another place: --out FILE"
        ) from error


def _create_private(out: Path) -> int:
    """A descriptor of the new file `out`; O_EXCL neither overwrites a file nor follows a link."""
    try:
        return os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{out} exists", hint="give another file: --out FILE") from None
    except OSError as error:
        raise StoreError(
            f"cannot write {out}: {error.strerror}", hint="another place: --out FILE"
        ) from error


def _write(
    archive: tarfile.TarFile,
    paths: StationPaths,
    files: list[SupportFile],
    secrets: set[str],
    frames: int,
    top: str,
) -> list[PackedFile]:
    """Fill the archive, everything under the one folder `top`, the manifest last."""
    packed = []
    for file in files:
        description, content = scrub(file.description, secrets), _encoded(scrub(file.text, secrets))
        packed.append(_add(archive, top, printable(file.name), description, content))
    with acting_as_owner(paths.state):
        for number, path in enumerate(newest_images(paths, frames)):
            name = f"images/{number:04}_{printable(path.name)}"
            packed.append(_add(archive, top, name, "evidence", path.read_bytes()))
    manifest = {
        "station": paths.name,
        "made_at": utc_now().isoformat(timespec="seconds"),
        "software": __version__,
        "images": frames > 0,
        "files": [asdict(file) for file in packed],
    }
    _add(archive, top, "manifest.json", "this list", json.dumps(manifest, indent=1).encode())
    return packed


def _encoded(text: str) -> bytes:
    """Names of files may be bytes that are no UTF-8, in the listing and in the doctor's words."""
    return text.encode("utf-8", "backslashreplace")


def _secrets_in(files: list[SupportFile], settings: Mapping[str, Any] | None) -> set[str]:
    """The values of secret keys in the settings and in the units."""
    secrets = {*known_secrets(settings or {})}
    for file in files:
        if file.name.startswith("units/") or file.name == "settings.txt":
            secrets |= {*named_secrets(file.text)}
    return secrets


def _readable_files(
    paths: StationPaths, host: Host, settings: Mapping[str, Any] | None
) -> Iterator[SupportFile]:
    """All texts; where the disk does not read on, a last one says so.

    Raises RightsError where it is this user that may not see what the bundle is for.
    """
    try:
        if denied := denied_place(paths, host):
            raise PermissionError(EACCES, "may not be read", denied)
        yield from support_files(paths, host, settings)
    except OSError as error:
        if isinstance(error, PermissionError) and not may_look(paths.state):
            raise RightsError(
                f"{error.filename}: this user may not read it, and the bundle would lack it",
                hint=f"sudo qc-edge support-bundle {paths.name}",
            ) from error
        text = f"{error}\n"
        yield SupportFile(
            INCOMPLETE, "what could not be read; the pieces after it are missing", text
        )


def _add(
    archive: tarfile.TarFile, top: str, name: str, description: str, content: bytes
) -> PackedFile:
    # Made by hand: archive.add() would carry the box's owners, modes and times along.
    entry = tarfile.TarInfo(f"{top}/{name}")
    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(utc_now().timestamp())
    archive.addfile(entry, io.BytesIO(content))
    return PackedFile(name, description, len(content), hashlib.sha256(content).hexdigest())
