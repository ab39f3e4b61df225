"""An export from beginning to end: rows, pictures, the database over them, and then its name.

Everything is written into a hidden directory beside the place that was named, and moved there when
it is whole: a full disk, an interruption or an error leaves nothing half.
"""

from __future__ import annotations

import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.domain.inspection import COLUMNS
from qc_edge.errors import DiskFullError
from qc_edge.export import portable_database
from qc_edge.export.pictures import ExportedPicture, copy_pictures
from qc_edge.export.portable_database import ExportContent
from qc_edge.export.read_me import read_me
from qc_edge.export.request import PICTURE_FOLDERS, ExportRequest
from qc_edge.export.rows import row_file, unknown_parts, write_rows
from qc_edge.query.published_log import PublishedLog
from qc_edge.service.clock import utc_now
from qc_edge.service.synced_file import sync_file
from qc_edge.settings import StationPaths, load_settings
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk

STEPS = {"rows": "rows", "pictures": "pictures", "database": "database"}
"""The steps and what they are called."""

Progress = Callable[[str, int, int], None]
"""Called with a step, how much of it is done, and of how much."""


@dataclass(frozen=True, slots=True)
class ExportSummary:
    """What was exported: rows by table, pictures by how they compared with their rows (None: none
    were asked for), bytes, and parts that were asked for and have no inspection.
    """

    out: Path
    rows: dict[str, int]
    pictures: dict[str, int] | None
    size: int
    unknown_parts: tuple[str, ...]

    def to_json_values(self) -> dict[str, Any]:
        """The object that `--json` prints."""
        return {
            "out": self.out,
            "rows": self.rows,
            "pictures": self.pictures,
            "bytes": self.size,
            "unknown_parts": self.unknown_parts,
        }


def export_log(paths: StationPaths, request: ExportRequest, progress: Progress) -> ExportSummary:
    """Export what `request` asks for. Raises UsageError, StoreError or SettingsError; then nothing
    is left behind.
    """
    calendar = load_settings(paths.settings).station.calendar
    request.check(paths)
    with _work_directory(request.out) as work:
        content = work / "content"
        rows_at = work / "rows" if request.is_database else content
        for directory in {content, rows_at}:
            directory.mkdir()
        writable = [row_file(rows_at, table) for table in COLUMNS]
        with PublishedLog(paths.published, spill=work / "spill", writable=writable) as log:
            cursor = log.cursor()
            rows = write_rows(
                cursor, paths, request, rows_at, lambda done, total: progress("rows", done, total)
            )
            unknown = unknown_parts(cursor, request, rows_at)
            pictures = None
            if request.with_pictures:
                pictures = copy_pictures(
                    cursor,
                    row_file(rows_at, "inspections"),
                    paths.state,
                    content,
                    lambda done, total: progress("pictures", done, total),
                )
        progress("database", 0, 1)
        made = ExportContent(paths.name, utc_now(), request, pictures, calendar)
        if request.is_database:
            portable_database.build_with_rows(content / request.out.name, rows_at, made)
        else:
            portable_database.build_beside_rows(content, made)
            (content / "READ-ME.txt").write_text(read_me(made), encoding="utf-8")
        size = sum(path.stat().st_size for path in content.rglob("*") if path.is_file())
        progress("database", 1, 1)
        _move_into_place(content, request)
    return ExportSummary(request.out, rows, _counted(pictures), size, unknown)


@contextmanager
def _work_directory(out: Path) -> Iterator[Path]:
    """A hidden directory beside `out`, gone at the end; so are directories made for it that are
    empty then.
    """
    made = [folder for folder in out.parents if not folder.exists()]
    work = out.with_name(f".{out.name}.{secrets.token_hex(4)}.partial")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        work.mkdir()
        yield work
    except OSError as fault:
        raise store_error(fault, f"cannot write {out}") from fault
    except DiskFullError as fault:
        hint = f"free some room for {out.parent}, or name a place that has it"
        raise DiskFullError(fault.message, hint) from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)
        for folder in made:
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()


def _move_into_place(content: Path, request: ExportRequest) -> None:
    """Give the whole export its name, the database after its pictures, whose presence it tells."""
    disk = Disk()
    for file in content.rglob("*"):
        if file.is_file():
            sync_file(file)
    if not request.is_database:
        disk.sync_directory(content)
        os.rename(content, request.out)  # noqa: PTH104
    else:
        for folder in PICTURE_FOLDERS:
            if (content / folder).is_dir():
                os.rename(content / folder, request.out.with_name(folder))  # noqa: PTH104
        os.rename(content / request.out.name, request.out)  # noqa: PTH104
    disk.sync_directory(request.out.parent)


def _counted(pictures: list[ExportedPicture] | None) -> dict[str, int] | None:
    if pictures is None:
        return None
    return dict(Counter(str(picture.match) for picture in pictures))
