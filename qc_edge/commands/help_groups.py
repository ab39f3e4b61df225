"""How help shows the verbs: under which heading, in lines of the terminal's own width."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping

from qc_edge.commands import update

_VERBS = {
    "A station": "demo init check run status doctor support-bundle calibrate settings recipe line",
    "Parts, and what people say of them": "part review label labels dispute hold release",
    "Quality": "report spc challenge suspect msa due audit-pack verify sql export",
    "Models": "model engine threshold replay evaluate dataset train inspect prepare",
    "The box and the plant": "install uninstall update rollback provision flash "
    "factory-reset page user token retention sync restore fleet",
}
HEADINGS: Mapping[str, str] = {
    verb: heading for heading, verbs in _VERBS.items() for verb in verbs.split()
}
"""The heading of each verb of `qc-edge --help`."""

WITHOUT_ARGUMENTS = {"check", "demo", "factory-reset", "install", "rollback", "uninstall"} | {
    f"update {verb}" for verb in update.COMMANDS if verb != "sign"
}
"""Verbs that do something when they stand alone; the others show their help."""


def help_of(command: Callable[..., None]) -> tuple[str, str]:
    """What typer shows of a command: its docstring, and the first paragraph beside its name.

    Each paragraph is one line, for the terminal to break: typer keeps the line breaks of the
    source. Examples, which are indented, stay as they are.
    """
    text = re.sub(r"(?<=\S)\n(?=\S)", " ", inspect.getdoc(command) or "")
    return text, text.partition("\n\n")[0]
