"""Checks of the box's software: how the last update ended, and what its two slots hold."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from qc_edge.diagnostics.finding import Finding, ok, warning
from qc_edge.diagnostics.host import Host
from qc_edge.setup.update.boot_entries import boot_entries
from qc_edge.setup.update.box_state import read_applied
from qc_edge.setup.update.boxes import image_version


def check_last_update(root: Path) -> Iterator[Finding]:
    """Whether the last update is good, is still to prove itself, or was taken back."""
    applied = read_applied(root)
    if applied is None:
        yield ok("no update was applied yet")
        return
    words = f"{applied.before} to {applied.version}, {applied.at:%Y-%m-%d %H:%M} UTC"
    if applied.outcome == "fell_back":
        yield warning(
            f"the update from {words} was taken back: {applied.why}",
            "tell whoever released it; another one: sudo qc-edge update stage",
        )
    elif applied.outcome == "not_good":
        yield warning(
            f"the update from {words} is not good, and could not be taken back: {applied.why}",
            "tell whoever released it; another one: sudo qc-edge update stage",
        )
    elif applied.outcome == "trying":
        yield warning(
            f"the update from {words} has not proven itself yet",
            "a box with two slots: sudo systemctl reboot; else sudo qc-edge update apply, again",
        )
    else:
        yield ok(f"updated from {words}")


def check_slots(host: Host) -> Iterator[Finding]:
    """What the boot loader has to choose from; nothing on a box without the image."""
    running = image_version(host.base)
    if running is None:
        return
    entries = dict(_entries(host.ask("bootctl", "list", "--json=short") or "[]"))
    if not entries:
        yield warning(
            f"version {running} runs; the boot loader cannot be asked",
            "sudo qc-edge doctor; bootctl list",
        )
        return
    words = ", ".join(f"{version} {left}" for version, left in sorted(entries.items()))
    if any("failed" in left for left in entries.values()):
        yield warning(
            f"version {running} runs; slots: {words}",
            "qc-edge update status says why; the next update takes its place",
        )
    else:
        yield ok(f"version {running} runs; slots: {words}")


def _entries(listed: str) -> Iterator[tuple[str, str]]:
    """Version and state of each of our kernels, as its file's name tells it."""
    for entry in boot_entries(listed):
        if entry.tries_left is None:
            yield entry.version, "(good)"
        elif entry.tries_left == 0:
            yield entry.version, "(failed all its tries)"
        else:
            yield entry.version, f"({entry.tries_left} tries left)"
