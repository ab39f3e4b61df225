"""Kinds of names and sidecars: what may say whose part it is, and what only looks like it."""

from __future__ import annotations

import hashlib
import json
import os
import time
from functools import partial
from typing import Any

from tests.hostile.node import Maker, Node

PATTERN = r"^(?P<part>([A-Z0-9]+-?)*)_"
"""incoming.part_id_pattern of the stations: backtracking takes ages on a name that nearly fits."""


def _named(
    form: str | bytes, part_id: str | None, is_taken: bool | None, may: bool, node: Node
) -> None:
    """A good picture without a sidecar; `form` has N where the node's number goes."""
    number = str(node.number)
    name: str | bytes
    if isinstance(form, bytes):
        name = form.replace(b"N#", number.encode())
    else:
        name = form.replace("N#", number)
    own = part_id and part_id.replace("N#", number)
    node.expect(name, may, own, is_taken=is_taken, pixels=node.picture())
    node.put(name, node.png())


def name_kinds() -> dict[str, Maker]:
    """All kinds of names, by name."""
    taken: dict[str, tuple[str | bytes, str | None]] = {
        "an id in the name": ("N#-X3_1.png", "N#-X3"),
        "an id that ends in a dash": ("N#-_1.png", "N#-"),
        "an id in a name of 255 bytes": ("N#_" + "x" * 240 + ".png", "N#"),
        "an id in a long name of three-byte letters": ("N#_" + "检" * 80 + ".png", "N#"),
        "an empty group": ("_N#.png", None),
        "no match": ("nN#.png", None),
        "a name that nearly fits": ("20261127T190000-LINE4-PLANT07-SERIALN#A.png", None),
        "a name that nearly fits, long": ("A" * 200 + "N#.png", None),
        "latin-1 bytes": (b"pr\xfcfling-N#.png", None),
        "bytes that are no UTF-8": (b"\xff\xfe\xfaN#.png", None),
        "an id with latin-1 bytes": (b"\xdcN#_1.png", None),
        "a line break": ("nN#\n.png", None),
        "a forged log line": ("nN#\n19:00:00 INFO part 99 PASS ACCEPT", None),
        "a carriage return": ("nN#\r.png", None),
        "an escape sequence": ("nN#\x1b[2J.png", None),
        "a bell and a delete": ("nN#\x07\x7f.png", None),
        "a zero-width joiner": ("nN#\u200d.png", None),
        "written from right to left": ("nN#\u202egnp.exe", None),
        "a percent sign": ("nN#%.png", None),
        "a percent-encoded slash": ("nN#%2F..%2Fx.png", None),
        "a percent-encoded zero": ("nN#%00.png", None),
        "a tilde inside": ("nN#~1~x.png", None),
        "a blank name": (" N# ", None),
        "a trailing dot": ("nN#.", None),
        "a formula": ("=1+N#.png", None),
        "markup": ("<script>alert(N#)<", None),
        "quotes": ("'\";DROP TABLE inspections;--N#.png", None),
        "a leading dash": ("-rf N#.png", None),
        "a backslash": ("nN#\\..\\x.png", None),
        "a combining accent": ("n#e\u0301N#.png", None),
        "an emoji": ("n#\U0001f600N#.png", None),
        "named as a companion": ("nN#.sidecar", None),
        "named as a whole name": ("nN#.name", None),
        "named as a spooled frame": ("20261122T141507123456Z-nN#.pgm", None),
        "no letters but dots behind": ("nN#...", None),
        "two suffixes": ("nN#.tar.png", None),
    }
    left_alone = {
        "a hidden name": ".nN#.png",
        "two leading dots": "..nN#.png",
        "a temporary suffix": "nN#.png.tmp",
        "a temporary suffix in capitals": "nN#.PNG.TMP",
        "a temporary suffix in mixed case": "nN#.png.FilePart",
        "a partial file": "nN#.png.Part",
        "a download of a browser": "nN#.png.crdownload",
        "a backup of an editor": "nN#.png~",
        "named as the station's own half-taken file": ".taking-x",
    }
    kinds: dict[str, Maker] = {}
    for name, (form, part_id) in taken.items():
        kinds[name] = partial(_named, form, part_id, True, True)
    for name, hidden in left_alone.items():
        kinds[name] = partial(_named, hidden, None, False, False)
    kinds["an id of 230 letters"] = partial(_named, "N#" + "A" * 228 + "_.png", None, True, False)
    return kinds


def _labelled(
    sidecar: dict[str, Any] | bytes,
    part_id: str | None,
    may_be_accepted: bool,
    node: Node,
    suffix: str = ".json",
) -> None:
    """A good picture with this sidecar; N# in it is the node's number."""
    number = str(node.number)
    data = sidecar if isinstance(sidecar, bytes) else json.dumps(sidecar).encode()
    own = part_id and part_id.replace("N#", number)
    node.expect(node.name(), may_be_accepted, own, pixels=node.picture())
    node.sidecar(node.name(), data.replace(b"N#", number.encode()), suffix)
    node.put(node.name(), node.png())


def _in_encoding(encoding: str, node: Node) -> None:
    text = json.dumps({"part_id": node.part_id})
    node.expect(node.name(), True, node.part_id, pixels=node.picture())
    node.sidecar(node.name(), text.encode(encoding))
    node.put(node.name(), node.png())


def _proof(key: str, fits: bool, node: Node) -> None:
    size = len(node.png()) + (not fits)
    value: Any = size if key == "size" else hashlib.sha256(node.png(not fits)).hexdigest()
    # One that does not fit is another picture's, so that this one came without an id.
    node.expect(node.name(), True, node.part_id if fits else None, pixels=node.picture())
    node.sidecar(node.name(), {"part_id": node.part_id, key: value})
    node.put(node.name(), node.png())


def _image_first(node: Node) -> None:
    """The second image finds the sidecar of the first; its own comes later, and so on."""
    for more in range(3):
        node.expect(node.name(), True, None, pixels=node.picture(more))
        node.put(node.name(), node.png(more))
        node.until_idle()
        node.sidecar(node.name(), {"part_id": f"{node.part_id}-{more}"})


def _missing_once(node: Node) -> None:
    """One image comes without its sidecar: neither the one before nor the one behind labels it."""
    node.expect(node.name(), True, f"{node.part_id}-0", pixels=node.picture())
    node.sidecar(node.name(), {"part_id": f"{node.part_id}-0"})
    node.put(node.name(), node.png())
    node.until_idle()
    node.expect(node.name(), True, None, pixels=node.picture(1))
    node.put(node.name(), node.png(1))
    node.until_idle()
    # From then on nobody knows whether this node's sidecars come before or behind their images.
    node.expect(node.name(), True, f"{node.part_id}-2", pixels=node.picture(2), may_lose_id=True)
    node.sidecar(node.name(), {"part_id": f"{node.part_id}-2"})
    node.put(node.name(), node.png(2))


def _stale(node: Node) -> None:
    """A sidecar of a part that was taken off the line; the next image has that name."""
    node.sidecar(node.name(), {"part_id": f"{node.part_id}-0"})
    written = node.paths.incoming / node.name(".json")
    os.utime(written, (time.time() - 300, time.time() - 300))
    node.expect(node.name(), True, None, pixels=node.picture())
    node.put(node.name(), node.png())


def _overwritten(node: Node) -> None:
    """Two nodes with one name, each with the digest of its picture: who is taken has its own id."""
    for more in range(2):
        digest = hashlib.sha256(node.png(more)).hexdigest()
        part_id = f"{node.part_id}-{more}"
        # The sidecar may be set aside with the picture of the other node, which it does not fit.
        node.expect(
            node.name(), True, part_id, is_taken=None, pixels=node.picture(more), may_lose_id=True
        )
        node.sidecar(node.name(), {"part_id": part_id, "sha256": digest})
        node.put(node.name(), node.png(more))


def _shared_stem(node: Node) -> None:
    """NAME.json is there before NAME.png, and taken with it: nothing is left for NAME.bmp."""
    node.until_idle()
    part_ids = {".png": node.part_id, ".bmp": None}
    node.sidecar(node.name(), {"part_id": node.part_id})
    for more, (suffix, part_id) in enumerate(part_ids.items()):
        name, picture = node.name(suffix), node.picture(more)
        node.expect(name, True, part_id, pixels=picture, may_lose_id=True)
        node.put(name, node.png(more))


SIDECARS: dict[str, tuple[dict[str, Any] | bytes, str | None, bool]] = {
    "no part_id": ({"operator": "7"}, None, True),
    "an empty object": ({}, None, True),
    "a null id": ({"part_id": None}, None, True),
    "keys of its own": ({"part_id": "N#", "partial_scan": True, "size": [640, 480]}, "N#", True),
    "a misspelt key": ({"part": "N#"}, "N#", False),
    "a key in another case": ({"Part_ID": "N#"}, "N#", False),
    "a key with a dash": ({"part-id": "N#"}, "N#", False),
    "a key in the plural": ({"part_ids": ["N#"]}, "N#", False),
    "a number as id": ({"part_id": 4711}, "4711", True),
    "a list as id": ({"part_id": ["N#"]}, "N#", False),
    "an object as id": ({"part_id": {"id": "N#"}}, "N#", False),
    "true as id": ({"part_id": True}, "N#", False),
    "an empty id": ({"part_id": ""}, "N#", False),
    "an id of blanks": ({"part_id": " \t "}, "N#", False),
    "an id with CR LF behind": ({"part_id": "N#\r\n"}, "N#", True),
    "an id with CR LF inside": ({"part_id": "N#\r\n9"}, "N#", False),
    "an id with a NUL": ({"part_id": "N#\0"}, "N#", False),
    "an id with an escape sequence": ({"part_id": "N#\x1b[2J"}, "N#", False),
    "an id written from right to left": ({"part_id": "\u202eN#"}, "N#", False),
    "an id with a lone surrogate": (b'{"part_id": "N#\\ud800"}', "N#", False),
    "an id of 201 characters": ({"part_id": "N#" + "A" * 200}, "N#", False),
    "an id of a million": ({"part_id": "A" * 1_000_000}, "N#", False),
    "an id twice in one object": (b'{"part_id": "other", "part_id": "N#"}', "N#", True),
    "a camera of blanks": ({"part_id": "N#", "camera": "  "}, "N#", False),
    "a camera that nobody knows": ({"part_id": "N#", "camera": "moon"}, "N#", True),
    "a camera that is a path": ({"part_id": "N#", "camera": "../../etc"}, "N#", True),
    "a camera that is a number": ({"part_id": "N#", "camera": 7}, "N#", True),
    "a camera with a control character": ({"part_id": "N#", "camera": "a\x07"}, "N#", False),
    "a frame number below zero": ({"part_id": "N#", "camera_frame_number": -1}, "N#", False),
    "a frame number beyond 64 bits": ({"part_id": "N#", "camera_frame_number": 2**70}, "N#", False),
    "an exposure that is no number": (b'{"part_id": "N#", "exposure_us": NaN}', "N#", False),
    "a gain without end": (b'{"part_id": "N#", "gain_db": 1e999}', "N#", False),
    "nothing": (b"", "N#", False),
    "a list": (b'["N#"]', "N#", False),
    "a text": (b'"N#"', "N#", False),
    "null": (b"null", "N#", False),
    "cut": (b'{"part_id": "N#', "N#", False),
    "two objects": (b'{"part_id": "N#"}{"part_id": "N#"}', "N#", False),
    "zeros": (bytes(500), "N#", False),
    "no UTF-8": (b'{"part_id": "N#\xff"}', "N#", False),
    "deep nesting": (b"[" * 200_000, "N#", False),
    "deep nesting inside": (b'{"part_id": "N#", "x": ' + b"[" * 100_000 + b"}", "N#", False),
    "5 MB": (b'{"part_id": "N#", "x": "' + b"x" * 5_000_000 + b'"}', "N#", False),
    "comments": (b'{"part_id": "N#"} // hello', "N#", False),
}


def sidecar_kinds() -> dict[str, Maker]:
    """All kinds of sidecars, by name."""
    return {
        **{f"sidecar: {name}": partial(_labelled, *row) for name, row in SIDECARS.items()},
        "sidecar in capitals": partial(_labelled, {"part_id": "N#"}, "N#", True, suffix=".JSON"),
        "sidecar behind the whole name": partial(
            _labelled, {"part_id": "N#"}, "N#", True, suffix=".png.json"
        ),
        **{
            f"sidecar in {encoding}": partial(_in_encoding, encoding)
            for encoding in ("utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32")
        },
        **{
            f"sidecar with {key} that {'fits' if fits else 'does not fit'}": partial(
                _proof, key, fits
            )
            for key in ("size", "sha256")
            for fits in (True, False)
        },
        "sidecar after its image": _image_first,
        "sidecar missing once": _missing_once,
        "sidecar of five minutes ago": _stale,
        "sidecar of two images": _shared_stem,
        "one name of two nodes": _overwritten,
    }
