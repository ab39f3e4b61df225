"""Access to the box from outside: the kernel's files, other programs' answers. Changes nothing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.service.owner import acting_as_caller

_TIMEOUT_S = 10.0
"""A program that hangs, on a dead disk for example, must not hang the doctor."""


def _program_path() -> str:
    # smartctl and others are for root: a plain user's PATH lacks their directories.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True)
class Host:
    """The box, or in a test a directory and programs that stand for one.

    `base` is the directory that holds proc, sys, etc and usr; `path` is where programs are looked
    for, as in $PATH.
    """

    base: Path = Path("/")
    path: str = field(default_factory=_program_path)

    def read(self, file: str) -> str | None:
        """The text of `file` (relative to `base`), None if it is missing or may not be read."""
        try:
            return (self.base / file).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, file: str) -> int | None:
        """The whole number in `file` (relative to `base`), None if there is none."""
        text = self.read(file)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def matching(self, pattern: str) -> Iterator[Path]:
        """The files that match `pattern`, relative to `base`, in order."""
        yield from sorted(self.base.glob(pattern))

    def has(self, program: str) -> bool:
        """True if this program is installed."""
        return shutil.which(program, path=self.path) is not None

    def ask(self, *command: str, also: tuple[int, ...] = ()) -> str | None:
        """What a program prints on stdout; None if it is missing, hangs or fails.

        Exit code 0 is success, and so are those in `also`.
        """
        program = shutil.which(command[0], path=self.path)
        if program is None:
            return None
        try:
            with acting_as_caller():
                completed = subprocess.run(
                    [program, *command[1:]],
                    capture_output=True,
                    timeout=_TIMEOUT_S,
                    check=False,
                    stdin=subprocess.DEVNULL,
                    # C.UTF-8: the answers are parsed, so they must not be translated.
                    env={"PATH": self.path, "LC_ALL": "C.UTF-8"},
                )
        except (OSError, subprocess.TimeoutExpired):
            return None
        if completed.returncode not in {0, *also}:
            return None
        return completed.stdout.decode(errors="replace")
