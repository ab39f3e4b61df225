"""`qc-edge update`: new software for the box, checked, beside what runs, and taken back if bad."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.update import change, look, release

HELP = "New software for this box: signed, staged beside the line, proven, or taken back."

COMMANDS: dict[str, Callable[..., None]] = {
    "check": look.check_command,
    "stage": change.stage_command,
    "apply": change.apply_command,
    "rollback": change.rollback_command,
    "status": look.status_command,
    "sign": release.sign_command,
}
