"""From a suspect window to the quarantine: the list, the hold on its parts and evidence, the sheet.

Nothing is held or written where nothing was judged in the window.
"""

from __future__ import annotations

import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from qc_edge.discipline.suspect.listing import SuspectFigures, SuspectList
from qc_edge.discipline.suspect.sheet import SHOWN, SuspectSheet, render
from qc_edge.discipline.suspect.window import SuspectCause, SuspectWindow, window_of
from qc_edge.domain.evidence.hold_entry import HoldScope
from qc_edge.domain.label import PersonRole
from qc_edge.errors import UsageError
from qc_edge.labels.holds import HoldRequest, hold, of_frames
from qc_edge.query.inspection_search import newest
from qc_edge.query.published_log import PublishedCursor, PublishedLog
from qc_edge.query.source import Span
from qc_edge.recipe.attribution import Attribution
from qc_edge.report.pdf import render_pdf
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import write_file

CAUSE = "suspect_window"
"""What holds of suspect parts have as their cause."""

_FEW = 500
"""So many inspections are held one by one; more, by the time of their exposures."""

_PUBLISHED_S = 8.0
"""So long the newest rows are waited for: a running station publishes every few seconds."""


@dataclass(frozen=True, slots=True)
class SuspectAsk:
    """What is asked: a cause, or a time of its own (aware UTC); `recipe` None: by the cause.

    `role` is as whom `by` holds.
    """

    by: Attribution
    cause: SuspectCause | None = None
    since: datetime | None = None
    until: datetime | None = None
    recipe: str | None = None
    holds: bool = True
    role: PersonRole = PersonRole.QUALITY


@dataclass(frozen=True, slots=True)
class Quarantined:
    """What was found and written. `pdf` is None where it could not be made, `why_no_pdf` says why;
    `missing_newest`: the newest inspections were not published in time and are not in the list.
    """

    window: SuspectWindow
    figures: SuspectFigures
    hold_id: str | None
    csv: Path
    html: Path
    pdf: Path | None
    why_no_pdf: str
    missing_newest: bool


def quarantine(
    paths: StationPaths,
    ask: SuspectAsk,
    directory: Path,
    tell: Callable[[SuspectWindow, SuspectFigures], None] = lambda _window, _figures: None,
) -> Quarantined:
    """Find what is suspect, hold it, and write its sheet and its list into `directory`.

    `tell` is called once it is held, before they are written: a list of millions takes its time.

    Raises UsageError if there is no beginning, or nothing in the window; RightsError, StoreError.
    """
    now = utc_now()
    csv = (directory / "parts.csv").absolute()
    one_hour = csv.with_name("parts.csv.part")
    with (
        tempfile.TemporaryDirectory(prefix="qc-edge-suspect-") as spill,
        PublishedLog(paths.published, spill=Path(spill), writable=[one_hour]) as published,
    ):
        log = published.cursor()
        is_late = not _wait_until_published(paths, log, now)
        window = _window(log, ask, now)
        suspects = SuspectList(log, window)
        found = suspects.figures()
        if found.first is None or found.last is None:
            recipe = f" of recipe {window.recipe}" if window.recipe else ""
            raise UsageError(
                f"nothing{recipe} was judged from {window.since:%Y-%m-%d %H:%M:%S} to "
                f"{window.until:%Y-%m-%d %H:%M:%S} UTC",
                hint=f"{window.words}; --from and --to name another time (UTC)",
            )
        scopes = _scopes(suspects, found)
        # First the hold: what is on the list must not be deleted while the list is written.
        hold_id = None
        if ask.holds:
            why = f"{ask.by.reason}; {window.words}"[:2000]
            hold_id = hold(paths, HoldRequest(scopes, ask.by.by, why, CAUSE, ask.role)).hold_id
        tell(window, found)
        make_directories([directory])
        rows = tuple(suspects.nearest(SHOWN))
        sheet = SuspectSheet(
            paths.name, window, found, rows, ask.by.by, ask.by.reason, hold_id, csv.name
        )
        page = render(paths, sheet)
        html = directory / "suspect.html"
        write_file(html, page.encode())
        pdf, why_not = directory / "suspect.pdf", ""
        try:
            write_file(pdf, render_pdf(page))
        except UsageError as fault:
            why_not = f"{fault.message}; {fault.hint}" if fault.hint else fault.message
        suspects.write_csv(csv, one_hour)
    return Quarantined(
        window, found, hold_id, csv, html, None if why_not else pdf, why_not, is_late
    )


def _window(log: PublishedCursor, ask: SuspectAsk, now: datetime) -> SuspectWindow:
    if ask.cause is not None:
        return window_of(log, ask.cause, ask.until or now, ask.recipe)
    assert ask.since is not None  # noqa: S101
    until = ask.until or now
    if ask.since >= until:
        raise UsageError("--from is not before --to", hint="the beginning first; times are UTC")
    return SuspectWindow(ask.since, until, "The time was given by a person", ask.recipe)


def _scopes(suspects: SuspectList, found: SuspectFigures) -> tuple[HoldScope, ...]:
    frames = suspects.frames(_FEW)
    if frames is not None:
        return of_frames(frames)
    assert found.last is not None  # noqa: S101
    return (HoldScope(since=found.first, until=found.last + timedelta(microseconds=1)),)


def _wait_until_published(paths: StationPaths, log: PublishedCursor, now: datetime) -> bool:
    """True once the newest inspection of the journal is among the published ones."""
    rows = newest(paths.journal, 1)
    if not rows:
        return True
    frame, at = rows[0].frame_id, rows[0].recorded_at
    pause, end = threading.Event(), time.monotonic() + _PUBLISHED_S
    while True:
        span = Span(since=at - timedelta(hours=1))
        relation = log.relation("inspections", span, ("frame_id", "recorded_at"))
        query = f"SELECT count(*) FROM {relation} WHERE recorded_at >= $at AND frame_id = $frame"  # noqa: S608
        values = {"at": at.replace(tzinfo=None) - timedelta(minutes=1), "frame": frame}
        if relation is not None and log.fetch(query, values)[0][0]:
            return True
        if time.monotonic() > end or (now - at) > timedelta(days=1):
            return False
        pause.wait(0.2)
