"""The tables of a pack, from the log and the records."""

from __future__ import annotations

from datetime import timezone

from qc_edge.discipline.audit_pack.period import AuditPeriod
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.events import EventKind
from qc_edge.errors import CalibrationError
from qc_edge.query.control.period_tables import (
    NamedRows,
    chain_ends,
    found_and_left,
    table_rows,
    what_judged,
)
from qc_edge.query.published_log import PublishedCursor
from qc_edge.query.shift.shift_answers import GATE_FIGURES
from qc_edge.query.source import Span
from qc_edge.records import calibrations
from qc_edge.settings import StationPaths

REGISTER = "challenge_parts"

_KEPT = {
    "challenge_results": "challenge parts that were shown, and what the station said of them",
    "challenges": "challenges, and how each ended",
    "holds": "what was kept, for whom and why, and who released it: suspect windows among them",
    "deletions": "what was deleted to make room, and why it might be",
    "labels": "what persons said of parts",
}
"""Tables of the log as they are, with their place in the chain."""

_PEOPLE = ("page_", "label_refused")


def pack_tables(
    cursor: PublishedCursor, paths: StationPaths, period: AuditPeriod
) -> list[tuple[str, NamedRows, str]]:
    """Name, rows, and what they are in words. Raises StoreError."""
    span = Span(period.begins, period.ends)
    names, events = table_rows(cursor, "events", span)
    kind, record = (names.index(each) if each in names else 0 for each in ("kind", "record"))
    of_people = [row for row in events if str(row[kind]).startswith(_PEOPLE)]
    in_force = [row for row in events if row[record]]
    found: list[tuple[str, NamedRows, str]] = [
        ("events", (names, events), "every change and trouble: what, before, after, who, why"),
        ("records-in-force", (names, in_force), "which record came in force when, by its digest"),
        ("people", (names, of_people), "users, roles, tokens, log-ins"),
        ("software", what_judged(cursor, span), "what judged, and how many frames"),
        ("calibration", _calibrations(cursor, paths, period), "calibrations, as found and as left"),
        ("chain", chain_ends(cursor, span), "first and last row of the period in the chain"),
    ]
    seals = [row for row in events if row[kind] == EventKind.SEALED.value]
    found.append(("seals", (names, seals), "days that were sealed, with their manifest's digest"))
    # A part of this period may have come into the register long before.
    entries = table_rows(cursor, REGISTER, Span(until=period.ends))
    found.append((REGISTER, entries, "the register of challenge parts, every entry until the end"))
    return found + [
        (table, table_rows(cursor, table, span), words) for table, words in _KEPT.items()
    ]


def _calibrations(cursor: PublishedCursor, paths: StationPaths, period: AuditPeriod) -> NamedRows:
    """Each record made in the period: the gates' means in the day before and after it."""
    columns = (
        *("calibration", "camera", "made_at", "made_by", "due_at", "source", "why"),
        *(f"found_{name}" for name in ("frames", *GATE_FIGURES)),
        *(f"left_{name}" for name in ("frames", *GATE_FIGURES)),
    )
    rows = []
    for record in _made_in(paths, period):
        found, left = found_and_left(cursor, record.camera, record.made_at)
        rows.append(
            (
                record.calibration_id,
                record.camera,
                record.made_at.astimezone(timezone.utc).isoformat(),
                record.made_by,
                record.due_at.astimezone(timezone.utc).isoformat(),
                record.source,
                record.why,
                *found.values(),
                *left.values(),
            )
        )
    return columns, rows


def _made_in(paths: StationPaths, period: AuditPeriod) -> list[Calibration]:
    found = []
    for path in sorted(paths.calibration.glob("*/*.toml")):
        try:
            record = calibrations.load(path)
        except CalibrationError:
            continue  # verify names it
        if period.begins <= record.made_at < period.ends:
            found.append(record)
    return found
