"""`qc-edge settings`: the settings of a station, and where each of them comes from."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.settings import show

HELP = "The settings in force: the station's own file over those that all stations share."

COMMANDS: dict[str, Callable[..., None]] = {"show": show.show_command}
