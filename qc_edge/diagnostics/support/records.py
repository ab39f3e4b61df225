"""A station's records and the list of its files, for the support bundle, whatever they are called.

What is no plain text, or cannot be read, is told in its place and hides nothing else.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.printable import printable
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped
from qc_edge.store.safe_read import open_for_reading

_LISTED_FILES = 200
_LONGEST = 16_000_000
"""Bytes of a record: the longest has a small picture in it."""

_FRAMING_PICTURE = re.compile(r'^(\s*png\s*=\s*)(".*"|\'.*\')', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class SupportFile:
    """A text of the archive: its name there, what it is in words, and its content."""

    name: str
    description: str
    text: str


def record_files(paths: StationPaths) -> Iterator[SupportFile]:
    """The station's records: calibrations, thresholds, activations, acceptances, bundles."""
    for file in sorted(paths.calibration.glob("*/*.toml")):
        # No image leaves the station unless it was asked for.
        text = _FRAMING_PICTURE.sub(r'\1"(a picture of a part: removed)"', plain_text(file))
        yield SupportFile(
            f"calibration/{file.parent.name}/{file.name}",
            "a calibration, without its picture",
            text,
        )
    for file in sorted(paths.thresholds.glob("*.toml")):
        yield SupportFile(f"thresholds/{file.name}", "a threshold record", plain_text(file))
    for file in sorted([*paths.activations.glob("*.*"), *paths.acceptances.glob("*.toml")]):
        is_activation = file.parent == paths.activations
        description = "who put which model in force" if is_activation else "scores accepted"
        yield SupportFile(f"{file.parent.name}/{file.name}", description, plain_text(file))
    for place in (paths.models, shipped("models")):
        for file in sorted(place.glob("*/*/bundle.toml")):
            name = f"models/{file.parent.parent.name}-{file.parent.name}.toml"
            yield SupportFile(name, f"the manifest {file}", plain_text(file))


def listing(paths: StationPaths) -> str:
    """Names and sizes of the files that wait, were set aside or make up the log."""
    lines = []
    for directory in (
        paths.frames,
        paths.incoming,
        paths.quarantine,
        paths.set_aside,
        paths.journal,
    ):
        files = sorted(directory.glob("*")) if directory.is_dir() else []
        lines.append(f"{directory}: {len(files)} entries")
        lines += [f"  {_size(file):>12,} {printable(file.name)}" for file in files[-_LISTED_FILES:]]
    for file in (paths.database, Path(f"{paths.database}.wal"), paths.qa):
        if file.exists():
            lines.append(f"{file}: {file.stat().st_size:,} bytes")
    # Evidence is a directory for each day, with far too many files to list.
    days = (
        sorted(printable(day.name) for day in paths.evidence.glob("*"))
        if paths.evidence.is_dir()
        else []
    )
    lines.append(f"{paths.evidence}: {len(days)} days, {' to '.join([*days[:1], *days[-1:]])}")
    return "\n".join(lines) + "\n"


def plain_text(file: Path) -> str:
    """The text of `file`, or in brackets why there is none. Raises PermissionError.

    Bytes that are no UTF-8 are written in hexadecimal.
    """
    try:
        opened = open_for_reading(file)
        try:
            if not stat.S_ISREG(os.fstat(opened).st_mode):
                return "(not read: it is no plain file)\n"
            data = os.read(opened, _LONGEST)
        finally:
            os.close(opened)
    except PermissionError:
        raise
    except OSError as fault:
        return f"(not read: {fault.strerror})\n"
    return data.decode("utf-8", "backslashreplace")


def _size(file: Path) -> int:
    try:
        return file.lstat().st_size
    except OSError:  # gone meanwhile
        return 0
