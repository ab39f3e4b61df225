"""A small image, laid out like the real one, and a stick with it, signed."""

from __future__ import annotations

import gzip
import random
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.setup.flash.disks import DATA
from qc_edge.setup.flash.partition_table import SECTOR, Partition, PartitionTable, lay_out
from qc_edge.setup.update.manifest import sign_update

SIZE = 12 << 20
DATA_START = 7 << 20
NAME = "qc-edge_2.raw.gz"


def table(size: int = SIZE, data_end: int = 11 << 20) -> PartitionTable:
    """As systemd/image/mkosi.repart has it, in small."""
    edges = (("esp", 1 << 20, 3 << 20), ("qc-edge_2_root", 3 << 20, DATA_START))
    all_of_them = (*edges, (DATA, DATA_START, data_end))
    return PartitionTable(
        size // SECTOR,
        bytes(range(16)),
        tuple(
            Partition(
                label,
                start // SECTOR,
                end // SECTOR - 1,
                bytes([number] * 16),
                bytes(16),
            )
            for number, (label, start, end) in enumerate(all_of_them, 1)
        ),
    )


@cache
def raw_image() -> bytes:
    """The bytes of the whole disk: noise where the software is, nothing in the data."""
    content = bytearray(SIZE)
    head, end = lay_out(table())
    content[1 << 20 : DATA_START] = random.Random(1).randbytes(DATA_START - (1 << 20))
    content[: len(head)] = head
    content[-len(end) :] = end
    return bytes(content)


@cache
def packed_image() -> bytes:
    """As it lies on a stick."""
    return gzip.compress(raw_image(), 1)


@dataclass
class Stick:
    """What lies on the stick: a seed that trusts the key, and image/."""

    directory: Path
    key: str
    raw: bytes

    @property
    def image(self) -> Path:
        return self.directory / "image"

    def seed(self, *lines: str) -> None:
        text = [
            "provision = 1",
            *lines,
            "[update]",
            'source = "stick"',
            f'trusted_keys = ["{self.key}"]',
        ]
        (self.directory / "qc-edge.toml").write_text("\n".join(text))


@pytest.fixture
def stick(tmp_path: Path) -> Stick:
    made = tmp_path / "stick"
    (made / "image").mkdir(parents=True)
    (made / "image" / NAME).write_bytes(packed_image())
    key = make_key(tmp_path / "release.key")
    sign_update(made / "image", tmp_path / "release.key")
    stick = Stick(made, key, raw_image())
    stick.seed()
    return stick


def disk_of(directory: Path, size: int, content: bytes = b"") -> Path:
    """A file that stands for a disk."""
    path = directory / "disk.raw"
    path.write_bytes(content)
    with path.open("r+b") as file:
        file.truncate(size)
    return path
