"""The dossier as plain values, for scripts."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from qc_edge.query.evidence import EvidenceFile
from qc_edge.report.dossier import Dossier, ExaminedInspection
from qc_edge.report.verification_commands import by_hand
from qc_edge.report.wording import checks, gate_lines, headline, sentence, timeline


def values(dossier: Dossier) -> dict[str, Any]:
    """One JSON-ready object: the part, and each of its inspections with everything that was looked
    at.
    """
    return {
        "station": dossier.station,
        "part_id": dossier.part_id,
        "made_at": dossier.made_at,
        "read_from": dossier.place,
        "holds": all(seen.holds for seen in dossier.examined),
        "inspections": [_inspection(seen) for seen in dossier.examined],
    }


def _inspection(seen: ExaminedInspection) -> dict[str, Any]:
    case = seen.case
    return {
        "told": headline(seen.row),
        "why": sentence(seen.row),
        "holds": seen.holds,
        "row": asdict(seen.row),
        "chain": {"seq": case.seq, "hash": case.sha256, "previous": case.previous},
        "gates": [asdict(line) for line in gate_lines(seen.row, seen.calibration)],
        "checks": [asdict(check) for check in checks(seen)],
        "evidence": {
            "frame": _piece(seen.raw),
            "prepared": _piece(seen.prepared),
            "map": _piece(seen.map),
        },
        "settings_as_today": seen.settings_today,
        "labels": [asdict(label) for label in case.labels],
        "timeline": [asdict(moment) for moment in timeline(seen)],
        "by_hand": [asdict(each) for each in by_hand(seen)],
    }


def _piece(piece: EvidenceFile) -> dict[str, Any]:
    return {
        "match": str(piece.match),
        "file": piece.path,
        "expected": piece.expected,
        "found": piece.sha256,
        "detail": piece.detail,
        "compressed": piece.compressed,
    }
