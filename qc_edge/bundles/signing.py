"""Signatures of bundles: Ed25519 over the manifest, which has the digest of every other file.

Makes keys, signs, and checks whether the station trusts a signature; never looks at the model.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import MANIFEST, SIGNATURE
from qc_edge.bundles.signing_key import is_signed_by, public_text, read_key_file, sign
from qc_edge.errors import ModelError, UsageError
from qc_edge.settings.bundles import ModelSettings

_DOMAIN = b"qc-edge model bundle 1\n"
"""Signed before the manifest, so that a signature made for anything else is none for a bundle."""


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: int = Field(ge=1, le=1)
    key: str
    signature: str


def make_key(file: Path) -> str:
    """A new private key in `file` (PEM, mode 0600); the public key as the settings take it.

    Raises UsageError if the file exists or cannot be written.
    """
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    try:
        # Created with its mode: never readable by others, and never over another key.
        with os.fdopen(
            os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb"
        ) as out:
            out.write(pem)
    except FileExistsError:
        raise UsageError(
            f"{file} exists already", hint="a key is never overwritten; name another file"
        ) from None
    except OSError as fault:
        raise UsageError(
            f"cannot write {file}: {fault.strerror}", hint="name a file in a directory of yours"
        ) from None
    return public_text(key)


def sign_manifest(bundle: Bundle, key_file: Path) -> tuple[str, bytes]:
    """The public key, and the signature by the private key in `key_file` as SIGNATURE holds it.

    Raises UsageError if the file holds no such key.
    """
    key = read_key_file(key_file)
    signed = sign(key, _DOMAIN + _manifest(bundle))
    public = public_text(key)
    text = json.dumps({"format": 1, "key": public, "signature": signed}, indent=1) + "\n"
    return public, text.encode()


def check_signature(bundle: Bundle, settings: ModelSettings) -> str:
    """Who signed the bundle, in words, after the signature has been held against the manifest.

    Raises ModelError if there is a signature that does not fit the manifest, and, where the
    settings demand one, if there is none or it is of a key that they do not trust.
    """
    signature = _read(bundle.directory / SIGNATURE)
    if signature is None:
        if settings.require_signature:
            raise ModelError(
                f"{bundle.directory} is not signed, and this station takes signed bundles only",
                hint="have it signed by whoever approves models: qc-edge model sign DIR --key FILE",
            )
        return "not signed"
    if not is_signed_by(signature.key, signature.signature, _DOMAIN + _manifest(bundle)):
        raise ModelError(
            f"the signature of {bundle.reference} does not fit its manifest: "
            f"{bundle.directory / MANIFEST} "
            "was altered after it was signed, or signed with another key than it names",
            hint="install the bundle again as it was delivered, or have it signed again",
        )
    names = {key.split()[0]: key for key in settings.trusted_keys}
    if signature.key in names:
        return f"signed by {' '.join(names[signature.key].split()[1:]) or signature.key}"
    if settings.require_signature:
        raise ModelError(
            f"{bundle.reference} is signed by {signature.key}, which this station does not trust",
            hint="compare the key with whoever approves models, then add it to model.trusted_keys",
        )
    return f"signed by a key that is not in model.trusted_keys: {signature.key}"


def _read(path: Path) -> _Signature | None:
    try:
        return _Signature.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as fault:
        raise ModelError(
            f"{path} is no signature that this version knows: {fault}",
            hint="install the bundle again as it was delivered, or have it signed again",
        ) from None


def _manifest(bundle: Bundle) -> bytes:
    return (bundle.directory / MANIFEST).read_bytes()
