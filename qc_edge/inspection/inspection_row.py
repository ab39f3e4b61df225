"""The row of an inspection, put together from everything that was seen on the way."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime, timezone

from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Decision, HoldReason, decide, invalid
from qc_edge.inspection.preparer import Candidate


@dataclass(slots=True)
class ScoredFrame:
    """A candidate with its part, the model's score and where its evidence is kept.

    Paths are relative to the station's state. `failure` is set when the model failed on this frame.
    """

    found: Candidate
    part_id: str
    part_source: str
    score: float | None = None
    raw_path: str | None = None
    prepared_path: str | None = None
    map_path: str | None = None
    map_sha256: str | None = None


def age_ms(judged: ScoredFrame, boot: str) -> float:
    """Milliseconds since the exposure: by the monotonic clock within one boot, else since
    arrival.
    """
    frame, waiting = judged.found.frame, judged.found.waiting
    if frame.monotonic_ns is not None and frame.boot_id == boot:
        return (time.monotonic_ns() - frame.monotonic_ns) / 1e6
    return (time.monotonic_ns() - waiting.arrived_ns) / 1e6


def conclude(judged: ScoredFrame, age: float, now: datetime) -> Decision:
    """The decision on a judged frame that is `age` milliseconds old."""
    found, rules = judged.found, judged.found.rules
    if found.refusal is not None or judged.score is None:
        assert found.refusal is not None, "a frame without a score has a refusal"  # noqa: S101
        return invalid(*found.refusal)
    hold = None
    if found.waiting.recovered:
        hold = HoldReason.RECOVERED
    elif age > rules.settings.station.deadline_ms:
        hold = HoldReason.LATE
    elif found.calibration.is_due(now):
        hold = HoldReason.CALIBRATION_EXPIRED
    return decide(judged.score, rules.threshold, hold)


def row(
    judged: ScoredFrame, decision: Decision, age: float, now: datetime, simulated: bool
) -> Inspection:
    """The inspection row, recorded `now`."""
    found = judged.found
    frame, rules, image, figures = found.frame, found.rules, found.image, found.figures
    bundle, engine, times = rules.bundle, rules.engine, found.times_ms
    in_date = not found.calibration.is_due(now)
    return Inspection(
        frame_id=frame.frame_id,
        recorded_at=now,
        part_id=printable(judged.part_id) or "",
        part_source=judged.part_source,
        lot=frame.lot,
        station=rules.settings.station.name,
        camera=frame.camera,
        camera_serial=frame.camera_serial,
        camera_frame_number=frame.camera_frame_number,
        camera_timestamp=frame.camera_timestamp,
        captured_at=frame.captured_at.astimezone(timezone.utc),
        monotonic_ns=frame.monotonic_ns,
        boot_id=frame.boot_id,
        clock_trusted=frame.clock_trusted,
        simulated=simulated,
        original_name=printable(frame.original_name),
        pixel_format=frame.pixel_format,
        width=image.width if image else None,
        height=image.height if image else None,
        bit_depth=image.bit_depth if image else None,
        exposure_us=frame.exposure_us,
        gain_db=frame.gain_db,
        verdict=decision.verdict,
        disposition=decision.disposition,
        reason=decision.reason,
        detail=printable(decision.detail) or "",
        hold_reason=decision.hold_reason,
        needs_review=decision.needs_review,
        score=judged.score,
        threshold=rules.threshold.value,
        review_band=rules.threshold.review_band,
        threshold_id=rules.threshold.threshold_id,
        raw_path=judged.raw_path,
        raw_sha256=image.sha256 if image else None,
        prepared_path=judged.prepared_path,
        prepared_sha256=found.prepared_sha256,
        map_path=judged.map_path,
        map_sha256=judged.map_sha256,
        preprocess_id=found.preprocess_id,
        calibration_id=found.calibration.calibration_id,
        calibration_in_date=in_date,
        model_name=bundle.name,
        model_version=bundle.version,
        model_sha256=bundle.sha256,
        engine_backend=engine.backend,
        engine_version=engine.version,
        engine_device=engine.device,
        engine_plan_sha256=engine.plan_sha256,
        software_version=rules.software_version,
        settings_digest=rules.digest,
        focus=figures.focus if figures else None,
        brightness=figures.brightness if figures else None,
        contrast=figures.contrast if figures else None,
        saturated_share=figures.saturated_share if figures else None,
        black_share=figures.black_share if figures else None,
        framing_score=figures.framing_score if figures else None,
        framing_shift_px=figures.framing_shift_px if figures else None,
        wait_ms=_ms(times, "wait"),
        read_ms=_ms(times, "read"),
        gates_ms=_ms(times, "gates"),
        prepare_ms=_ms(times, "prepare"),
        infer_ms=_ms(times, "infer"),
        evidence_ms=_ms(times, "evidence"),
        age_ms=round(age, 3),
    )


def _ms(times: dict[str, float], step: str) -> float | None:
    taken = times.get(step)
    return None if taken is None else round(taken, 3)


def printable(name: str | None) -> str | None:
    """`name` with bytes that are no UTF-8 shown as escapes: the log holds text only."""
    return None if name is None else name.encode("utf-8", "backslashreplace").decode()
