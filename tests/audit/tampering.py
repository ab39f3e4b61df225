"""Any one file or row of a station altered by chance, and what of that `verify` need not name."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import cv2
import duckdb
import numpy as np

from qc_edge.domain.inspection import COLUMNS
from qc_edge.settings import StationPaths

NOT_NAMED = (
    "qa.duckdb",
    "READ-ME-traceability.txt",
    "frame-clock",
    "taken-frames",
    "in-hand.json",
    "scores-moved.json",
    "webhook-*.json",
    "*.lock",
    "plans/*",
    "emulated/*",
    "set-aside/*",
    "labels/*",
    "review/*",
    "spool/*",
    "quarantine/*",
    "activations/*.json",
)
"""Patterns of files, below the state directory, that may be altered unseen. docs/qa.md has each of
them with its reason; a test holds the two against each other.
"""


@dataclass(frozen=True)
class Tampering:
    """What was done to which file. `words` any of which a finding must have to name it."""

    deed: str
    path: str
    words: tuple[str, ...]
    is_harmless: Callable[[], bool]

    def __str__(self) -> str:
        return f"{self.deed} {self.path}"


def tamper(paths: StationPaths, chance: random.Random) -> Tampering:
    """Do one thing to one file or one row under the state directory, as `chance` has it."""
    deeds = [_edit_bytes, _truncate, _delete, _swap, _change_rows, _change_line]
    while True:
        deed = chance.choice(deeds)
        if (done := deed(paths, chance)) is not None:
            return done


def _files(paths: StationPaths) -> list[Path]:
    return sorted(path for path in paths.state.rglob("*") if path.is_file())


def _about(paths: StationPaths, path: Path) -> tuple[str, ...]:
    """How a finding may name this file: by itself, by its place or by the frame that it shows."""
    name = path.relative_to(paths.state).as_posix()
    words = [name, path.name]
    if frame := re.search(r"\d{8}T\d{12}Z-[a-z0-9-]+", path.name):
        words.append(frame[0])
    if name.startswith("published/") and path.suffix == ".parquet":
        words.append("published files")
    if name.startswith("traceability"):
        words.append("database")
    if name.startswith("journal/"):
        words.append("journal")
    if name.startswith("models/"):
        words.append("/".join(name.split("/")[:3]))
    return tuple(words)


def _done(deed: str, paths: StationPaths, path: Path, before: bytes) -> Tampering:
    name = path.relative_to(paths.state).as_posix()
    same = _sameness(name, path, before)
    return Tampering(deed, name, _about(paths, path), same)


def _sameness(name: str, path: Path, before: bytes) -> Callable[[], bool]:
    """Whether the file still holds what it held: the pixels of a picture, the rows of a table, the
    lines of the journal.
    """

    def same() -> bool:
        if not path.exists():
            return False
        if name.startswith("evidence/"):
            return _pixels(path.read_bytes()) == _pixels(before) != b""
        if name.startswith("journal/"):
            return path.read_bytes().splitlines() == before.splitlines()
        if path.suffix in (".parquet", ".duckdb"):
            original = path.with_name(f".before-{path.name}")
            original.write_bytes(before)
            try:
                return _rows(path) == _rows(original)
            except duckdb.Error:
                return False
            finally:
                original.unlink()
        return False

    return same


def _pixels(data: bytes) -> bytes:
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED) if data else None
    return b"" if image is None else f"{image.shape}{image.dtype}".encode() + image.tobytes()


def _rows(path: Path) -> list[Any]:
    if path.suffix == ".parquet":
        with duckdb.connect() as log:
            return log.execute(
                f"SELECT * FROM read_parquet('{path}', hive_partitioning = false)"
            ).fetchall()
    with duckdb.connect(str(path), read_only=True) as log:
        return [log.execute(f"FROM {table} ORDER BY ALL").fetchall() for table in COLUMNS]


def _edit_bytes(paths: StationPaths, chance: random.Random) -> Tampering | None:
    path = chance.choice(_files(paths))
    before = path.read_bytes()
    if not before:
        return None
    at = chance.randrange(len(before))
    changed = bytearray(before)
    changed[at] ^= chance.randrange(1, 256)
    path.chmod(0o640)
    path.write_bytes(bytes(changed))
    done = _done(f"byte {at} of", paths, path, before)
    if path.suffix == ".parquet" and at >= len(before) - _footer(before):
        # Statistics: what is read whole stays as it was.
        return replace(done, is_harmless=lambda: True)
    return done


def _footer(parquet: bytes) -> int:
    """Bytes of the end of a Parquet file that hold its schema and its statistics."""
    return int.from_bytes(parquet[-8:-4], "little") + 8


def _truncate(paths: StationPaths, chance: random.Random) -> Tampering | None:
    path = chance.choice(_files(paths))
    before = path.read_bytes()
    if not before:
        return None
    left = chance.randrange(len(before))
    path.chmod(0o640)
    path.write_bytes(before[:left])
    return _done(f"cut to {left} bytes:", paths, path, before)


def _delete(paths: StationPaths, chance: random.Random) -> Tampering | None:
    path = chance.choice(_files(paths))
    before = path.read_bytes()
    path.unlink()
    return _done("deleted", paths, path, before)


def _swap(paths: StationPaths, chance: random.Random) -> Tampering | None:
    """Two files of one kind take each other's content."""
    one = chance.choice(_files(paths))
    alike = [path for path in _files(paths) if path.suffix == one.suffix and path != one]
    if not alike:
        return None
    other = chance.choice(alike)
    mine, theirs = one.read_bytes(), other.read_bytes()
    if mine == theirs:
        return None
    for path, content in ((one, theirs), (other, mine)):
        path.chmod(0o640)
        path.write_bytes(content)
    done = _done("swapped", paths, one, mine)
    second = _done("swapped", paths, other, theirs)
    name = f"{done.path} with {second.path}"

    def both() -> bool:
        return done.is_harmless() and second.is_harmless()

    if is_excused(done.path):
        return Tampering("swapped", second.path, second.words, second.is_harmless)
    return Tampering(
        "swapped" if not is_excused(second.path) else f"swapped ({name})",
        done.path,
        (*done.words, *second.words),
        done.is_harmless if is_excused(second.path) else both,
    )


def _change_rows(paths: StationPaths, chance: random.Random) -> Tampering | None:
    """A row of the database or of a published file: a value of it, itself, or its place."""
    published = sorted(paths.published.glob("*/*/*.parquet"))
    place = chance.choice([paths.database, *published])
    table = chance.choice(list(COLUMNS)) if place == paths.database else place.parts[-3]
    before = place.read_bytes()
    with duckdb.connect(str(place) if place == paths.database else ":memory:") as log:
        if place != paths.database:
            log.execute(
                f"CREATE TABLE {table} AS SELECT * FROM "
                f"read_parquet('{place}', hive_partitioning = false)"
            )
        seqs = [seq for (seq,) in log.execute(f"SELECT chain_seq FROM {table}").fetchall()]
        if not seqs:
            return None
        seq, column = chance.choice(seqs), chance.choice([*COLUMNS[table], "chain_hash"])
        kind = chance.choice(["delete", "null", "copy", "twice"])
        if kind == "delete":
            log.execute(f"DELETE FROM {table} WHERE chain_seq = {seq}")
        elif kind == "twice":
            log.execute(f"INSERT INTO {table} SELECT * FROM {table} WHERE chain_seq = {seq}")
        else:
            other = chance.choice(seqs)
            value = (
                "NULL"
                if kind == "null"
                else f"(SELECT {column} FROM {table} WHERE chain_seq = {other})"
            )
            try:
                log.execute(f"UPDATE {table} SET {column} = {value} WHERE chain_seq = {seq}")
            except duckdb.ConstraintException:
                return None
        if place != paths.database:
            place.chmod(0o640)
            log.execute(f"COPY (FROM {table} ORDER BY chain_seq) TO '{place}' (FORMAT parquet)")
    return _done(f"{kind} {column} of row {seq} in", paths, place, before)


def _change_line(paths: StationPaths, chance: random.Random) -> Tampering | None:
    """A line of the journal: a value of it, itself, or its place."""
    path = chance.choice(sorted(paths.journal.glob("*.jsonl")))
    before = path.read_bytes()
    lines = before.decode().splitlines(keepends=True)
    at, kind = chance.randrange(len(lines)), chance.choice(["value", "delete", "swap", "end"])
    if kind == "value":
        seq, sha256, text = lines[at].split("\t", 2)
        row = json.loads(text)
        name = chance.choice(sorted(row))
        row[name] = chance.choice([0.123, "altered"])
        changed = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
        lines[at] = f"{seq}\t{sha256}\t{changed}\n"
    elif kind == "delete":
        del lines[at]
    elif kind == "swap":
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[at:]
    path.write_text("".join(lines))
    return _done(f"{kind} of line {at + 1} in", paths, path, before)


def is_excused(path: str) -> bool:
    """True for a file that may be altered unseen."""
    return any(fnmatch(path, pattern) for pattern in NOT_NAMED)
