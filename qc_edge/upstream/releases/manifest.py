"""The manifest of what is approved: numbered, signed, with every file by its digest.

`releases/00000007.json` upstream; the highest number counts, and holds everything: what an earlier
one had and this one has not is no longer offered.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Literal

from pydantic import AwareDatetime, Field, ValidationError, field_validator

from qc_edge.bundles.signing_key import is_signed_by, public_text, read_private_key, sign
from qc_edge.errors import AuditError, UsageError
from qc_edge.settings.section import Section, Text

FOLDER = "releases"
OBJECTS = "released"
_DOMAIN = b"qc-edge releases 1\n"
"""Signed before the manifest: a signature of a bundle or an update is none of this."""

Kind = Literal["bundle", "recipe", "calibration", "settings", "software"]
KINDS: tuple[Kind, ...] = ("bundle", "recipe", "calibration", "settings", "software")
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+~@-]{0,120}$"


class ReleasedFile(Section):
    """One file of a thing, by its path in it."""

    path: str = Field(max_length=400)
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")

    @field_validator("path")
    @classmethod
    def _stays_inside(cls, path: str) -> str:
        parts = PurePosixPath(path).parts
        if not parts or path.startswith("/") or any(part.startswith(".") for part in parts):
            raise ValueError(f"{path!r} leads out of its directory, or is hidden")
        return path


class ReleasedThing(Section):
    """A bundle, a recipe, a calibration, a layer of settings or an update of the software."""

    kind: Kind
    name: str = Field(pattern=_NAME)
    files: tuple[ReleasedFile, ...] = Field(min_length=1)
    stations: tuple[str, ...] = Field(default=(), description="For these alone; empty: for all.")


class Revocation(Section):
    """What must not be used any more, and why."""

    kind: Kind
    name: str = Field(pattern=_NAME)
    why: Text


class ReleaseManifest(Section):
    """What is signed."""

    format: Literal[1] = 1
    serial: int = Field(ge=1)
    made_at: AwareDatetime
    by: Text
    things: tuple[ReleasedThing, ...] = ()
    revoked: tuple[Revocation, ...] = ()
    expires_at: AwareDatetime | None = None

    def is_expired(self, now: datetime) -> bool:
        """True if whoever publishes has promised a newer one by `now`: it may be held back."""
        return self.expires_at is not None and now >= self.expires_at

    def revocation(self, kind: Kind, name: str) -> Revocation | None:
        """Why that must not be used; None if it may."""
        wanted = (kind, name)
        return next((each for each in self.revoked if (each.kind, each.name) == wanted), None)

    def for_station(self, station: str) -> list[ReleasedThing]:
        """What is offered to that station: nothing that is revoked."""
        return [
            thing
            for thing in self.things
            if (not thing.stations or station in thing.stations)
            and self.revocation(thing.kind, thing.name) is None
        ]


class _Signed(Section):
    format: Literal[1]
    key: str
    signature: str
    manifest: str


def manifest_name(serial: int) -> str:
    """Its name upstream."""
    return f"{FOLDER}/{serial:08d}.json"


def object_name(sha256: str) -> str:
    """The name upstream of a file."""
    return f"{OBJECTS}/{sha256[:2]}/{sha256}"


def sign_manifest(manifest: ReleaseManifest, key_file: Path) -> bytes:
    """The manifest and its signature, as they lie upstream. Raises UsageError."""
    try:
        key = read_private_key(key_file.read_bytes())
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"cannot sign with {key_file}: {fault}", hint="make one: qc-edge model keygen FILE"
        ) from None
    # Versions that know no date of expiry read what has none.
    text = manifest.model_dump_json(exclude_none=True)
    values = {
        "format": 1,
        "key": public_text(key),
        "signature": sign(key, _DOMAIN + text.encode()),
        "manifest": text,
    }
    return json.dumps(values, indent=1).encode() + b"\n"


def read_manifest(data: bytes, trusted_keys: Sequence[str], where: str) -> ReleaseManifest:
    """The manifest, whose signature is of one of these keys. Raises AuditError."""
    hint = "nothing of it was taken; ask whoever approves models, who publishes there?"
    try:
        signed = _Signed.model_validate_json(data)
        if signed.key not in {key.split()[0] for key in trusted_keys}:
            raise AuditError(
                f"{where} is signed by {signed.key}, which this station does not trust",
                hint="compare the key with whoever approves models, then add it to "
                "model.trusted_keys",
            )
        if not is_signed_by(signed.key, signed.signature, _DOMAIN + signed.manifest.encode()):
            raise AuditError(f"the signature of {where} does not fit it", hint)
        return ReleaseManifest.model_validate_json(signed.manifest)
    except ValidationError as faults:
        raise AuditError(
            f"{where} is no manifest that this version knows: {faults.errors()[0]['msg']}", hint
        ) from None
