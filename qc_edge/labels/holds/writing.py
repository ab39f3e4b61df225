"""Writes down what is to be held or released, durably, for the station to take up."""

from __future__ import annotations

import hashlib
import re
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from qc_edge.domain.evidence.hold_entry import HoldAction, HoldScope
from qc_edge.labels import drop
from qc_edge.labels.holds.record import MOST_ENTRIES, SaidHold, encode
from qc_edge.labels.holds.request import HoldRequest, ReleaseRequest
from qc_edge.labels.writing import TAKEN_UP_S
from qc_edge.service.clock import utc_now
from qc_edge.service.lock import holder_of
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import Role, StationPaths

_RECORD = re.compile(r"\d{8}T\d{12}Z-[0-9a-f]{8}\.json")


@dataclass(frozen=True, slots=True)
class WrittenHold:
    """A hold or release that was written: its id, its entries, the records that wait."""

    hold_id: str | None
    entries: tuple[SaidHold, ...]
    records: tuple[Path, ...]


def hold(paths: StationPaths, request: HoldRequest) -> WrittenHold:
    """Write the hold, durably; the station makes rows of it within a second, or at its start.

    Any process may call it: the page, a command, a check in the station itself. The same request
    with the same `hold_id` makes no second row. Raises UsageError for a request that no hold can be
    made of, RightsError, DiskFullError or StoreError; more than 500 scopes are several records, of
    which then some may have been written.
    """
    request.check()
    hold_id = request.hold_id or uuid.uuid4().hex[:12]
    return _write(paths, HoldAction.HOLD, request, request.scopes, hold_id)


def release(paths: StationPaths, request: ReleaseRequest) -> WrittenHold:
    """Write the release; raises as `hold`."""
    request.check()
    scopes = request.scopes or (HoldScope(),)
    return _write(paths, HoldAction.RELEASE, request, scopes, request.hold_id)


def wait_until_taken_up(paths: StationPaths, written: WrittenHold) -> bool | None:
    """Whether the running station has taken all of it up within a few seconds; None if it does not
    run.
    """
    pause, end = threading.Event(), time.monotonic() + TAKEN_UP_S
    while any(record.exists() for record in written.records):
        if holder_of(paths.lock(Role.INSPECT)) is None:
            return None
        if time.monotonic() > end:
            return False
        pause.wait(0.05)
    aside = (paths.set_aside / f"holds-{record.name}" for record in written.records)
    return not any(path.exists() for path in aside)


def state_of(paths: StationPaths, record: str) -> Literal["waits", "refused", "taken up"]:
    """What has become of a record by the name of its file; what is no such name is taken up."""
    if not _RECORD.fullmatch(record):
        return "taken up"
    if (paths.holds / record).exists():
        return "waits"
    return "refused" if (paths.set_aside / f"holds-{record}").exists() else "taken up"


def _write(
    paths: StationPaths,
    action: HoldAction,
    request: HoldRequest | ReleaseRequest,
    scopes: tuple[HoldScope, ...],
    hold_id: str | None,
) -> WrittenHold:
    now = utc_now()
    entries = tuple(
        SaidHold(
            entry_id=_entry_id(hold_id, scope) if _is_same_again(request) else uuid.uuid4().hex,
            action=action,
            hold_id=hold_id,
            scope=scope,
            cause=request.cause,
            who=request.who.strip(),
            role=request.role,
            why=request.why,
            said_at=now,
        )
        for scope in scopes
    )
    records = []
    with acting_as_owner(paths.state):
        drop.check_writable(paths, holds=True)
        for start in range(0, len(entries), MOST_ENTRIES):
            content = encode(paths.name, entries[start : start + MOST_ENTRIES])
            records.append(drop.put_record(paths.holds, content, utc_now()))
    return WrittenHold(hold_id, entries, tuple(records))


def _is_same_again(request: HoldRequest | ReleaseRequest) -> bool:
    """A hold whose id was given may be written again after a crash; a release is a word of its own:
    the same parts may be held, released, held and released.
    """
    return isinstance(request, HoldRequest) and request.hold_id is not None


def _entry_id(hold_id: str | None, scope: HoldScope) -> str:
    return hashlib.sha256(f"{hold_id} {scope!r}".encode()).hexdigest()[:32]
