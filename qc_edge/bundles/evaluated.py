"""The record that a bundle was evaluated on what it had not seen: beside its manifest, as a
signature is, and signed likewise.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import EVALUATION
from qc_edge.bundles.signing_key import is_signed_by, public_text, read_key_file, sign
from qc_edge.errors import ModelError
from qc_edge.settings.bundles import ModelSettings

_DOMAIN = b"qc-edge model evaluation 1\n"
_HINT = "qc-edge evaluate BUNDLE DATASET --json > report.json, then qc-edge model approve"

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class Evaluated(BaseModel):
    """What was found of `bundle` (its manifest's digest), by whom it was approved for that."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: int = Field(ge=1, le=1)
    bundle: Sha256
    report_sha256: Sha256
    dataset: str
    dataset_sha256: Sha256
    split: str
    good: int = Field(ge=1)
    bad: int = Field(ge=1)
    auc: float = Field(ge=0, le=1)
    threshold: float = Field(ge=0, le=1)
    escapes: int = Field(ge=0)
    overkill: int = Field(ge=0)
    by: str = Field(min_length=1)
    at: str

    def encoded(self) -> bytes:
        """The same bytes each time: what is signed."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":")).encode()


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    evaluated: Evaluated
    key: str | None = None
    signature: str | None = None


def evaluation_file(evaluated: Evaluated, key_file: Path | None) -> bytes:
    """The record as a file, signed if there is a key. Raises UsageError."""
    file = _File(evaluated=evaluated)
    if key_file is not None:
        key = read_key_file(key_file)
        file.key, file.signature = public_text(key), sign(key, _DOMAIN + evaluated.encoded())
    return json.dumps(file.model_dump(), indent=1).encode() + b"\n"


def check_evaluation(bundle: Bundle, settings: ModelSettings) -> None:
    """Raises ModelError if the settings demand a record and there is none of this very bundle; and
    if they demand signatures, none of a key that they trust.
    """
    if not settings.require_evaluation:
        return
    path = bundle.directory / EVALUATION
    try:
        file = _File.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise ModelError(
            f"{bundle.reference} was not evaluated on parts that it has not seen, and this station "
            "takes no other",
            _HINT,
        ) from None
    except (OSError, ValidationError) as fault:
        raise ModelError(f"{path} does not read: {fault}", _HINT) from None
    if file.evaluated.bundle != bundle.digest:
        raise ModelError(f"{path} is of another bundle than {bundle.reference}", _HINT)
    if not settings.require_signature:
        return
    trusted = {key.split()[0] for key in settings.trusted_keys}
    signed = file.key in trusted and is_signed_by(
        file.key or "", file.signature or "", _DOMAIN + file.evaluated.encoded()
    )
    if not signed:
        raise ModelError(
            f"{path} is not signed with a key that this station trusts", f"{_HINT} --key FILE"
        )
