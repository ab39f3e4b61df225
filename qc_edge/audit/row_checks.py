"""Rows held against what they say themselves: verdicts, ids, and what a label is of."""

from __future__ import annotations

import re

from qc_edge.audit.finding import AuditReport
from qc_edge.audit.frame_ids import FrameIds
from qc_edge.query.audit_queries import LABELS, MASKED_LABELS, TWICE, WRONG_VERDICTS, fetch
from qc_edge.query.rows import Rows
from qc_edge.records.record_file import file_digest
from qc_edge.settings import StationPaths

_MASK = re.compile(r'"mask":"([0-9a-f]{64})"')
_IDS = {
    "inspections": "frame_id",
    "gaps": "gap_id",
    "events": "event_id",
    "labels": "label_id",
    "shadow_scores": "frame_id",
    "parts": "attempt_id",
    "told": "told_id",
    "holds": "entry_id",
    "deletions": "deletion_id",
    "challenge_parts": "entry_id",
    "challenge_results": "result_id",
    "challenges": "challenge_id",
}
"""The column of each table that is unique in it."""


def check_verdicts(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """Each verdict, disposition and need of review is what score, threshold, band and hold give."""
    for seq, frame, part, score, threshold, verdict, disposition, hold, review in fetch(
        rows, WRONG_VERDICTS, "inspections", first, last
    ):
        held = f", held: {hold}" if hold else ""
        report.fault(
            "wrong_verdict",
            f"{verdict}, {disposition}, {'' if review else 'not '}to be reviewed: not what score "
            f"{score} against threshold {threshold}{held} gives",
            f"{rows.place} row {seq}, part {part}, {frame}",
            "hold the part; if the row agrees with its hash, the software that wrote it was at "
            "fault",
        )


def check_unique_ids(report: AuditReport, rows: Rows, first: int, last: int) -> None:
    """No id stands in two rows of its table."""
    for table, name in _IDS.items():
        for identity, count, seq in fetch(rows, TWICE.replace("{name}", name), table, first, last):
            report.fault(
                "id_twice",
                f"{count} rows have the {name} {identity}",
                f"{rows.place} row {seq} and later",
                "one frame, one row: report it with the journal of that hour",
            )


def check_labels(report: AuditReport, rows: Rows, first: int, last: int, frames: FrameIds) -> None:
    """Every label is of a frame that has a row; `frames` are those that have one."""
    for seq, label, frame, part in fetch(rows, LABELS, "labels", first, last):
        if frame not in frames:
            report.fault(
                "label_of_nothing",
                f"label {label} is of {frame}, which has no row",
                f"{rows.place} row {seq}, part {part}",
                "was the inspection deleted? the journal has it",
            )


def check_masks(
    report: AuditReport, paths: StationPaths, rows: Rows, first: int, last: int
) -> None:
    """Every mask that a label names is there, and is what its name says."""
    if "regions" not in rows.columns("labels"):
        return
    for seq, label, part, regions in fetch(rows, MASKED_LABELS, "labels", first, last):
        for sha256 in _MASK.findall(regions):
            path = paths.masks / f"{sha256}.png"
            found = file_digest(path)
            if found != sha256:
                state = "is not what its name says" if found else "is gone"
                report.fault(
                    "mask_changed" if found else "mask_missing",
                    f"the mask of label {label} {state}",
                    f"masks/{path.name}, row {seq}, part {part}",
                    "restore it from a backup; the label still says what the part is",
                )
