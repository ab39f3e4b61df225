"""Ed25519 keys: read from PEM, written as the settings take them, and held against signatures."""

from __future__ import annotations

import base64
from pathlib import Path

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)

from qc_edge.errors import UsageError
from qc_edge.settings.bundles import KEY_PREFIX


def read_private_key(pem: bytes) -> Ed25519PrivateKey:
    """The key in `pem`. Raises ValueError, in words, if it holds none without a password."""
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as fault:
        raise ValueError(f"is no private key in PEM without a password: {fault}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise ValueError("is no Ed25519 key")  # noqa: TRY004 - of the content, not of a type
    return key


def read_key_file(file: Path) -> Ed25519PrivateKey:
    """The key in a file. Raises UsageError."""
    hint = "make one: qc-edge model keygen FILE"
    try:
        return read_private_key(file.read_bytes())
    except OSError as fault:
        raise UsageError(f"cannot read the key {file}: {fault.strerror}", hint=hint) from None
    except ValueError as fault:
        raise UsageError(f"{file} {fault}", hint=hint) from None


def public_text(key: Ed25519PrivateKey) -> str:
    """The public half as `ed25519:` and base64."""
    raw = key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    return KEY_PREFIX + base64.b64encode(raw).decode()


def sign(key: Ed25519PrivateKey, data: bytes) -> str:
    """The signature over `data` (base64)."""
    return base64.b64encode(key.sign(data)).decode()


def is_signed_by(public: str, signature: str, data: bytes) -> bool:
    """True if `signature` (base64) over `data` was made by the key with that public half."""
    try:
        raw = base64.b64decode(public.removeprefix(KEY_PREFIX), validate=True)
        signed = base64.b64decode(signature, validate=True)
        Ed25519PublicKey.from_public_bytes(raw).verify(signed, data)
    except (ValueError, InvalidSignature):
        return False
    return True
