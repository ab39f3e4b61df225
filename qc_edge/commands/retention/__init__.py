"""`qc-edge retention`: which pictures go by the rules of the settings, and their going."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.retention import plan, run

HELP = "Which pictures are deleted by the rules of the settings; rows never are."

COMMANDS: dict[str, Callable[..., None]] = {"plan": plan.command, "run": run.command}
