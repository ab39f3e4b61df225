"""The box as the doctor sees it: the kernel's files, and what other programs say. Changes
nothing.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

_PATIENCE_S = 10.0


def _path() -> str:
    # smartctl and others are for root: a plain user's PATH lacks their place.
    return os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


@dataclass(frozen=True, slots=True)
class Host:
    """`base` is where /proc, /sys, /etc and /usr are; `path` is where programs are looked for."""

    base: Path = Path("/")
    path: str = field(default_factory=_path)

    def read(self, file: str) -> str | None:
        """The text of the file `file` (relative to `base`), None if it is not there or may not be
        read.
        """
        try:
            return (self.base / file).read_text(encoding="utf-8", errors="replace").strip()
        except OSError:
            return None

    def number(self, file: str) -> int | None:
        """The whole number in `file`, None without one."""
        text = self.read(file)
        try:
            return None if text is None else int(text)
        except ValueError:
            return None

    def matching(self, pattern: str) -> Iterator[Path]:
        """The files that match `pattern`, relative to `base`, in order."""
        yield from sorted(self.base.glob(pattern))

    def has(self, program: str) -> bool:
        """True if there is such a program."""
        return shutil.which(program, path=self.path) is not None

    def ask(self, *command: str, also: tuple[int, ...] = ()) -> str | None:
        """What the program says on stdout; None if it is missing, hangs, or fails (0 and `also` are
        fine).
        """
        program = shutil.which(command[0], path=self.path)
        if program is None:
            return None
        try:
            done = subprocess.run(
                [program, *command[1:]],
                capture_output=True,
                timeout=_PATIENCE_S,
                check=False,
                stdin=subprocess.DEVNULL,
                env={"PATH": self.path, "LC_ALL": "C.UTF-8"},
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        return done.stdout.decode(errors="replace") if done.returncode in {0, *also} else None
