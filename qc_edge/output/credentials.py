"""What outputs must keep secret: files that systemd hands to the station, never settings."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from qc_edge.errors import OutputError


def credential(output: str, what: str, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The content of the systemd credential OUTPUT.WHAT (plc.login); None if there is none.

    Raises OutputError if it cannot be read; its content is never told.
    """
    directory = environment.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / f"{output}.{what}" if directory else None
    if path is None or not path.exists():
        return None
    try:
        return path.read_bytes()
    except OSError as fault:
        raise OutputError(f"cannot read the credential {path}: {fault.strerror}") from None


def needed(output: str, what: str, why: str) -> bytes:
    """The same, where the output cannot do without it. Raises OutputError if there is none."""
    found = credential(output, what)
    if found is None or not found.strip():
        raise OutputError(
            f"{output}: there is no credential {output}.{what}: {why}",
            hint=f"systemctl edit qc-edge@STATION: [Service] "
            f"LoadCredential={output}.{what}:/etc/qc-edge/{output}.{what}; see docs/plc.md",
        )
    return found


def login(output: str, why: str) -> tuple[str, str]:
    """User and password, the two lines of the credential OUTPUT.login."""
    lines = needed(output, "login", why).decode("utf-8", "replace").splitlines()
    if len(lines) != 2 or not all(lines):
        raise OutputError(
            f"the credential {output}.login has {len(lines)} lines",
            hint="expected two: the user and the password",
        )
    return lines[0], lines[1]
