"""`qc-edge line`: the verbs about outputs and the line at the other end."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.line import look, trial

HELP = "The line: what it is told, what it says, and a trial of the wire."

COMMANDS: dict[str, Callable[..., None]] = {
    "status": look.status_command,
    "watch": look.watch_command,
    "test": trial.test_command,
}
