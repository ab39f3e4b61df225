"""Published files and seals: each file whole and with its own hour, each day as it was sealed."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path

from qc_edge.audit.finding import AuditReport, AuditStep
from qc_edge.errors import StoreError
from qc_edge.publish.seal import SealedFile, file_sha256, read_seal, seal_path, sealed_days
from qc_edge.query.audit_queries import SEALS, fetch
from qc_edge.query.examined_log import ExaminedLog
from qc_edge.query.rows import Rows

_AGAIN = "move it away: the station writes it again from its database at the next start"
_PUBLISHED_WITHIN_S = 60.0
_SEALED = "restore it from upstream or a backup: a sealed day never changes"


def check_files(report: AuditReport, published: ExaminedLog, directory: Path) -> None:
    """Every file reads, and holds the rows of its own hour in order of their numbers."""
    for damaged in published.damaged:
        report.fault(
            "file_damaged",
            f"does not read: {damaged.detail}",
            _name(damaged.path, directory),
            _AGAIN,
        )
    for file in published.files:
        where = _name(file.path, directory)
        # A row goes into the hour of its recorded_at, in order of the chain (docs/decisions/0011).
        if not file.holds_only_its_hour:
            report.fault(
                "wrong_hour",
                f"has rows recorded from {file.earliest:%Y-%m-%d %H:%M} to "
                f"{file.latest:%Y-%m-%d %H:%M} UTC",
                where,
                _AGAIN,
            )
        if not file.in_order:
            report.fault(
                "wrong_order", "its rows do not stand in order of their numbers", where, _AGAIN
            )


def check_seals(
    report: AuditReport,
    step: AuditStep,
    directory: Path,
    since: date | None,
    threads: int,
) -> None:
    """Every sealed day is as its manifest says; what the manifest itself is worth, its event says.

    `since` leaves out earlier days; `step` counts bytes; files are read by `threads` threads.
    """
    days = sorted(day for day in sealed_days(directory) if since is None or day >= since)
    with ThreadPoolExecutor(threads, "seals") as pool:
        for day in days:
            _check_day(report, step, directory, day, pool)


def check_told_seals(
    report: AuditReport, rows: Rows, directory: Path, since: date | None, *, running: bool
) -> None:
    """Every manifest is the one that its event tells, and each has the other.

    A manifest could be written anew with the files it is for, an event not without breaking the
    chain. Raises StoreError.
    """
    told = {
        date.fromisoformat(detail.split()[0]): digest
        for detail, digest in fetch(rows, SEALS, "events", 0, 2**62)
        if detail and digest
    }
    sealed = sealed_days(directory)
    for day in sorted(day for day in told.keys() | sealed if since is None or day >= since):
        path = seal_path(directory, day)
        where = _name(path, directory)
        if day not in sealed:
            message = f"is missing; the event of its day has it with sha256 {told[day]}"
            report.fault("seal_missing", message, where, _SEALED)
        elif day not in told:
            # Published some seconds after it was written.
            if not (running and time.time() - path.stat().st_mtime < _PUBLISHED_WITHIN_S):
                hint = "start the station: it holds the day against it, and tells it or refuses it"
                message = "no event tells this manifest: nothing says that it is what was written"
                report.fault("seal_untold", message, where, hint)
        elif (digest := file_sha256(path)) != told[day]:
            message = (
                f"is not the manifest that was written: its sha256 is {digest[:12]}…, its event "
                f"says {told[day]}"
            )
            report.fault("seal_changed", message, where, _SEALED)


def _check_day(
    report: AuditReport,
    step: AuditStep,
    directory: Path,
    day: date,
    pool: ThreadPoolExecutor,
) -> None:
    path = seal_path(directory, day)
    where = _name(path, directory)
    try:
        seal = read_seal(directory, day)
    except StoreError as fault:
        report.fault("seal_damaged", fault.message, where, fault.hint)
        return
    # hashlib works outside the interpreter's lock, so threads share the cores.
    faults = pool.map(lambda file: _file_fault(directory / file.path, file), seal.files)
    for message, file in zip(faults, seal.files, strict=True):
        step.advance(file.bytes)
        if message:
            report.fault("sealed_file_changed", message, f"published/{file.path}", _SEALED)
    present = {
        file.relative_to(directory).as_posix() for file in directory.glob(f"*/date={day}/*.parquet")
    }
    for stranger in sorted(present - {file.path for file in seal.files}):
        report.fault(
            "sealed_day_grew",
            f"the day {day} was sealed without it",
            f"published/{stranger}",
            "find out who added it, and move it away",
        )


def _file_fault(path: Path, sealed: SealedFile) -> str:
    """What is wrong with a sealed file; empty if nothing is."""
    try:
        # The size first: a file that was cut needs no digest.
        if path.stat().st_size == sealed.bytes and file_sha256(path) == sealed.sha256:
            return ""
    except FileNotFoundError:
        return "is missing"
    except OSError as fault:
        return f"cannot be read: {fault.strerror}"
    return "is not the file that was sealed: its bytes have another sha256"


def _name(path: Path, directory: Path) -> str:
    return path.relative_to(directory.parent).as_posix()
