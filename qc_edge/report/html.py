"""The report as one HTML file that needs nothing else: no network, no script, every picture inside
it.
"""

from __future__ import annotations

from typing import Any

from qc_edge.report.dossier import Dossier, ExaminedInspection
from qc_edge.report.pictures import pictures
from qc_edge.report.verification_commands import by_hand
from qc_edge.report.wording import checks, gate_lines, headline, match_words, sentence, timeline

TONES = {"ACCEPTED": "good", "REJECTED": "bad", "HELD": "held"}
_STEPS = ("wait", "read", "gates", "prepare", "infer", "evidence")


def render(dossier: Dossier) -> str:
    """The whole report, UTF-8."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("qc_edge.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = environment.get_template("report.css").render()
    return environment.get_template("report.html").render(
        dossier=dossier,
        style=style,
        tones=TONES,
        parts=[_part(seen) for seen in dossier.examined],
        last=dossier.last.row,
        holds=all(seen.holds for seen in dossier.examined),
    )


def _part(seen: ExaminedInspection) -> dict[str, Any]:
    row = seen.row
    return {
        "seen": seen,
        "row": row,
        "headline": headline(row),
        "sentence": sentence(row),
        "pictures": pictures(seen),
        "gates": gate_lines(row, seen.calibration),
        "checks": checks(seen),
        "timeline": timeline(seen),
        "by_hand": by_hand(seen),
        "identification": identification(seen),
        "evidence": [
            (name, piece, match_words(piece), path)
            for name, piece, path in (
                ("frame", seen.raw, row.raw_path),
                ("prepared input", seen.prepared, row.prepared_path),
                ("defect map", seen.map, row.map_path),
            )
        ],
        "steps": [
            (step, taken) for step in _STEPS if (taken := getattr(row, f"{step}_ms")) is not None
        ],
    }


def identification(seen: ExaminedInspection) -> list[tuple[str, str]]:
    """What judged, where, by which settings; label and value."""
    row, record = seen.row, seen.calibration
    serial = f", serial number {row.camera_serial}" if row.camera_serial else ""
    number = f", its frame {row.camera_frame_number}" if row.camera_frame_number is not None else ""
    clock = "" if row.clock_trusted else " (clock not trusted)"
    lines = [
        ("part", f"{row.part_id} (id from the {row.part_source})"),
        ("lot", row.lot or "not given"),
        ("station", row.station + (", simulated camera" if row.simulated else "")),
        ("camera", f"{row.camera}{serial}{number}"),
        ("exposed", f"{row.captured_at:%Y-%m-%d %H:%M:%S.%f} UTC{clock}"),
        ("recorded", f"{row.recorded_at:%Y-%m-%d %H:%M:%S.%f} UTC"),
        ("frame", row.frame_id),
        ("model", f"{row.model_name}@{row.model_version}, sha256 {row.model_sha256}"),
        ("engine", f"{row.engine_backend} {row.engine_version} on {row.engine_device}"),
        (
            "threshold",
            f"{row.threshold:g}, review within {row.review_band:g} of it; from {row.threshold_id}",
        ),
        (
            "calibration",
            (
                f"{row.calibration_id}, "
                f"{'in date' if row.calibration_in_date else 'PAST ITS DUE DATE'}"
            ),
        ),
    ]
    if record is not None:
        lines.append(
            (
                "calibrated",
                f"{record.made_at:%Y-%m-%d} by {record.made_by}, due {record.due_at:%Y-%m-%d}",
            )
        )
    today = {True: "as today", False: "changed since", None: ""}[seen.settings_today]
    lines += [
        ("preprocessing", row.preprocess_id),
        ("software", row.software_version),
        ("settings", f"sha256 {row.settings_digest}" + (f", {today}" if today else "")),
    ]
    if row.engine_plan_sha256:
        lines.append(("engine plan", f"sha256 {row.engine_plan_sha256}"))
    if row.original_name:
        lines.append(("delivered as", row.original_name))
    return lines
