"""What goes into an export and where it goes, checked before any work is done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from qc_edge.errors import UsageError
from qc_edge.settings import StationPaths

PICTURE_FOLDERS = ("evidence", "quarantine")
"""Where rows say that pictures are, from the station's state directory; the same in an export."""

DATABASE = ".duckdb"


@dataclass(frozen=True, slots=True)
class ExportRequest:
    """Which inspections, recorded from `since` up to but without `until` (aware UTC), of these
    lots, of these parts (None: of all).

    `out` (absolute) is one database file if its name ends in .duckdb, else a directory.
    """

    out: Path
    since: datetime | None = None
    until: datetime | None = None
    lots: tuple[str, ...] = ()
    parts: tuple[str, ...] | None = None
    with_pictures: bool = False

    @property
    def is_database(self) -> bool:
        """One .duckdb file, not a directory of Parquet files."""
        return self.out.suffix.lower() == DATABASE

    @property
    def is_of_some_parts(self) -> bool:
        """Some parts of the time in question are left out, so that no count can close."""
        return bool(self.lots) or self.parts is not None

    @property
    def names(self) -> list[Path]:
        """What appears when the export is done."""
        if not self.is_database:
            return [self.out]
        folders = PICTURE_FOLDERS if self.with_pictures else ()
        return [*(self.out.with_name(folder) for folder in folders), self.out]

    def check(self, paths: StationPaths) -> None:
        """Raise UsageError where nothing would be found, or something would be overwritten."""
        if self.since and self.until and self.since >= self.until:
            raise UsageError(
                "--since is not before --until: no time is between them",
                hint="--since is the beginning, --until the end, which does not belong to it",
            )
        for name in self.names:
            if name.exists() or name.is_symlink():
                raise UsageError(
                    f"{name} is there already, and an export overwrites nothing",
                    hint=f"name another, or a new directory: {self.out.stem}/{self.out.name}",
                )
        if paths.state in self.out.parents:
            raise UsageError(
                f"{self.out} lies among the station's own files",
                hint="name a place outside, such as a directory of yours",
            )


def read_part_ids(file: Path) -> tuple[str, ...]:
    """The part ids in a text file, one a line, each once. Raises UsageError if there are none."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as fault:
        reason = fault.strerror if isinstance(fault, OSError) else "it is no text in UTF-8"
        raise UsageError(
            f"--parts {file} cannot be read: {reason}", hint="a text file, one part id a line"
        ) from None
    ids = tuple(dict.fromkeys(line.strip() for line in text.splitlines() if line.strip()))
    if not ids:
        raise UsageError(f"--parts {file} names no part", hint="one part id a line")
    return ids
