"""Credentials for upstream: from systemd or from the environment, never from the settings."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from qc_edge.errors import SettingsError

CREDENTIAL = "upstream"
"""Name of the systemd credential: lines NAME=VALUE, named as in the environment."""

KEY_CREDENTIAL = "upstream-key"
"""Name of the systemd credential that is a private key for an SFTP server, as ssh-keygen makes it.
"""

_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_PREFIXES = ("aws_", "google_", "azure_", "sftp_")
_PLAIN = re.compile("region|endpoint|bucket|container|profile|checksum|conditional|allow|key_file")
"""In names of options whose values may be told."""

_SHORTEST = 6


def store_options(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What the systemd credential says of upstream, by name: aws_access_key_id, sftp_password, ...

    Empty if there is none: obstore and deltalake read the environment's own variables themselves,
    and what is given here goes before those. Raises SettingsError if it cannot be read; its lines
    are never told.
    """
    options: dict[str, str] = {}
    directory = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / CREDENTIAL if directory else None
    if path is None or not path.exists():
        return options
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(
            f"cannot read the credential {path}: {fault}", hint="expected lines NAME=VALUE"
        ) from None
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None or not found[1].lower().startswith(_PREFIXES):
            raise SettingsError(
                f"line {number} of the credential {CREDENTIAL} is none of upstream",
                hint="expected lines such as AWS_ACCESS_KEY_ID=..., AWS_SECRET_ACCESS_KEY=... or "
                "SFTP_PASSWORD=...",
            )
        options[found[1].lower()] = found[2].strip("\"'")
    return options


def ssh_login(
    options: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> tuple[Path | None, str | None]:
    """The file of the private key and the password for an SFTP server, each None if there is none.

    The key is the systemd credential `upstream-key` or the file that SFTP_KEY_FILE names.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    key = Path(directory) / KEY_CREDENTIAL if directory else None
    if key is None or not key.exists():
        named = options.get("sftp_key_file") or environment.get("SFTP_KEY_FILE")
        key = Path(named) if named else None
    return key, options.get("sftp_password") or environment.get("SFTP_PASSWORD")


def hide(
    words: str, options: Mapping[str, str], environment: Mapping[str, str] = os.environ
) -> str:
    """`words` without the credentials among `options` and in the environment: servers and libraries
    put them into what they say.
    """
    given = {name.lower(): value for name, value in environment.items()} | dict(options)
    secrets = {
        value
        for name, value in given.items()
        if name.startswith(_PREFIXES) and not _PLAIN.search(name) and len(value) >= _SHORTEST
    }
    # The longest first: one may be a part of another. Libraries print texts with their escapes.
    for secret in sorted(secrets, key=len, reverse=True):
        for shown in (secret, json.dumps(secret)[1:-1]):
            words = words.replace(shown, "…")
    return words
