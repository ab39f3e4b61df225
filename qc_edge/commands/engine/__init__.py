"""`qc-edge engine`: the verbs about inference engines, each a module of its own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.engine import build

HELP = "Inference engines: compile a model for a graphics processor before it gets to a station."

COMMANDS: dict[str, Callable[..., None]] = {"build": build.command}
