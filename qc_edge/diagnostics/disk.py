"""The disk under a station: its health, how long a synced write takes, how long its room lasts."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

from qc_edge.diagnostics.finding import Level, Seen, ok
from qc_edge.diagnostics.host import Host
from qc_edge.query.recent_rows import newest_rows
from qc_edge.settings import StationPaths, StorageSettings
from qc_edge.store.durable import Disk

_WRITES = 50
_WRITE_BYTES = 65_536
SLOW_P50_MS = 30.0
SLOW_P99_MS = 200.0
"""eMMC takes 5 to 20 ms for a synced write: slower is a worn card, a network mount or a busy disk.
"""

_SAMPLE_ROWS = 200
_WORN_PERCENT = 80
_HOURS = 24
SOON_DAYS, NOW_DAYS = 14.0, 2.0


def check_health(host: Host, state: Path) -> Iterator[Seen]:
    """What the disk says of itself: SMART, or the wear of an eMMC."""
    disk = _disk_of(host, state)
    if disk is None:
        yield ok("not on a disk of its own (a container, a network mount): nothing to ask")
        return
    emmc = host.base / f"sys/block/{disk}/device/life_time"
    if (wear := host.read(str(emmc.relative_to(host.base)))) is not None:
        yield _emmc(disk, wear, host.read(f"sys/block/{disk}/device/pre_eol_info"))
    elif not host.has("smartctl"):
        yield ok(f"{disk}: not asked, smartctl is not installed (sudo apt install smartmontools)")
    elif (
        said := host.ask("smartctl", "-j", "-H", "-A", f"/dev/{disk}", also=tuple(range(256)))
    ) is not None:
        yield _smart(disk, said)


def check_latency(paths: StationPaths) -> Iterator[Seen]:
    """Milliseconds for a small synced write where frames are written, one after the other."""
    probe = paths.spool_tmp / f".doctor-{os.getpid()}"
    taken = []
    try:
        for _ in range(_WRITES):
            begun = time.perf_counter()
            Disk().write_evidence(probe, [bytes(_WRITE_BYTES)])
            taken.append((time.perf_counter() - begun) * 1e3)
            Disk().unlink(probe)
    finally:
        with suppress(OSError):
            probe.unlink()
    taken.sort()
    p50, p99 = taken[len(taken) // 2], taken[-1]
    said = f"a synced write of 64 KiB takes {p50:.1f} ms, at worst {p99:.1f} ms of {_WRITES}"
    if p50 > SLOW_P50_MS or p99 > SLOW_P99_MS:
        yield (
            Level.WARNING,
            said,
            "every frame waits for it: what else writes (iotop)? a worn card? an SSD",
        )
    else:
        yield ok(said)


def check_trend(paths: StationPaths, storage: StorageSettings) -> Iterator[Seen]:
    """Days until the station holds for lack of room, at the rate of the last day."""
    free = Disk().free_bytes(paths.state)
    rate = _bytes_a_day(paths)
    if not rate:
        yield ok("no frames in the last 24 h: the room lasts")
        return
    days = max(0.0, free - storage.stop_free_mb * 1e6) / rate
    said = (
        f"{rate / 1e9:,.1f} GB a day at the pace of the last 24 h: room for {days:,.0f} days, "
        "then it holds"
    )
    fix = "a larger disk, or move old evidence off the box; nothing is deleted by itself"
    if days < SOON_DAYS:
        yield (Level.FAULT if days < NOW_DAYS else Level.WARNING), said, fix
    else:
        yield ok(said)


def _bytes_a_day(paths: StationPaths) -> float:
    """From the size of the last hours of the journal, and what a row of late keeps as evidence.

    A station younger than a day counts as if it went on like this.
    """
    hours = sorted(paths.journal.glob("*.jsonl"))[-_HOURS:]
    now = time.time()
    recent = [file.stat() for file in hours if now - file.stat().st_mtime < _HOURS * 3600]
    rows = [
        each
        for each in islice(newest_rows(paths.journal), _SAMPLE_ROWS)
        if each["table"] == "inspections"
    ]
    if not recent or not rows:
        return 0.0
    line = sum(len(json.dumps(row)) for row in rows) / len(rows)
    kept = sum(_size(paths.state, row) for row in rows) / len(rows)
    written = sum(file.st_size for file in recent)
    first = datetime.strptime(
        f"{min(paths.journal.glob('*.jsonl')).stem}+0000", "%Y-%m-%dT%H%z"
    ).timestamp()
    hours_of_it = min(float(_HOURS), max(1.0, (now - first) / 3600))
    return written / line * (kept + 2 * line) * _HOURS / hours_of_it


def _size(state: Path, row: dict[str, Any]) -> int:
    size = 0
    for name in ("raw_path", "prepared_path", "map_path"):
        if isinstance(row.get(name), str):
            with suppress(OSError):
                size += (state / row[name]).stat().st_size
    return size


def _disk_of(host: Host, state: Path) -> str | None:
    """The name in /sys/block of the disk that holds `state`."""
    nearest = next(each for each in (state, *state.parents) if each.exists())
    device = nearest.stat().st_dev
    link = host.base / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    if not link.exists():
        return None
    real = link.resolve()
    return real.parent.name if (real / "partition").exists() else real.name


def _emmc(disk: str, wear: str, end: str | None) -> Seen:
    """By JESD84-B51: `wear` in tenths (0x0B: beyond its life), `end` 1 normal, 2 warning, 3
    urgent.
    """
    worst = max((int(each, 16) for each in wear.split()), default=0)
    reserve = int(end, 16) if end else 0
    said = (
        f"{disk}: eMMC, {min(worst, 11) * 10 - 10} to {min(worst, 11) * 10} % of its life is used"
    )
    if worst > 10 or reserve >= 3:
        return (
            Level.FAULT,
            f"{said}; at its end",
            "replace the card or the box now; copy the state first",
        )
    if worst * 10 > _WORN_PERCENT or reserve == 2:
        return Level.WARNING, said, "order a replacement"
    return ok(said)


def _smart(disk: str, said: str) -> Seen:
    try:
        report = json.loads(said)
    except ValueError:
        report = {}
    passed = report.get("smart_status", {}).get("passed")
    wear = report.get("nvme_smart_health_information_log", {}).get("percentage_used")
    words = f"{disk}: SMART passed" + (
        f", {wear} % of its life is used" if wear is not None else ""
    )
    if passed is False:
        return (
            Level.FAULT,
            f"{disk}: SMART says that it fails",
            "replace the disk now; copy the state first",
        )
    if passed is None:
        return ok(f"{disk}: SMART tells nothing (as root: sudo qc-edge doctor)")
    if wear is not None and wear >= _WORN_PERCENT:
        return Level.WARNING, words, "order a replacement"
    return ok(words)
