"""`qc-edge fleet`: what is done once for all stations of a plant, on any machine."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.fleet import compact, publish

HELP = "All stations of a plant, where their days come together: tables for its query engines."

COMMANDS: dict[str, Callable[..., None]] = {
    "compact": compact.command,
    "publish": publish.command,
}
