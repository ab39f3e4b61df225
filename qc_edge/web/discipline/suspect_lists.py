"""The lists of suspect parts that were made at the page: a folder each among the page's own files,
the newest few of them.
"""

from __future__ import annotations

import json
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.discipline.suspect.quarantine import Quarantined
from qc_edge.errors import UsageError
from qc_edge.recipe.attribution import Attribution
from qc_edge.service.clock import utc_now
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

NAMES = "suspect"
"""The folder's name among the page's files."""

_KEPT, _BYTES_MAX = 10, 512 << 20
"""Lists that are kept, and bytes of all of them; the newest one always. What they list can be
found again: only the hold is a record.
"""

_NAME = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{8}")
_FOUND = "found.json"


@dataclass(frozen=True, slots=True)
class SuspectLists:
    """The lists in `directory`."""

    directory: Path

    def new(self) -> Path:
        """Where the next one goes; it counts once it is kept."""
        return self.directory / f"{utc_now():%Y%m%dT%H%M%SZ}-{secrets.token_hex(4)}"

    def keep(self, found: Quarantined, by: Attribution) -> str:
        """Write down what was found beside the list; its name. Raises StoreError."""
        folder = found.csv.parent
        values = {
            "made_by": by.by,
            "why": by.reason,
            "since": found.window.since.isoformat(),
            "until": found.window.until.isoformat(),
            "recipe": found.window.recipe,
            "words": found.window.words,
            "parts": found.figures.parts,
            "frames": found.figures.frames,
            "told": found.figures.told,
            "lots": dict([*found.figures.lots.items()][:50]),
            "hold": found.hold_id,
            "has_pdf": found.pdf is not None,
            "why_no_pdf": found.why_no_pdf,
            "missing_newest": found.missing_newest,
        }
        make_directories([folder])
        write_file(folder / _FOUND, json.dumps(values, ensure_ascii=False).encode())
        return folder.name

    def all(self) -> list[dict[str, Any]]:
        """What was found, the newest first; a list that does not read is left out."""
        found = []
        for folder in self._folders():
            with suppress(UsageError):
                found.append(self.load(folder.name))
        return found

    def load(self, name: str) -> dict[str, Any]:
        """What was found. Raises UsageError if there is no such list."""
        try:
            values: dict[str, Any] = json.loads(self.file(name, _FOUND).read_bytes())
        except (OSError, ValueError):
            raise _gone() from None
        return values | {"name": name}

    def file(self, name: str, file: str) -> Path:
        """A file of a list. Raises UsageError if it is not there."""
        path = self.directory / name / file
        if not _NAME.fullmatch(name) or not path.is_file():
            raise _gone()
        return path

    def tidy(self) -> None:
        """Remove the oldest beyond what is kept, and what was never finished; never raises."""
        total, kept = 0, 0
        for folder in self._folders():
            is_whole = False
            with suppress(OSError):
                total += sum(path.stat().st_size for path in folder.iterdir() if path.is_file())
                is_whole = (folder / _FOUND).exists()
            if is_whole and (kept == 0 or (kept < _KEPT and total <= _BYTES_MAX)):
                kept += 1
            else:
                shutil.rmtree(folder, ignore_errors=True)

    def _folders(self) -> Iterator[Path]:
        """The newest first."""
        with suppress(OSError):
            folders = [path for path in self.directory.iterdir() if _NAME.fullmatch(path.name)]
            yield from sorted(folders, key=lambda path: path.name, reverse=True)


def _gone() -> UsageError:
    return UsageError("there is no such list any more", hint="the newest ones are kept: list anew")
