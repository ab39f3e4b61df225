"""Checks of the disk under a station: wear, time of a synced write, days until it is full."""

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

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.diagnostics.host import Host
from qc_edge.query.journal_reader import newest_rows
from qc_edge.settings import StationPaths, StorageSettings
from qc_edge.store.disk_trend import AMBER_DAYS, RED_DAYS
from qc_edge.store.durable import Disk

_WRITES = 50
_WRITE_BYTES = 65_536
SLOW_P50_MS = 30.0
SLOW_WORST_MS = 200.0
"""eMMC takes 5 to 20 ms for a synced write: slower is a worn card, a network mount or a busy disk.
"""

_SAMPLE_ROWS = 200
_SMARTCTL = ("smartctl", "-j", "-H", "-A")
_WORN_PERCENT = 80
_HOURS = 24


def check_health(host: Host, state: Path) -> Iterator[Finding]:
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
    # Its exit code is a mask of what it found (smartctl(8), "EXIT STATUS"): the report counts.
    elif (answer := host.ask(*_SMARTCTL, f"/dev/{disk}", also=tuple(range(256)))) is not None:
        yield _smart(disk, answer)


def check_latency(paths: StationPaths) -> Iterator[Finding]:
    """How long a small synced write takes where frames are written, one after the other."""
    probe = paths.spool_tmp / f".doctor-{os.getpid()}"
    times_ms = []
    try:
        for _ in range(_WRITES):
            begun = time.perf_counter()
            Disk().write_evidence(probe, [bytes(_WRITE_BYTES)])
            times_ms.append((time.perf_counter() - begun) * 1e3)
            Disk().unlink(probe)
    finally:
        with suppress(OSError):
            probe.unlink()
    times_ms.sort()
    p50, worst = times_ms[len(times_ms) // 2], times_ms[-1]
    message = f"a synced write of 64 KiB takes {p50:.1f} ms, at worst {worst:.1f} ms of {_WRITES}"
    if p50 > SLOW_P50_MS or worst > SLOW_WORST_MS:
        yield warning(
            message, "every frame waits for it: what else writes (iotop)? a worn card? an SSD"
        )
    else:
        yield ok(message)


def check_trend(paths: StationPaths, storage: StorageSettings) -> Iterator[Finding]:
    """How many days until the station holds for lack of room, at the rate of the last day."""
    free = Disk().free_bytes(paths.state)
    rate = _bytes_a_day(paths)
    if not rate:
        yield ok("no frames in the last 24 h: the room lasts")
        return
    days = max(0.0, free - storage.stop_free_mb * 1e6) / rate
    message = (
        f"{rate / 1e9:,.1f} GB a day at the pace of the last 24 h: room for {days:,.0f} days, "
        "then it holds"
    )
    hint = (
        f"a larger disk, or [retention] in the settings: qc-edge retention plan {paths.name} says "
        "what its rules would delete; without it nothing is"
    )
    if days < RED_DAYS:
        yield fault(message, hint)
    elif days < AMBER_DAYS:
        yield warning(message, hint)
    else:
        yield ok(message)


def _bytes_a_day(paths: StationPaths) -> float:
    """Bytes that the station writes in a day: journal, database and evidence; 0 without frames.

    Measured on samples, since counting all evidence would take minutes: the size of the journal's
    last hours gives the number of rows, and the newest rows show how much evidence a row keeps. A
    station younger than a day counts as if it went on as it began.
    """
    hours = sorted(paths.journal.glob("*.jsonl"))[-_HOURS:]
    now = time.time()
    recent = [file.stat() for file in hours if now - file.stat().st_mtime < _HOURS * 3600]
    rows = [
        row
        for row in islice(newest_rows(paths.journal), _SAMPLE_ROWS)
        if row["table"] == "inspections"
    ]
    if not recent or not rows:
        return 0.0
    row_bytes = sum(len(json.dumps(row)) for row in rows) / len(rows)
    evidence_bytes = sum(_evidence_bytes(paths.state, row) for row in rows) / len(rows)
    journal_bytes = sum(file.st_size for file in recent)
    first = datetime.strptime(
        f"{min(paths.journal.glob('*.jsonl')).stem}+0000", "%Y-%m-%dT%H%z"
    ).timestamp()
    measured_hours = min(float(_HOURS), max(1.0, (now - first) / 3600))
    # Each row is written twice: to the journal and to the database.
    bytes_in_all = journal_bytes / row_bytes * (evidence_bytes + 2 * row_bytes)
    return bytes_in_all * _HOURS / measured_hours


def _evidence_bytes(state: Path, row: dict[str, Any]) -> int:
    size = 0
    for name in ("raw_path", "prepared_path", "map_path"):
        if isinstance(row.get(name), str):
            with suppress(OSError):
                size += (state / row[name]).stat().st_size
    return size


def _disk_of(host: Host, state: Path) -> str | None:
    """The name in /sys/block of the disk that holds `state`."""
    nearest = next(parent for parent in (state, *state.parents) if parent.exists())
    device = nearest.stat().st_dev
    link = host.base / f"sys/dev/block/{os.major(device)}:{os.minor(device)}"
    if not link.exists():
        return None
    device_directory = link.resolve()
    is_partition = (device_directory / "partition").exists()
    return device_directory.parent.name if is_partition else device_directory.name


def _emmc(disk: str, life_time: str, pre_eol: str | None) -> Finding:
    """The wear of an eMMC, as JESD84-B51 has it.

    `life_time` is used life in tenths, one hexadecimal number for each type of cell (0x0B: beyond
    its life); `pre_eol` the state of the reserved blocks: 1 normal, 2 warning, 3 urgent.
    """
    tenths = max((int(number, 16) for number in life_time.split()), default=0)
    reserve = int(pre_eol, 16) if pre_eol else 0
    message = (
        f"{disk}: eMMC, {min(tenths, 11) * 10 - 10} to {min(tenths, 11) * 10} % of its life is used"
    )
    if tenths > 10 or reserve >= 3:
        return fault(
            f"{message}; at its end", "replace the card or the box now; copy the state first"
        )
    if tenths * 10 > _WORN_PERCENT or reserve == 2:
        return warning(message, "order a replacement")
    return ok(message)


def _smart(disk: str, answer: str) -> Finding:
    """What `smartctl --json` says; a plain user gets no report."""
    try:
        report = json.loads(answer)
    except ValueError:
        report = {}
    passed = report.get("smart_status", {}).get("passed")
    wear = report.get("nvme_smart_health_information_log", {}).get("percentage_used")
    message = f"{disk}: SMART passed"
    message += f", {wear} % of its life is used" if wear is not None else ""
    if passed is False:
        return fault(
            f"{disk}: SMART says that it fails", "replace the disk now; copy the state first"
        )
    if passed is None:
        return ok(f"{disk}: SMART tells nothing (as root: sudo qc-edge doctor)")
    if wear is not None and wear >= _WORN_PERCENT:
        return warning(message, "order a replacement")
    return ok(message)
