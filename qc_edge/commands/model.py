"""`qc-edge model`: the verbs about model bundles, each a module of its own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands import model_compare

HELP = "Model bundles: compare two of them before one takes the other's place."

COMMANDS: dict[str, Callable[..., None]] = {
    "compare": model_compare.command,
}
