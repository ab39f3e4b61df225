"""An update beside the running line: checked before anything of it is written, then copied whole.

What is staged lies in a directory of its version, which gets its name when every file is there and
has the digest that was signed: a pull that breaks off leaves nothing that could be applied.
"""

from __future__ import annotations

import hashlib
import http.client
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from qc_edge.errors import StoreError, UpdateError, UpstreamError
from qc_edge.service.synced_file import sync_directory, write_synced
from qc_edge.setup.update.box_state import STAGED
from qc_edge.setup.update.manifest import (
    MANIFEST,
    SIGNATURE,
    UpdateFile,
    UpdateManifest,
    check_manifest,
    file_sha256,
    parse_manifest,
)
from qc_edge.setup.update.source import Source
from qc_edge.setup.update.versions import by_version, is_newer

_PIECE = 1 << 20
_ROOM = 1.2
"""So many times its own size an update may need: staged, then installed."""


@dataclass(frozen=True, slots=True)
class Offer:
    """An update whose signature was checked: what it says, who signed it, and the signed bytes."""

    manifest: UpdateManifest
    signer: str
    data: bytes
    signature: bytes


@dataclass(frozen=True, slots=True)
class StagedUpdate:
    """An update that lies whole on the box."""

    directory: Path
    manifest: UpdateManifest

    @property
    def files(self) -> list[Path]:
        """Its files, as the manifest has them."""
        return [self.directory / file.name for file in self.manifest.files]


def look(source: Source, trusted: Sequence[str]) -> Offer:
    """What `source` offers, signed by one of `trusted`. Writes nothing. Raises UpdateError if there
    is no update or it is not signed by them, UpstreamError.
    """
    data = source.read(MANIFEST)
    if data is None:
        raise UpdateError(
            f"there is no update in {source.where}", hint=f"expected {MANIFEST} and {SIGNATURE}"
        )
    signature = source.read(SIGNATURE)
    signer = check_manifest(data, signature, trusted)
    return Offer(parse_manifest(data), signer, data, signature or b"")


def refuse_unfit(offer: Offer, kind: str, architecture: str, running: str, older: bool) -> None:
    """Raise UpdateError if it is for other boxes, or not newer than what runs and not `older`."""
    manifest = offer.manifest
    if (manifest.kind, manifest.architecture) != (kind, architecture):
        raise UpdateError(
            f"the update is a {manifest.kind} for {manifest.architecture}, this box takes a {kind} "
            f"for {architecture}",
            hint="fetch the one for this box",
        )
    if manifest.version == running:
        raise UpdateError(f"version {running} runs already", hint="nothing was changed")
    if not older and not is_newer(manifest.version, running):
        raise UpdateError(
            f"version {manifest.version} is older than {running}, which runs",
            hint="an old update may bring an old fault back; meant so: --older",
        )


def stage(root: Path, source: Source, offer: Offer) -> StagedUpdate:
    """Copy the files of `offer` onto the box under `root`, each held against its digest.

    Raises UpdateError if one is not as it was signed, StoreError, UpstreamError; then nothing is
    staged.
    """
    staged = root / STAGED
    try:
        staged.mkdir(parents=True, exist_ok=True)
        # One at a time, and what a power cut left of another goes.
        for old in staged.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
    except OSError as fault:
        raise StoreError(f"cannot write in {staged}: {fault.strerror}", hint="with sudo") from None
    free = shutil.disk_usage(staged).free
    if free < offer.manifest.size * _ROOM:
        raise StoreError(
            f"{staged} has room for {free / 1e6:,.0f} MB, the update needs "
            f"{offer.manifest.size * _ROOM / 1e6:,.0f}",
            hint="qc-edge doctor says what fills the disk",
        )
    unfinished, whole = staged / ".new", staged / offer.manifest.version
    unfinished.mkdir()
    try:
        for file in offer.manifest.files:
            _fetch(source, file, unfinished / file.name)
        # With its signature: applying checks it once more.
        write_synced(unfinished / MANIFEST, [offer.data])
        write_synced(unfinished / SIGNATURE, [offer.signature])
        sync_directory(unfinished)
        os.rename(unfinished, whole)  # noqa: PTH104
        sync_directory(staged)
    except OSError as fault:
        raise StoreError(f"cannot stage the update in {staged}: {fault}", hint="room?") from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    return StagedUpdate(whole, offer.manifest)


def staged_update(root: Path, trusted: Sequence[str]) -> StagedUpdate | None:
    """What lies on the box, checked as if it came from a stranger; None if nothing does.

    Raises UpdateError if it is not as it was signed.
    """
    found = sorted(
        (path for path in (root / STAGED).glob("*") if (path / MANIFEST).is_file()),
        key=lambda path: by_version(path.name),
    )
    if not found:
        return None
    directory = found[-1]
    try:
        data, signature = ((directory / name).read_bytes() for name in (MANIFEST, SIGNATURE))
    except OSError as fault:
        raise UpdateError(
            f"cannot read {directory}: {fault.strerror}", hint="stage the update again"
        ) from None
    check_manifest(data, signature, trusted)
    manifest = parse_manifest(data)
    for file in manifest.files:
        _refuse_other(directory / file.name, file)
    return StagedUpdate(directory, manifest)


def discard(root: Path, version: str) -> None:
    """Give back the room that the pieces of `version` take, which is installed and proven; another
    one that is staged meanwhile stays.
    """
    directory = root / STAGED / version
    # What cannot be removed is in nobody's way: the next one that is staged removes it.
    with suppress(OSError):
        for file in directory.iterdir():
            (root / STAGED / file.name).unlink(missing_ok=True)  # SlotBox links it there
        shutil.rmtree(directory)


def whole_update(root: Path, trusted: Sequence[str]) -> StagedUpdate:
    """As `staged_update`. Raises UpdateError if nothing is staged too."""
    staged = staged_update(root, trusted)
    if staged is None:
        raise UpdateError("nothing is staged", hint="sudo qc-edge update stage")
    return staged


def _fetch(source: Source, file: UpdateFile, to: Path) -> None:
    digest, size = hashlib.sha256(), 0

    with source.open(file.name) as opened:

        def pieces() -> Iterator[bytes]:
            nonlocal size
            while piece := _read(opened, f"{file.name} from {source.where}"):
                size += len(piece)
                if size > file.size:
                    break
                digest.update(piece)
                yield piece

        write_synced(to, pieces())
    if size != file.size or digest.hexdigest() != file.sha256:
        raise UpdateError(
            f"{file.name} from {source.where} is not the one that was signed: "
            + (f"{size:,} bytes of {file.size:,}" if size != file.size else "other bytes"),
            hint="fetch it again: it is truncated or was altered",
        )


def _read(opened: IO[bytes], what: str) -> bytes:
    try:
        return opened.read(_PIECE)
    except (OSError, http.client.HTTPException) as fault:
        raise UpstreamError(
            f"{what} broke off: {fault}", hint="the network, the medium; then stage it again"
        ) from None


def _refuse_other(path: Path, file: UpdateFile) -> None:
    try:
        is_same = file_sha256(path) == file.sha256
    except OSError as fault:
        raise UpdateError(f"{path}: {fault.strerror}", hint="stage the update again") from None
    if not is_same:
        raise UpdateError(f"{path} was altered since it was staged", hint="stage the update again")
