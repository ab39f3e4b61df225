"""`qc-edge dataset`: the verbs about datasets, in modules of their own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.dataset import check, export

HELP = "Datasets: what the station has seen and people have said of it, for the next model."

COMMANDS: dict[str, Callable[..., None]] = {
    "export": export.export_command,
    "check": check.check_command,
}
