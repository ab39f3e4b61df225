"""Finds the file that a box is provisioned from: on a labelled stick, or in a directory as
cloud-init's NoCloud has it.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.errors import StoreError, UsageError

LABELS = ("QC-EDGE", "CIDATA", "cidata")
"""Of file systems: ours, and those of cloud-init's NoCloud."""

BY_LABEL = Path("/dev/disk/by-label")
FILE = "qc-edge.toml"
_USER_DATA = "user-data"
_FIRST_LINE = "#qc-edge"
"""Of a user-data that is ours: a comment in TOML, and of no form that cloud-init knows."""

_HINT = f"expected {FILE}, or a user-data whose first line is {_FIRST_LINE} (docs/integrator.md)"


def seeds_in(directory: Path) -> list[Path]:
    """All files in `directory` that are a seed."""
    found = [path for path in (directory / FILE,) if path.is_file()]
    user_data = directory / _USER_DATA
    if user_data.is_file() and user_data.read_bytes().startswith(_FIRST_LINE.encode()):
        found.append(user_data)
    return found


def seed_in(directory: Path) -> Path:
    """The one seed in `directory`. Raises UsageError if there is none, or more than one."""
    found = seeds_in(directory)
    if not found:
        raise UsageError(f"there is no seed in {directory}", hint=_HINT)
    if len(found) > 1:
        raise UsageError(
            f"there are two seeds in {directory}: {', '.join(path.name for path in found)}",
            hint="take one away: nothing is guessed",
        )
    return found[0]


def labelled_sticks(by_label: Path = BY_LABEL) -> list[Path]:
    """The media whose file system has one of LABELS."""
    return [by_label / label for label in LABELS if (by_label / label).exists()]


def media_called(label: str) -> set[str]:
    """The devices whose file system has this label: by-label leads to one of them alone."""
    command = ["lsblk", "--noheadings", "--raw", "--output", "PATH,LABEL"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:
        return set()
    lines = [line.split(" ", 1) for line in ran.stdout.splitlines()]
    return {line[0] for line in lines if line[1:] == [label]}


def the_stick(by_label: Path = BY_LABEL, media: Callable[[str], set[str]] = media_called) -> Path:
    """The one medium with a label of ours. Raises UsageError if there is none, or more than one."""
    sticks = labelled_sticks(by_label)
    if not sticks:
        raise UsageError(
            "no stick with a seed is plugged in",
            hint=f"its file system has the label {' or '.join(LABELS[:2])}: fatlabel, e2label; "
            "or name the file: qc-edge provision FILE",
        )
    if len(sticks) > 1:
        raise UsageError(
            f"two sticks have a seed: {', '.join(path.name for path in sticks)}",
            hint="unplug one of them: nothing is guessed",
        )
    if len(same := media(sticks[0].name)) > 1:
        raise UsageError(
            f"two media are called {sticks[0].name}: {', '.join(sorted(same))}",
            hint="unplug one of them: nothing is guessed",
        )
    return sticks[0]


@contextmanager
def mounted_stick(by_label: Path = BY_LABEL) -> Iterator[Path]:
    """Where the one stick is mounted for a while, read-only. Raises UsageError, StoreError."""
    stick = the_stick(by_label)
    with tempfile.TemporaryDirectory(prefix="qc-edge-stick-") as directory:
        mount = ["mount", "-o", "ro,nodev,nosuid,noexec", str(stick), directory]
        ran = subprocess.run(mount, capture_output=True, text=True, check=False)
        if ran.returncode:
            raise StoreError(
                f"cannot mount {stick}: {ran.stderr.strip()}", hint="run it with sudo; is it whole?"
            )
        try:
            yield Path(directory)
        finally:
            # Lazily: somebody may look into it just now, and it is read-only.
            subprocess.run(["umount", "--lazy", directory], check=False)
