"""Kinds of image files: whole ones, and every way in which they are cut, damaged or no images."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.hostile.node import Maker, Node
from tests.vision.samples import FILES, SEVERAL, png_chunk

_UNCHECKED = ("plain.tiff", "packbits.tiff", "progressive.jpg")
"""Damage inside cannot be told from a picture here: no checksum, and every value is a pixel."""


def _suffix(name: str) -> str:
    return Path(name.split(" ")[0]).suffix


def _file(data: bytes, may_be_accepted: bool, suffix: str, node: Node) -> None:
    node.frame(data, may_be_accepted, suffix)


def _made(make: Callable[[], bytes], suffix: str, node: Node) -> None:
    node.frame(make(), False, suffix)


def _proven(data: bytes, damaged: bytes, suffix: str, node: Node) -> None:
    """Damage that the file's digest alone can tell: the sidecar has that of the whole file."""
    name = node.name(suffix)
    # Where ids are only counted, the sidecar is another picture's, and this one is as good as any.
    node.expect(name, True, None)
    node.sidecar(name, {"part_id": node.part_id, "sha256": hashlib.sha256(data).hexdigest()})
    node.put(name, damaged)


def _hole(data: bytes, suffix: str) -> bytes:
    start = 8
    if suffix == ".jpg":
        at = data.rindex(b"\xff\xda")
        start = at + 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    middle = start + (len(data) - start) // 2
    return data[:middle] + b"\0" * 64 + data[middle + 64 :]


def _damage_kinds() -> dict[str, Maker]:
    kinds: dict[str, Maker] = {}
    for name, data in FILES.items():
        suffix = _suffix(name)
        kinds[f"{name} whole"] = partial(_file, data, True, suffix)
        kinds[f"{name} with a trailer"] = partial(_file, data + b"made by a camera", True, suffix)
        for share in (0.1, 0.5, 0.9):
            cut = data[: int(len(data) * share)]
            kinds[f"{name} cut at {share:.0%}"] = partial(_file, cut, False, suffix)
        kinds[f"{name} without its last byte"] = partial(_file, data[:-1], False, suffix)
        magic = bytes([data[0] ^ 0x55]) + data[1:]
        kinds[f"{name} with another magic"] = partial(_file, magic, False, suffix)
        hole = _hole(data, suffix)
        is_unchecked = suffix in {".bmp", ".pgm", ".ppm"} or name in _UNCHECKED
        kinds[f"{name} damaged in the middle"] = (
            partial(_proven, data, hole, suffix)
            if is_unchecked
            else partial(_file, hole, False, suffix)
        )
    for name, data in SEVERAL.items():
        kinds[f"several: {name}"] = partial(_file, data, False, _suffix(name))
    return kinds


def _png(width: int, height: int, body: bytes = b"") -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(kind, data) for kind, data in chunks)


def _bomb() -> bytes:
    """500 MB of one gray in half a megabyte."""
    packer = zlib.compressobj(1)
    row = bytes(20_001)
    body = b"".join(packer.compress(row * 1000) for _ in range(25)) + packer.flush()
    return _png(20_000, 25_000, body)


def _jpeg_of(width: int, height: int) -> bytes:
    data = bytearray(FILES["gray.jpg"])
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def _bmp_of(width: int, height: int) -> bytes:
    data = bytearray(FILES["gray.bmp"])
    data[18:26] = struct.pack("<ii", width, height)
    return bytes(data)


NO_IMAGES: dict[str, tuple[Callable[[], bytes], str]] = {
    "nothing": (bytes, ".png"),
    "one zero": (lambda: b"\0", ".png"),
    "zeros": (lambda: bytes(9999), ".bmp"),
    "noise": (lambda: os.urandom(9999), ".jpg"),
    "text": (lambda: b"not a picture\n" * 99, ".tiff"),
    "HTML of a proxy": (lambda: b"<!DOCTYPE html><title>407</title>", ".png"),
    "a GIF": (lambda: b"GIF89a" + bytes(99), ".gif"),
    "an ELF": (lambda: b"\x7fELF" + bytes(999), ".png"),
    "magic of PNG alone": (lambda: b"\x89PNG\r\n\x1a\n", ".png"),
    "magic of JPEG alone": (lambda: b"\xff\xd8\xff", ".jpg"),
    "magic of TIFF alone": (lambda: b"II*\0", ".tiff"),
    "magic of BMP alone": (lambda: b"BM", ".bmp"),
    "magic of PGM alone": (lambda: b"P5", ".pgm"),
    "a PNG of 2^31-1 squared": (lambda: _png(2**31 - 1, 2**31 - 1), ".png"),
    "a PNG of no size": (lambda: _png(0, 0), ".png"),
    "a PNG of one long row": (lambda: _png(2**24, 1, zlib.compress(bytes(2**24 + 1))), ".png"),
    "a PNG that unpacks to 500 MB": (_bomb, ".png"),
    "a PNG of too few rows": (lambda: _png(99, 99, zlib.compress(bytes(9000))), ".png"),
    "a JPEG of 65,500 squared": (lambda: _jpeg_of(65500, 65500), ".jpg"),
    "a JPEG of no height": (lambda: _jpeg_of(83, 0), ".jpg"),
    "a JPEG taller than its data": (lambda: _jpeg_of(83, 610), ".jpg"),
    "a BMP of 2^31-1 squared": (lambda: _bmp_of(2**31 - 1, 2**31 - 1), ".bmp"),
    "a BMP of a negative width": (lambda: _bmp_of(-83, 61), ".bmp"),
    "a BMP of the lowest height": (lambda: _bmp_of(83, -(2**31)), ".bmp"),
    "a PGM of huge sides": (lambda: b"P5 99999999 99999999 255\n" + bytes(99), ".pgm"),
    "a PGM of endless digits": (lambda: b"P5 " + b"9" * 9999 + b" 9 255\n", ".pgm"),
    "a PGM of white 0": (lambda: b"P5 9 9 0\n" + bytes(81), ".pgm"),
    "a PGM that is a comment": (lambda: b"P5\n#" + b"x" * 99_999, ".pgm"),
    "a TIFF whose directory is itself": (lambda: b"II*\0\x08\0\0\0\0\0\x08\0\0\0", ".tiff"),
    "a TIFF whose directory lies outside": (lambda: b"II*\0\xff\xff\xff\x7f", ".tiff"),
    "a frame of capture": (lambda: b"P5\n# qc-edge {}\n9 9\n255\n" + bytes(81), ".pgm"),
}


def _link(target: str, node: Node) -> None:
    name = node.name()
    node.expect(name, False, node.part_id)
    node.sidecar(name, {"part_id": node.part_id})
    # By rename, which the kernel reports; a link that is made in place is seen by listing alone.
    hidden = node.paths.incoming / f".{name}"
    hidden.symlink_to(target)
    hidden.rename(node.paths.incoming / name)


def _link_to_a_good_one(node: Node) -> None:
    good = node.paths.root / node.name(".elsewhere.png")
    good.write_bytes(node.png())
    _link(str(good), node)


def _pipe(node: Node) -> None:
    name = node.name()
    node.expect(name, False, node.part_id)
    node.sidecar(name, {"part_id": node.part_id})
    hidden = node.paths.incoming / f".{name}"
    os.mkfifo(hidden)
    hidden.rename(node.paths.incoming / name)


def _sparse(node: Node) -> None:
    name = node.name(".pgm")
    node.expect(name, False, node.part_id)
    hidden = node.paths.incoming / f".{name}"
    hidden.write_bytes(b"P5 60000 50000 255\n")
    os.truncate(hidden, 3_000_000_019)
    hidden.rename(node.paths.incoming / name)


def _with_mode(mode: int, owner: int | None, node: Node) -> None:
    name = node.name()
    # Root reads everything, and only root can give a file away.
    node.expect(name, True, node.part_id, pixels=node.picture())
    node.sidecar(name, {"part_id": node.part_id})
    hidden = node.paths.incoming / f".{name}"
    hidden.write_bytes(node.png())
    if owner is not None and os.geteuid() == 0:
        os.chown(hidden, owner, owner)
    hidden.chmod(mode)
    hidden.rename(node.paths.incoming / name)


def _in_place(is_whole: bool, node: Node) -> None:
    """Written under its own name, in pieces, by a writer that may not come to its end."""
    name, data = node.name(), node.png()
    node.expect(name, is_whole, node.part_id, pixels=node.picture())
    node.sidecar(name, {"part_id": node.part_id})
    with (node.paths.incoming / name).open("wb", buffering=0) as file:
        for at in range(0, len(data) if is_whole else len(data) // 2, 1000):
            file.write(data[at : at + 1000])


def image_kinds() -> dict[str, Maker]:
    """All kinds of image files, by name."""
    return {
        **_damage_kinds(),
        **{name: partial(_made, make, suffix) for name, (make, suffix) in NO_IMAGES.items()},
        "a good part": lambda node: node.frame(node.png(), True, pixels=node.picture()),
        "another suffix than its format": lambda node: node.frame(node.png(), True, ".jpg"),
        "no suffix": lambda node: node.frame(node.png(), True, ""),
        "a link to a file that is none": partial(_link, "/nowhere/x.png"),
        "a link to a device": partial(_link, "/dev/zero"),
        "a link to a directory": partial(_link, "."),
        "a link to a good picture": _link_to_a_good_one,
        "a pipe": _pipe,
        "a sparse file of 3 GB": _sparse,
        "a file that nobody may read": partial(_with_mode, 0, None),
        "a file of another user": partial(_with_mode, 0o600, 65534),
        "written in place": partial(_in_place, True),
        "written in place and broken off": partial(_in_place, False),
    }
