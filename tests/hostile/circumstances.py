"""Kinds of times, repeats, directories and litter in the spool."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import Any

from qc_edge.domain.frame import Frame
from qc_edge.service.clock import FrameClock, utc_now
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool
from tests.hostile.node import CAMERAS, Maker, Node

_LONG_AGO = datetime(1970, 1, 1, tzinfo=timezone.utc)


def _stated(
    at: str | None, seconds: float | None, may_be_accepted: bool, node: Node, zone_h: float = 0
) -> None:
    """The sidecar says `at`, or so many seconds from now."""
    now = utc_now()
    moment = now + timedelta(seconds=seconds or 0)
    text = at or moment.astimezone(timezone(timedelta(hours=zone_h))).isoformat()
    exposed_at = min(moment, now) if may_be_accepted else _LONG_AGO
    node.expect(node.name(), may_be_accepted, node.part_id, exposed_at=exposed_at)
    node.sidecar(node.name(), {"part_id": node.part_id, "captured_at": text})
    node.put(node.name(), node.png())


def _naive(hours: float, node: Node) -> None:
    text = (utc_now() + timedelta(hours=hours)).replace(tzinfo=None).isoformat()
    # Nobody has told the station the zone, so that the part is of no known age.
    node.expect(node.name(), False, node.part_id)
    node.sidecar(node.name(), {"part_id": node.part_id, "captured_at": text})
    node.put(node.name(), node.png())


def _written(seconds: float, may_be_accepted: bool, node: Node) -> None:
    """The file's own time is so many seconds from now, and nothing else tells one."""
    now = utc_now()
    exposed_at = now + timedelta(seconds=min(seconds, 0)) if may_be_accepted else _LONG_AGO
    node.expect(node.name(), may_be_accepted, node.part_id, exposed_at=exposed_at)
    node.sidecar(node.name(), {"part_id": node.part_id})
    node.put(node.name(), node.png(), at=time.time() + seconds)


def _copied(node: Node) -> None:
    """An archive that is copied in, with the times that it had: nothing of it is on the line."""
    for more in range(3):
        name = f"k{node.number}-{more}.png"
        part_id = f"{node.part_id}-{more}"
        node.expect(name, False, part_id, exposed_at=_LONG_AGO)
        node.sidecar(name, {"part_id": part_id, "captured_at": utc_now().isoformat()})
        node.put(name, node.png(more), at=time.time() - 86400 * (more + 1))


def time_kinds() -> dict[str, Maker]:
    """All kinds of times, by name."""
    stated: dict[str, tuple[Any, ...]] = {
        "now": (None, 0.0, True),
        "a future second": (None, 1.0, True),
        "an hour ahead": (None, 3600.0, False),
        "a minute ago": (None, -60.0, False),
        "nine hours ago": (None, -9 * 3600.0, False),
        "eight months ago": (None, -240 * 86400.0, False),
        "1969": ("1969-07-20T20:17:40Z", None, False),
        "the epoch": ("1970-01-01T00:00:00Z", None, False),
        "2035": ("2035-01-01T00:00:00Z", None, False),
        "the year 1": ("0001-01-01T00:00:00+14:00", None, False),
        "the year 9999": ("9999-12-31T23:59:59-12:00", None, False),
        "no time": ("yesterday", None, False),
        "the 30th of February": ("2026-02-30T00:00:00Z", None, False),
    }
    return {
        **{f"time: {name}": partial(_stated, *row) for name, row in stated.items()},
        "time: now in another zone": partial(_stated, None, 0.0, True, zone_h=9),
        "time: a minute ago in another zone": partial(_stated, None, -60.0, False, zone_h=-7),
        "time: without a zone": partial(_naive, 0),
        "time: without a zone, nine hours ago": partial(_naive, -9),
        "time: without a zone, nine hours ahead": partial(_naive, 9),
        "file of now": partial(_written, -0.5, True),
        "file of a minute ago": partial(_written, -60.0, False),
        "file of last year": partial(_written, -365 * 86400.0, False),
        "file of the epoch": lambda node: _written(-time.time(), False, node),
        "file of before the epoch": lambda node: _written(-time.time() - 1e9, False, node),
        "file of tomorrow": partial(_written, 86400.0, False),
        "file of the year 2286": lambda node: _written(1e10 - time.time(), False, node),
        "an archive copied with its times": _copied,
    }


def _again(same_name: bool, node: Node) -> None:
    """One picture under two ids: the second is no part of its own."""
    for more in range(2):
        name = node.name() if same_name else f"k{node.number}-{more}.png"
        part_id = f"{node.part_id}-{more}"
        node.expect(name, more == 0, part_id, pixels=node.picture() if more == 0 else None)
        node.sidecar(name, {"part_id": part_id})
        node.put(name, node.png())
        node.until_idle()  # else the second takes the place of the first


def _same_id(node: Node) -> None:
    """Two pictures under one id in a row: a code reader that keeps its last code."""
    node.until_idle()
    for more in range(2):
        name = f"k{node.number}-{more}.png"
        node.expect(name, more == 0, node.part_id)
        node.sidecar(name, {"part_id": node.part_id})
        node.put(name, node.png(more))


def _in_folder(folder: str, node: Node) -> None:
    """Whether folders are taken or not: a file in one is whole and has its id."""
    (node.paths.incoming / folder).mkdir(exist_ok=True, parents=True)
    name = f"{folder}/{node.name()}"
    node.expect(name, True, node.part_id, is_taken=None, pixels=node.picture())
    node.sidecar(name, {"part_id": node.part_id})
    node.put(name, node.png())


def _one_name_in_folders(node: Node) -> None:
    for more, folder in enumerate(CAMERAS):
        (node.paths.incoming / folder).mkdir(exist_ok=True)
        part_id = f"{node.part_id}-{more}"
        name = f"{folder}/{node.name()}"
        node.expect(name, True, part_id, is_taken=None, pixels=node.picture(more))
        node.sidecar(name, {"part_id": part_id})
        node.put(name, node.png(more))


def _folder_as_image(node: Node) -> None:
    node.expect(node.name(), False, is_taken=False)
    (node.paths.incoming / node.name()).mkdir()


def _folder_as_sidecar(node: Node) -> None:
    node.expect(node.name(), True, None, pixels=node.picture())
    (node.paths.incoming / node.name(".json")).mkdir()
    node.put(node.name(), node.png())


def _linked_folder(node: Node) -> None:
    outside = node.paths.root / f"outside-{node.number}"
    outside.mkdir()
    (outside / "x.png").write_bytes(node.png())
    node.expect(node.name(""), False)
    hidden = node.paths.incoming / f".{node.name('')}"
    hidden.symlink_to(outside)
    hidden.rename(node.paths.incoming / node.name(""))


def _own_id(node: Node) -> str:
    return f"20261122T14{node.number // 60:02d}{node.number % 60:02d}123456Z-node-a"


def _litter(name: str, data: bytes, node: Node) -> None:
    """Something in the spool that capture did not put there; it is no frame."""
    (node.paths.frames / name.replace("ID", _own_id(node))).write_bytes(data)


def _torn_own(data: bytes, node: Node) -> None:
    """A file of capture's name that is no frame of it."""
    node.expect(_own_id(node), False)
    (node.paths.frames / f"{_own_id(node)}.pgm").write_bytes(data)


def _torn_temporary(node: Node) -> None:
    (node.paths.spool_tmp / f"{_own_id(node)}.pgm").write_bytes(b"P5\n# qc")


def _foreign(may_be_accepted: bool, seconds: float, node: Node, **values: Any) -> None:
    """A frame of the capture role on another machine, whose spool this is."""
    stamp = FrameClock(node.paths.root / "clock-of-another").stamp("node-a")
    at = stamp.captured_at + timedelta(seconds=seconds)
    frame = Frame(stamp.frame_id, "node-a", at, True, stamp.monotonic_ns, "another boot")
    frame = replace(frame, part_id=node.part_id, **values)
    picture = node.picture()
    node.expect(
        stamp.frame_id, may_be_accepted, node.part_id, exposed_at=min(at, utc_now()), pixels=picture
    )
    Spool(node.paths, Disk()).put_frame(frame, picture, 8)


def _copy_of_own(node: Node) -> None:
    """A spooled frame under a second id: one part, and nobody knows which."""
    elsewhere = replace(node.paths, root=node.paths.root / f"copies-{node.number}")
    for directory in elsewhere.directories():
        directory.mkdir(parents=True, exist_ok=True)
    stamp = FrameClock(node.paths.root / "clock-of-another").stamp("node-a")
    frame = Frame(stamp.frame_id, "node-a", stamp.captured_at, True, None, "another boot")
    frame = replace(frame, part_id=node.part_id)
    Spool(elsewhere, Disk()).put_frame(frame, node.picture(), 8)
    (whole,) = elsewhere.frames.iterdir()
    node.expect(_own_id(node), False)
    (node.paths.frames / f"{_own_id(node)}.pgm").write_bytes(whole.read_bytes())


def surrounding_kinds() -> dict[str, Maker]:
    """Repeats, directories and litter in the spool, by name."""
    litter = {
        "a number": b"5",
        "null": b"null",
        "a list": b"[]",
        "an empty object": b"{}",
        "nothing": b"",
        "deep nesting": b"[" * 100_000,
        "an inspection": b'{"table": "inspections", "disposition": "ACCEPT"}',
    }
    return {
        "the same picture again": partial(_again, False),
        "the same picture again under its name": partial(_again, True),
        "the same id again": _same_id,
        "a folder of a node": partial(_in_folder, CAMERAS[0]),
        "a folder that nobody knows": partial(_in_folder, "node-z"),
        "a folder in a folder": partial(_in_folder, "node-a/deeper"),
        "a folder with a blank": partial(_in_folder, "node c"),
        "a hidden folder": partial(_in_folder, ".node"),
        "one name in two folders": _one_name_in_folders,
        "a folder named like an image": _folder_as_image,
        "a folder named like a sidecar": _folder_as_sidecar,
        "a link to a folder": _linked_folder,
        **{
            f"row of {name}": partial(_litter, "ID.row.json", data) for name, data in litter.items()
        },
        "a row without an id": partial(_litter, "x.row.json", b"{}"),
        "a stray file in the spool": partial(_litter, "stray.png", b"x"),
        "a hidden file in the spool": partial(_litter, ".hidden", b"x"),
        "a lone sidecar in the spool": partial(_litter, "ID~x.png.sidecar", b"{}"),
        "a torn temporary file": _torn_temporary,
        "an own frame that is empty": partial(_torn_own, b""),
        "an own frame without metadata": partial(_torn_own, b"P5\n9 9\n255\n" + bytes(81)),
        "an own frame with bad metadata": partial(_torn_own, b"P5\n# qc-edge []\n9 9\n255\n"),
        "an own frame under another id": _copy_of_own,
        "a frame of another machine": partial(_foreign, True, 0.0),
        "a frame of another machine, a minute old": partial(_foreign, False, -60.0),
        "a frame of another machine, of tomorrow": partial(_foreign, False, 86400.0),
        "a frame of another machine with a bad clock": partial(
            _foreign, False, 0.0, clock_trusted=False
        ),
        "a frame of another machine before 2000": partial(_foreign, False, -1.5e9),
    }
