"""What an update says of itself: `update.json`, which names every file by size and digest, and its
signature `update.json.sig`, Ed25519 over its bytes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator

from qc_edge.bundles.signing_key import is_signed_by, public_text, read_private_key, sign
from qc_edge.errors import UpdateError, UsageError
from qc_edge.settings.section import Section, Text
from qc_edge.store.durable import write_file

MANIFEST, SIGNATURE = "update.json", "update.json.sig"
_DOMAIN = b"qc-edge update 1\n"
"""Signed before the manifest: a signature of a bundle is none of an update."""

_FILE = r"^[A-Za-z0-9][A-Za-z0-9._+~-]{0,200}$"


class UpdateFile(Section):
    """One file of an update."""

    name: str = Field(pattern=_FILE)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class UpdateManifest(Section):
    """What is signed: which software this is, for which boxes, and all its files."""

    format: Literal[1]
    kind: Literal["deb", "image", "disk"] = Field(
        description="A package, the pieces of an image, or a whole disk for qc-edge flash."
    )
    version: Text = Field(pattern=r"^[A-Za-z0-9.+~:-]{1,80}$")
    architecture: Literal["amd64", "arm64"]
    notes: str = ""
    files: tuple[UpdateFile, ...] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _names_differ(cls, files: tuple[UpdateFile, ...]) -> tuple[UpdateFile, ...]:
        if len({file.name for file in files}) < len(files):
            raise ValueError("a file is named twice")
        return files

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(file.size for file in self.files)


class _UpdateSignature(Section):
    format: Literal[1]
    key: str
    signature: str


def check_manifest(manifest: bytes, signature: bytes | None, trusted: Sequence[str]) -> str:
    """Who signed `manifest`, in words. Raises UpdateError if it is nobody of `trusted`, or if the
    signature is none of these bytes.
    """
    if signature is None:
        raise UpdateError(
            f"the update is not signed: there is no {SIGNATURE} beside {MANIFEST}",
            hint="whoever releases it signs it: qc-edge update sign DIR --key FILE",
        )
    try:
        read = _UpdateSignature.model_validate_json(signature)
    except ValidationError:
        raise UpdateError(
            f"{SIGNATURE} is no signature that this version knows", hint="fetch the update again"
        ) from None
    names = {key.split()[0]: key for key in trusted}
    if read.key not in names:
        raise UpdateError(
            f"the update is signed by {read.key}, whom this box does not trust",
            hint="compare the key with whoever releases updates; trusted_keys of [update]",
        )
    if not is_signed_by(read.key, read.signature, _DOMAIN + manifest):
        raise UpdateError(
            f"the signature does not fit {MANIFEST}: one of the two was altered",
            hint="fetch the update again; if it comes again, ask whoever released it",
        )
    return " ".join(names[read.key].split()[1:]) or read.key


def parse_manifest(manifest: bytes) -> UpdateManifest:
    """What a manifest says; its signature is checked before. Raises UpdateError."""
    try:
        return UpdateManifest.model_validate_json(manifest)
    except ValidationError as faults:
        raise UpdateError(
            f"{MANIFEST} is refused: {faults}", hint="a newer version of qc-edge may know its form"
        ) from None


def sign_update(directory: Path, key_file: Path, notes: str = "") -> UpdateManifest:
    """Write the manifest of the files in `directory` and its signature by the key in `key_file`.

    A package alone in it, qc-edge_VERSION_ARCH.deb, the three pieces of an image, or a whole disk
    alone, qc-edge_VERSION.raw.gz. Raises UsageError.
    """
    try:
        key = read_private_key(key_file.read_bytes())
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"cannot sign with {key_file}: {fault}", hint="make one: qc-edge model keygen FILE"
        ) from None
    files = sorted(path for path in directory.iterdir() if _is_piece(path))
    kind, version, architecture = _what_is_in(directory, files)
    manifest = UpdateManifest(
        format=1,
        kind=kind,
        version=version,
        architecture=architecture,
        notes=notes,
        files=tuple(
            UpdateFile(name=path.name, size=path.stat().st_size, sha256=file_sha256(path))
            for path in files
        ),
    )
    data = json.dumps(manifest.model_dump(mode="json"), indent=1).encode() + b"\n"
    signed = {"format": 1, "key": public_text(key), "signature": sign(key, _DOMAIN + data)}
    write_file(directory / MANIFEST, data)
    write_file(directory / SIGNATURE, json.dumps(signed, indent=1).encode() + b"\n")
    return manifest


def file_sha256(path: Path) -> str:
    """SHA-256 (hex) of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _is_piece(path: Path) -> bool:
    pieces = r"\.(root|verity)\.[0-9a-f-]+\.raw$|\.efi$|\.raw\.gz$"
    return path.suffix == ".deb" or bool(re.search(pieces, path.name))


def _what_is_in(
    directory: Path, files: Sequence[Path]
) -> tuple[Literal["deb", "image", "disk"], str, Literal["amd64", "arm64"]]:
    package = [re.fullmatch(r"qc-edge_(.+)_(amd64|arm64)\.deb", path.name) for path in files]
    if len(package) == 1 and package[0]:
        return "deb", package[0][1], "arm64" if package[0][2] == "arm64" else "amd64"
    disk = [re.fullmatch(r"qc-edge_(.+)\.raw\.gz", path.name) for path in files]
    if len(disk) == 1 and disk[0]:
        return "disk", disk[0][1], "amd64"
    kernels = [re.fullmatch(r"qc-edge_(.+)\.efi", path.name) for path in files]
    version = next((found[1] for found in kernels if found), None)
    if (
        version
        and len(files) == 3
        and all(path.name.startswith(f"qc-edge_{version}") for path in files)
    ):
        return "image", version, "amd64"
    raise UsageError(
        f"{directory} is no update: {', '.join(path.name for path in files) or 'no file of one'}",
        hint="expected one qc-edge_VERSION_ARCH.deb, the pieces of an image (root, verity, efi), "
        "or one qc-edge_VERSION.raw.gz",
    )
