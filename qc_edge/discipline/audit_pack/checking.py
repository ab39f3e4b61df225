"""Holds a pack against its manifest, and the manifest against its signature."""

from __future__ import annotations

import hashlib
import json
import zipfile
from pathlib import Path

from qc_edge.bundles.signing_key import is_signed_by
from qc_edge.discipline.audit_pack.making import DOMAIN, MANIFEST, SIGNATURE
from qc_edge.errors import AuditError, UsageError

_OUTSIDE = {MANIFEST, SIGNATURE}


def check_pack(file: Path, key: str) -> str:
    """Who signed it, in words; `key` is the public key that must have, "" for any.

    Raises UsageError for what is no pack, AuditError for one that is not what was made.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
        manifest = json.loads(content[MANIFEST])
        digests = dict(manifest["files"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as fault:
        raise UsageError(
            f"{file} is no pack for an audit: {fault}", hint="expected a file of audit-pack"
        ) from None
    wrong = [
        name
        for name, digest in digests.items()
        if name not in content or hashlib.sha256(content[name]).hexdigest() != digest
    ]
    wrong += sorted(content.keys() - digests.keys() - _OUTSIDE)
    if wrong:
        raise AuditError(
            f"{len(wrong)} files are not those that the pack was made of: {', '.join(wrong[:5])}",
            hint="it was altered or damaged: ask for it again",
        )
    if SIGNATURE not in content:
        if key:
            raise AuditError(f"{file} is not signed", hint="ask for a pack made with --key")
        return "whole, but NOT SIGNED"
    try:
        signature = json.loads(content[SIGNATURE])
        signer, signed = str(signature["key"]), str(signature["signature"])
    except (ValueError, KeyError, TypeError):
        signer = signed = ""
    if not is_signed_by(signer, signed, DOMAIN + content[MANIFEST]):
        raise AuditError(
            "the signature does not fit the manifest",
            hint="it was altered after it was signed: ask for it again",
        )
    if key and signer != key.split()[0]:
        raise AuditError(
            f"it is signed by {signer}, not by {key.split()[0]}",
            hint="compare the keys with whoever made it",
        )
    return f"whole, signed by {signer}"
