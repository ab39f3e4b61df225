"""Packs the pieces into one .tar.gz with a manifest. All of it leaves through here: no text
unscrubbed.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from qc_edge.diagnostics.bundle_files import BundleFile, images, pieces, read_raw
from qc_edge.diagnostics.host import Host
from qc_edge.diagnostics.secrets import known_secrets, named_secrets, scrub
from qc_edge.errors import StoreError, UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.version import __version__


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file of the archive: its name there, what it is, bytes, sha256."""

    name: str
    what: str
    size: int
    sha256: str


def pack(paths: StationPaths, out: Path, frames: int, host: Host | None = None) -> list[PackedFile]:
    """Write the archive `out` (readable by its owner alone) and say what is in it.

    `frames`: the newest so many frames go in as images. Raises UsageError if `out` exists or there
    is no such station, StoreError if it cannot be written; then nothing is left.
    """
    host = host or Host()
    if not paths.settings.exists() and not paths.state.exists():
        raise UsageError(
            f"there is no station {paths.name!r} under {paths.root}",
            hint="qc-edge doctor lists them",
        )
    raw = read_raw(paths.settings)
    found = list(_found(paths, host, raw))
    known = {*known_secrets(raw or {})}
    for piece in found:
        if piece.name.startswith("units/") or piece.name == "settings.txt":
            known |= {*named_secrets(piece.text)}
    top = out.name.removesuffix(".tar.gz")
    try:
        descriptor = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise UsageError(f"{out} exists", hint="give another file: --out FILE") from None
    except OSError as fault:
        raise StoreError(
            f"cannot write {out}: {fault.strerror}", hint="another place: --out FILE"
        ) from fault
    try:
        with (
            os.fdopen(descriptor, "wb") as file,
            tarfile.open(fileobj=file, mode="w:gz") as archive,
        ):
            packed = [
                _add(
                    archive,
                    top,
                    each.name,
                    scrub(each.what, known),
                    scrub(each.text, known).encode(),
                )
                for each in found
            ]
            packed += [
                _add(archive, top, f"images/{number:04}_{path.name}", "evidence", path.read_bytes())
                for number, path in enumerate(images(paths, frames))
            ]
            manifest = {
                "station": paths.name,
                "made_at": utc_now().isoformat(timespec="seconds"),
                "software": __version__,
                "images": frames > 0,
                "files": [asdict(each) for each in packed],
            }
            _add(
                archive, top, "manifest.json", "this list", json.dumps(manifest, indent=1).encode()
            )
    except OSError as fault:
        with suppress(OSError):
            out.unlink()
        raise StoreError(
            f"cannot write {out}: {fault}", hint="another place: --out FILE"
        ) from fault
    return packed


def _found(paths: StationPaths, host: Host, raw: object) -> Iterator[BundleFile]:
    """All pieces; where reading stops, a piece says so in their place."""
    try:
        yield from pieces(paths, host, raw if isinstance(raw, dict) else None)
    except OSError as fault:
        text = f"{fault}\nRun it as root: sudo qc-edge support-bundle {paths.name}\n"
        yield BundleFile(
            "INCOMPLETE.txt", "what could not be read; the pieces after it are missing", text
        )


def _add(archive: tarfile.TarFile, top: str, name: str, what: str, data: bytes) -> PackedFile:
    entry = tarfile.TarInfo(f"{top}/{name}")
    entry.size, entry.mode, entry.mtime = len(data), 0o600, int(utc_now().timestamp())
    archive.addfile(entry, io.BytesIO(data))
    return PackedFile(name, what, len(data), hashlib.sha256(data).hexdigest())
