"""Holds a pack against its manifest, and the manifest against its signature."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections import Counter
from pathlib import Path

from qc_edge.bundles.signing_key import is_signed_by
from qc_edge.discipline.audit_pack.making import DOMAIN, MANIFEST, SIGNATURE
from qc_edge.errors import AuditError, UsageError

_OUTSIDE = {MANIFEST, SIGNATURE}
_NO_PACK = "expected a file of audit-pack"
_ALTERED = "it was altered or damaged: ask for it again"
_END = 22
"""Bytes of the last record of an archive without a comment."""

_TORN = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError, RuntimeError)
"""What the archive module raises on content that it cannot unpack."""


def check_pack(file: Path, key: str) -> str:
    """Who signed it, in words; `key` is the public key that must have, "" for any.

    Raises UsageError for what is no pack, AuditError for one that is not what was made.
    """
    content = _content(file)
    try:
        digests = dict(json.loads(content[MANIFEST])["files"])
    except (ValueError, KeyError, TypeError) as fault:
        raise UsageError(f"{file} is no pack for an audit: {fault!r}", hint=_NO_PACK) from None
    wrong = [
        name
        for name, digest in digests.items()
        if name not in content or hashlib.sha256(content[name]).hexdigest() != digest
    ]
    wrong += sorted(content.keys() - digests.keys() - _OUTSIDE)
    if wrong:
        raise AuditError(
            f"{len(wrong)} files are not those that the pack was made of: {', '.join(wrong[:5])}",
            hint=_ALTERED,
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


def _content(file: Path) -> dict[str, bytes]:
    """Every file of the archive, by name, where there is one archive and one file of each name:
    programs that unpack do not agree which of two they take.
    """
    try:
        data = file.read_bytes()
        archive = zipfile.ZipFile(io.BytesIO(data))
    except OSError as fault:
        raise UsageError(f"cannot read {file}: {fault.strerror}", hint=_NO_PACK) from None
    except _TORN as fault:
        raise UsageError(f"{file} is no pack for an audit: {fault}", hint=_NO_PACK) from None
    entries = archive.infolist()
    names = Counter(each.filename for each in entries)
    if twice := [name for name, times in names.items() if times > 1]:
        raise AuditError(f"{file} has two files {twice[0]}", hint=_ALTERED)
    begins = min((each.header_offset for each in entries), default=0)
    if begins or data[-_END:][:4] != b"PK\x05\x06":
        raise AuditError(f"{file} has more in it than its files", hint=_ALTERED)
    try:
        return {each.filename: archive.read(each) for each in entries}
    except (OSError, *_TORN) as fault:  # OSError: of bzip2
        raise AuditError(f"{file} does not unpack: {fault}", hint=_ALTERED) from None
