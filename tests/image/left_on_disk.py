"""What a box's disk holds, looked at from here: a copy of its data partition, mounted."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.quality.tools import REPOSITORY

_SECTOR = 512
_STATE = "var/lib/qc-edge/line1"


@dataclass
class Left:
    """What was found: rows of inspections, verify's findings, and what must not be."""

    rows: int = 0
    held_as_recovered: int = 0
    findings: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def partitions(disk: Path) -> dict[str, tuple[int, int]]:
    """Where each partition of a disk begins and how large it is, in bytes, by its name in the GPT
    (UEFI specification, 5.3).
    """
    with disk.open("rb") as file:
        file.seek(_SECTOR)
        header = file.read(92)
        assert header[:8] == b"EFI PART", f"{disk} has no GPT"
        at, count, length = struct.unpack_from("<QII", header, 72)
        file.seek(at * _SECTOR)
        entries = [file.read(length) for _ in range(count)]
    found = {}
    for entry in entries:
        first, last = struct.unpack_from("<QQ", entry, 32)
        if name := entry[56:128].decode("utf-16-le").rstrip("\0"):
            found[name] = first * _SECTOR, (last - first + 1) * _SECTOR
    return found


@contextmanager
def mounted_copy(disk: Path, work: Path) -> Iterator[Path]:
    """A root directory with the box's /var and /etc/qc-edge, of a copy: the disk stays as it is."""
    at, size = partitions(disk)["qc-data"]
    root, copy = work / "left", work / "left.raw"
    shutil.rmtree(root, ignore_errors=True)
    (root / "var").mkdir(parents=True)
    (root / "run").mkdir()
    with disk.open("rb") as source, copy.open("wb") as target:
        target.truncate(size)
        end = at + size
        while at < end:
            try:
                at = os.lseek(source.fileno(), at, os.SEEK_DATA)
            except OSError:
                break
            hole = min(os.lseek(source.fileno(), at, os.SEEK_HOLE), end)
            while at < hole:
                piece = os.pread(source.fileno(), min(1 << 22, hole - at), at)
                os.pwrite(target.fileno(), piece, at - end + size)
                at += len(piece)
    subprocess.run(["mount", "-o", "loop", copy, root / "var"], check=True)
    try:
        etc = root / "var/lib/qc-edge-box/etc/qc-edge"
        if etc.is_dir():
            shutil.copytree(etc, root / "etc/qc-edge", symlinks=True)
        yield root
    finally:
        subprocess.run(["umount", root / "var"], check=True)
        copy.unlink()


def look(disk: Path, work: Path, told: Mapping[str, tuple[str, str]]) -> Left:
    """Has every part that was told one row that says the same? What does verify find?"""
    left = Left()
    with mounted_copy(disk, work) as root:
        if not (root / "etc/qc-edge/line1.toml").exists():
            if told:
                left.faults.append("told parts, and the station is gone")
            return left
        ran = subprocess.run(
            [sys.executable, "-m", "qc_edge", "verify", "line1", "--root", root, "--json"],
            capture_output=True,
            text=True,
            cwd=REPOSITORY,
            env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
            check=False,
        )
        try:
            found = json.loads(ran.stdout).get("findings", [])
        except ValueError:
            left.faults.append(f"verify: {ran.stdout[-300:]} {ran.stderr[-300:]}")
            return left
        left.findings = [str(each.get("kind")) for each in found]
        left.faults += [
            f"verify: {json.dumps(each)[:300]}"
            for each in found
            if each.get("severity") != "note" and each.get("kind") != "journal_torn"
        ]
        if ran.returncode and not found:
            left.faults.append(f"verify ended with {ran.returncode}: {ran.stdout[-300:]}")
        # Behind verify: DuckDB takes up its own log when it opens.
        rows = _inspections(root / _STATE)
        left.rows = len(rows)
        left.held_as_recovered = sum(row.get("hold_reason") == "recovered" for row in rows)
        by_part = Counter(row["part_id"] for row in rows)
        said = {row["part_id"]: (row["verdict"], row["disposition"]) for row in rows}
        for part, words in told.items():
            if by_part[part] != 1:
                left.faults.append(f"{part}, told {words}, has {by_part[part]} rows")
            elif said[part] != words:
                left.faults.append(f"{part}, told {words}, is {said[part]} on record")
    return left


def _inspections(state: Path) -> list[dict[str, Any]]:
    """The rows of the journal, and of the database those that are not in it any more."""
    import duckdb

    rows: dict[str, dict[str, Any]] = {}
    database = state / "traceability.duckdb"
    if database.exists():
        with duckdb.connect(str(database)) as opened:
            asked = opened.execute(
                "SELECT part_id, frame_id, verdict, disposition, hold_reason FROM inspections"
            )
            names = [each[0] for each in asked.description]
            for values in asked.fetchall():
                row = dict(zip(names, values, strict=True))
                rows[row["frame_id"]] = row
    for path in sorted((state / "journal").glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n"):
            try:
                row = json.loads(line.decode().split("\t", 2)[2])
            except (ValueError, IndexError):
                continue
            if row["table"] == "inspections":
                rows[row["frame_id"]] = row
    return list(rows.values())
