"""What the boot loader of a box with two slots has to choose from: our kernels, and their tries."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import UpdateError

_KERNEL = re.compile(r"qc-edge_(?P<version>[^+]+?)(\+(?P<left>\d+)(-\d+)?)?\.efi")


@dataclass(frozen=True, slots=True)
class BootEntry:
    """A kernel of ours, as the boot loader has it; `tries_left` is None once it was good."""

    id: str
    version: str
    tries_left: int | None


def boot_entries(listed: str) -> list[BootEntry]:
    """Ours among those of `bootctl list --json=short`."""
    found = []
    for entry in json.loads(listed):
        # Its path has the tries; systemd takes them out of the id.
        name = Path(str(entry.get("path") or entry.get("id", ""))).name
        if kernel := _KERNEL.fullmatch(name):
            left = None if kernel["left"] is None else int(kernel["left"])
            found.append(BootEntry(str(entry.get("id", name)), kernel["version"], left))
    return found


def other_entry(listed: str, running: str) -> str:
    """The id of the other slot's kernel. Raises UpdateError if there is none that comes up."""
    others = [
        entry
        for entry in boot_entries(listed)
        if entry.version != running and entry.tries_left != 0
    ]
    if not others:
        raise UpdateError(
            "the other slot is empty, or did not come up: there is no version to go back to"
        )
    return others[0].id
