"""Collects what has a date: from records, the page's files, the log, kept studies and settings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import Enum

from cryptography import x509

from qc_edge.discipline.msa.station import studies
from qc_edge.errors import CalibrationError
from qc_edge.query.control.challenge_dates import challenge_dates
from qc_edge.query.published_log import PublishedLog
from qc_edge.records import calibrations
from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.discipline.due import DueSettings, Policy


class DueKind(str, Enum):
    """What has a date; the codes are those of the settings and the metrics."""

    CALIBRATION = "calibration"
    CHALLENGE_PART = "challenge_part"
    CERTIFICATE = "certificate"
    TOKEN = "token"  # noqa: S105
    MSA = "msa"
    SIGNING_KEY = "signing_key"
    OTHER = "other"

    __str__ = str.__str__


HOLDING: frozenset[Policy] = frozenset({"hold", "not_ready"})
"""A station that is not ready accepts nothing, not even what comes all the same."""


@dataclass(frozen=True, slots=True)
class DueDate:
    """A thing and the moment (aware UTC) from which it no longer holds."""

    kind: DueKind
    name: str
    ends: datetime
    policy: Policy

    def in_days(self, now: datetime) -> float:
        """Below 0 where it is past."""
        return (self.ends - now).total_seconds() / 86_400

    def holds(self, now: datetime) -> bool:
        """True if it is past and parts are held for it. A calibration holds those of its camera."""
        is_past = now >= self.ends
        return is_past and self.policy in HOLDING and self.kind is not DueKind.CALIBRATION

    def words(self, now: datetime) -> str:
        """For a status line: `due: token mes in 9 d`."""
        days = self.in_days(now)
        what = f"{self.kind.replace('_', ' ')} {self.name}"
        return f"due: {what} in {days:.0f} d" if days > 0 else f"PAST DUE: {what}"


def due_dates(paths: StationPaths, settings: Settings) -> list[DueDate]:
    """The calendar, what comes first at the top. What does not read is left out: other checks name
    it. Raises StoreError if the log does not read.
    """
    due = settings.due
    found = [
        DueDate(kind, name, ends, _policy(due, kind))
        for kind, name, ends in (
            *_calibrations(paths),
            *_certificate(paths),
            *_tokens(paths),
            *_studies(paths, due),
            *((DueKind(each.kind), each.name, each.ends) for each in due.dates),
            *_challenge_parts(paths),
        )
    ]
    return sorted(found, key=lambda each: (each.ends, each.kind, each.name))


def warnings(dates: list[DueDate], due: DueSettings, now: datetime) -> list[str]:
    """What is to be said now. Calibrations have words of their own in the status."""
    return [
        f"{each.words(now)}: every part is HOLD"
        if each.policy == "hold" and each.holds(now)
        else each.words(now)
        for each in dates
        if each.policy != "ignore"
        and each.kind is not DueKind.CALIBRATION
        and each.in_days(now) <= due.warn_days
    ]


def troubles(dates: list[DueDate], now: datetime) -> list[str]:
    """What keeps the station from being ready."""
    return [
        each.words(now) for each in dates if each.policy == "not_ready" and each.in_days(now) <= 0
    ]


_Dated = Iterator[tuple[DueKind, str, datetime]]


def _policy(due: DueSettings, kind: DueKind) -> Policy:
    policy: Policy = getattr(due, kind.value)
    return policy


def _calibrations(paths: StationPaths) -> _Dated:
    for camera in calibrations.cameras(paths.calibration):
        try:
            record = calibrations.load_current(paths.calibration, camera)
        except CalibrationError:
            continue
        yield DueKind.CALIBRATION, camera, record.due_at.astimezone(timezone.utc)


def _certificate(paths: StationPaths) -> _Dated:
    try:
        content = (paths.page / "page.pem").read_bytes()
        ends = x509.load_pem_x509_certificate(content).not_valid_after_utc
    except (OSError, ValueError):
        return  # none was made, or it is not this user's to read
    yield DueKind.CERTIFICATE, "of the page", ends


def _tokens(paths: StationPaths) -> _Dated:
    try:
        tokens = json.loads(paths.page_tokens.read_bytes())["tokens"]
        found = [
            (str(each["name"]), datetime.fromtimestamp(float(each["expires"]), timezone.utc))
            for each in tokens
        ]
    except (OSError, ValueError, LookupError, TypeError, OverflowError):
        return
    yield from ((DueKind.TOKEN, name, ends) for name, ends in found)


def _studies(paths: StationPaths, due: DueSettings) -> _Dated:
    """The newest study of each kind: its name begins with the time and ends with the kind."""
    newest: dict[str, datetime] = {}
    for path in studies(paths).glob("*Z-*.json"):
        stamp, _, kind = path.stem.partition("Z-")
        try:
            at = datetime.strptime(stamp, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
        except ValueError:
            continue
        newest[kind] = max(at, newest.get(kind, at))
    for kind, at in newest.items():
        yield DueKind.MSA, kind, at + timedelta(days=due.msa_days)


def _challenge_parts(paths: StationPaths) -> _Dated:
    if not paths.published.is_dir():
        return
    with PublishedLog(paths.published, memory_limit="128MB", threads=1) as log:
        for name, ends in challenge_dates(log.cursor()):
            yield DueKind.CHALLENGE_PART, name, ends
