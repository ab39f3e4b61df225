"""A part report as plain values, for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qc_edge.query.evidence import EvidenceFile
from qc_edge.query.kept.hold_rows import in_effect
from qc_edge.report.announcement import describe_announcement
from qc_edge.report.check_lines import check_lines
from qc_edge.report.explanation import describe_map, explain_verdict, headline
from qc_edge.report.exposure import is_exposure_known
from qc_edge.report.gate_lines import gate_lines
from qc_edge.report.part_report import ExaminedInspection, PartReport
from qc_edge.report.timeline import timeline
from qc_edge.report.verification_commands import verification_commands


def to_json_values(report: PartReport) -> dict[str, Any]:
    """The object that `qc-edge part --json` prints: the part, and all that was looked at of each
    of its inspections.
    """
    return {
        "station": report.station,
        "part_id": report.part_id,
        "made_at": report.made_at,
        "read_from": report.place,
        "holds": report.holds,
        "attempts": [asdict(row) for row in report.attempts],
        "inspections": [_inspection(inspection) for inspection in report.inspections],
    }


def _inspection(inspection: ExaminedInspection) -> dict[str, Any]:
    row, logged = inspection.row, inspection.logged
    return {
        "decided": headline(row),
        "announced": describe_announcement(logged),
        "exposure_known": is_exposure_known(row),
        "why": explain_verdict(row),
        "holds": inspection.holds,
        "row": asdict(row),
        "chain": {"seq": logged.seq, "hash": logged.sha256, "previous": logged.previous},
        "gates": [asdict(line) for line in gate_lines(row, inspection.calibration)],
        "checks": [asdict(line) for line in check_lines(inspection)],
        "evidence": {
            "frame": _evidence(inspection.raw),
            "prepared": _evidence(inspection.prepared),
            "map": _evidence(inspection.defect_map),
        },
        "recomputed_map": _recomputed(inspection),
        "settings_as_today": inspection.settings_unchanged,
        "labels": [asdict(label) for label in logged.labels],
        "hold_entries": [asdict(entry) for entry in logged.hold_entries],
        "held": [asdict(entry) for entry in in_effect(logged.hold_entries)],
        "deletions": [asdict(deletion) for deletion in logged.deletions],
        "timeline": [asdict(entry) for entry in timeline(inspection)],
        "by_hand": [asdict(command) for command in verification_commands(inspection)],
    }


def _recomputed(inspection: ExaminedInspection) -> dict[str, Any] | None:
    recomputed = inspection.recomputed
    if recomputed is None:
        return None
    return {
        "outcome": describe_map(inspection.defect_map, recomputed),
        "score": recomputed.score,
        "agrees": recomputed.agrees_with(inspection.row),
        "tolerance": recomputed.tolerance,
    }


def _evidence(file: EvidenceFile) -> dict[str, Any]:
    return {
        "match": str(file.match),
        "file": file.path,
        "expected": file.expected,
        "found": file.sha256,
        "detail": file.detail,
        "compressed": file.compressed,
    }
