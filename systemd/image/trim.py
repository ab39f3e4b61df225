#!/usr/bin/env python3
"""trim.py ROOT VERITY: cuts the pieces of an update to what their slots hold.

repart writes them as large as a slot, 3 GB, of which the file system takes a tenth: a box would
fetch and stage the zeros behind it. How far the file system goes is in the header of its hash tree
(https://gitlab.com/cryptsetup/cryptsetup/-/wikis/DMVerity); no hash covers what follows it.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path

_HEADER = struct.Struct("<8sII16s32sIIQ")


def trim(root: Path, verity: Path) -> None:
    """Cut both files. Raises ValueError if `verity` is no hash tree of `root`."""
    with verity.open("rb") as file:
        head = _HEADER.unpack(file.read(_HEADER.size))
    magic, data_block, hash_block, blocks = head[0], head[5], head[6], head[7]
    if magic != b"verity\0\0" or not 0 < data_block * blocks <= root.stat().st_size:
        raise ValueError(f"{verity} is no hash tree of {root}")
    os.truncate(root, data_block * blocks)
    # The header's block, then each level of the tree: 32 bytes for each block below.
    level, total = blocks, 1
    while level > 1:
        level = -(-level * 32 // hash_block)
        total += level
    os.truncate(verity, total * hash_block)


if __name__ == "__main__":
    trim(Path(sys.argv[1]), Path(sys.argv[2]))
