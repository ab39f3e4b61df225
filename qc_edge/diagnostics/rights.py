"""Looks that this user may not take: they say nothing against the station, and what to do instead.

A station's user, and root in its place, may look at everything; what is denied to them is a fault.
"""

from __future__ import annotations

import os
import pwd
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from qc_edge.diagnostics.finding import Finding, Level, warning
from qc_edge.diagnostics.host import Host
from qc_edge.errors import RIGHTS_HINT, RightsError
from qc_edge.service.owner import acting_as_caller
from qc_edge.settings import StationPaths

_DENIED = ("Permission denied", "Operation not permitted", "not allowed")


def may_look(state: Path) -> bool:
    """True for root, for the owner of the station's `state`, and before that is made."""
    try:
        return os.geteuid() in {0, state.stat().st_uid}
    except OSError:
        return True


def denied_place(paths: StationPaths, host: Host) -> str | None:
    """The first place that this user may not read of those that a support bundle is made from.

    Asked beforehand: looking for files in a directory that may not be read finds none, in silence.
    """
    for directory in (paths.state, *paths.directories()):
        if directory.is_dir() and not _is_readable(directory):
            return str(directory)
    with acting_as_caller():
        places = ("var/log/journal", "run/log/journal")
        journals = [file for place in places for file in host.matching(f"{place}/*/system.journal")]
        if journals and not any(map(_is_readable, journals)):
            return "the system's journal"
    return None


def _is_readable(path: Path) -> bool:
    mode = os.R_OK | os.X_OK if path.is_dir() else os.R_OK
    return os.access(path, mode, effective_ids=True)


def partial_view(station: str, state: Path) -> list[Finding]:
    """The finding that this user does not see all of the station; none for root and its user."""
    if may_look(state):
        return []
    user = f"user {os.geteuid()}"
    with suppress(KeyError):
        user = pwd.getpwuid(os.geteuid()).pw_name
    denied = warning(f"{user} may not look at all of it", denied_hint(station))
    return [replace(denied, exit_code=RightsError.exit_code).located(station, "rights")]


def without_denied_looks(findings: Sequence[Finding]) -> list[Finding]:
    """The findings of a plain user: a denied look is a warning with the exit code of rights."""
    return [_as_denied(finding) if _is_denied(finding) else finding for finding in findings]


def denied_hint(station: str) -> str:
    """What to do where this user may not look."""
    return f"this user may not look: sudo qc-edge doctor {station}. {RIGHTS_HINT}"


def _is_denied(finding: Finding) -> bool:
    return finding.level is not Level.OK and (
        finding.exit_code == RightsError.exit_code
        or any(words in finding.message for words in _DENIED)
    )


def _as_denied(finding: Finding) -> Finding:
    return replace(
        finding,
        level=Level.WARNING,
        hint=denied_hint(finding.station),
        exit_code=RightsError.exit_code,
    )
