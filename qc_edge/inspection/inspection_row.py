"""The decision on a scored frame, and its row: put together from what was seen on the way.

Pure: reads no file, writes nothing, tells nobody.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timezone

from qc_edge.challenge.gate import ChallengeGate
from qc_edge.domain.frame import ExposureSource
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.verdict import Decision, HoldReason, Verdict, decide, invalid
from qc_edge.inspection.frames import ScoredFrame
from qc_edge.service.clock import FrameClock


def decide_frame(
    scored: ScoredFrame,
    age_ms: float,
    now: datetime,
    challenge: HoldReason | None = None,
    past_due: str = "",
) -> Decision:
    """The decision on a frame that is `age_ms` milliseconds old; `now` dates its calibration,
    `challenge` holds it for a challenge, and what is `past_due`, in words, holds every part.
    """
    prepared, view = scored.prepared, scored.prepared.view
    notes = list(prepared.notes)
    if prepared.exposed.hold is not None:
        notes.insert(0, prepared.exposed.detail)
    if past_due:
        notes.append(f"past due: {past_due}")
    words = "".join(f"; {note}" for note in notes)
    if prepared.refusal is not None:
        decision = invalid(prepared.refusal.reason, prepared.refusal.detail + words)
        # Held anyhow; named so that nobody takes it for a view of the part that was told.
        if HoldReason.LATE_VIEW in prepared.holds:
            return replace(decision, hold_reason=HoldReason.LATE_VIEW)
        # Named so that no count of production has it.
        is_shown = challenge is HoldReason.CHALLENGE
        return replace(decision, hold_reason=challenge) if is_shown else decision
    assert scored.score is not None, "a frame without a score has a refusal"  # noqa: S101
    holds = _doubts(scored)
    if challenge is not None:
        holds.append(challenge)
    # The part of a recovered frame is gone: by how much it is late besides says nothing.
    if not prepared.file.recovered and scored.is_late(age_ms):
        holds.append(HoldReason.LATE)
    if view.calibration.learning is not None:
        holds.append(HoldReason.LEARNING)
    if view.calibration.is_due(now):
        holds.append(HoldReason.CALIBRATION_EXPIRED)
    if past_due:
        holds.append(HoldReason.PAST_DUE)
    decision = decide(scored.score, view.threshold, holds)
    if (defect_class := predicted_class(scored, decision)) is not None:
        share = (scored.class_scores or {}).get(defect_class, 0.0)
        words = f"; most likely {defect_class} ({share:.4f}){words}"
    return replace(decision, detail=decision.detail + words) if words else decision


def _doubts(scored: ScoredFrame) -> list[HoldReason]:
    """The reasons to hold the part that lie in where and when the frame comes from."""
    prepared = scored.prepared
    doubts = list(prepared.holds)
    if prepared.file.recovered:
        doubts.append(HoldReason.RECOVERED)  # its part has left the line while the station was down
    if prepared.exposed.hold is not None:
        doubts.append(prepared.exposed.hold)
    return doubts


def predicted_class(scored: ScoredFrame, decision: Decision) -> str | None:
    """What the model takes the defect of a FAIL for, if it has classes."""
    return scored.defect_class if decision.verdict is Verdict.FAIL else None


class InspectionBuilder:
    """Makes the row of each scored frame; used by the inspector's thread.

    `simulated_cameras` are those without a device behind them.
    """

    def __init__(
        self,
        simulated_cameras: frozenset[str],
        clock: FrameClock,
        challenge: ChallengeGate | None = None,
        past_due: Callable[[datetime], str] = lambda _now: "",
    ) -> None:
        """`past_due` says of a moment, in words, what holds every part by its date."""
        self._past_due = past_due
        self._clock = clock
        self._challenge = challenge
        self._simulated_cameras = simulated_cameras

    def build(self, scored: ScoredFrame, now: datetime) -> Inspection:
        """The row of a frame whose evidence is durable, decided and recorded `now`."""
        age_ms = scored.age_ms()
        judging_now, behind = self._clock.judging_now(), self._clock.behind
        challenge, past_due = self._challenged(scored, now), self._past_due(judging_now)
        decision = decide_frame(scored, age_ms, judging_now, challenge, past_due)
        if behind:
            decision = replace(decision, detail=f"{decision.detail}; the clock is {behind}")
        prepared = scored.prepared
        frame, image, figures = prepared.frame, prepared.image, prepared.figures
        rules, times, source = prepared.rules, prepared.times_ms, prepared.exposed.source
        view = prepared.view
        bundle, engine, threshold = view.bundle, view.engine, view.threshold
        # One keyword a column, in the order and under the headings of `Inspection`.
        return Inspection(
            frame_id=frame.frame_id,
            recorded_at=now,
            # the part and the exposure
            part_id=_printable(scored.part_id),
            part_source=scored.part_source,
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
            simulated=frame.camera in self._simulated_cameras,
            original_name=None if frame.original_name is None else _printable(frame.original_name),
            pixel_format=frame.pixel_format,
            width=image.width if image else None,
            height=image.height if image else None,
            bit_depth=image.bit_depth if image else None,
            exposure_us=frame.exposure_us,
            gain_db=frame.gain_db,
            # the verdict
            verdict=decision.verdict,
            disposition=decision.disposition,
            reason=decision.reason,
            detail=_printable(decision.detail),
            hold_reason=decision.hold_reason,
            needs_review=decision.needs_review,
            score=scored.score,
            threshold=threshold.value,
            review_band=threshold.review_band,
            threshold_id=threshold.threshold_id,
            # the evidence
            raw_path=scored.raw_path,
            raw_sha256=image.sha256 if image else None,
            prepared_path=scored.prepared_path,
            prepared_sha256=prepared.model_input_sha256,
            map_path=scored.map_path,
            map_sha256=scored.map_sha256,
            map_max=scored.map_max,
            # what judged
            preprocess_id=view.preprocess_id,
            calibration_id=view.calibration.calibration_id,
            calibration_in_date=not view.calibration.is_due(judging_now),
            model_name=bundle.name,
            model_version=bundle.version,
            model_sha256=bundle.sha256,
            engine_backend=engine.backend,
            engine_version=engine.version,
            engine_device=engine.device,
            engine_plan_sha256=engine.plan_sha256,
            software_version=rules.software_version,
            settings_digest=rules.digest,
            # the gates
            focus=figures.focus if figures else None,
            brightness=figures.brightness if figures else None,
            contrast=figures.contrast if figures else None,
            saturated_share=figures.saturated_share if figures else None,
            black_share=figures.black_share if figures else None,
            framing_score=figures.framing_score if figures else None,
            framing_shift_px=figures.framing_shift_px if figures else None,
            # the time it took
            wait_ms=_ms(times, "wait"),
            read_ms=_ms(times, "read"),
            gates_ms=_ms(times, "gates"),
            prepare_ms=_ms(times, "prepare"),
            infer_ms=_ms(times, "infer"),
            evidence_ms=_ms(times, "evidence"),
            age_ms=None if source is ExposureSource.UNKNOWN else round(age_ms, 3),
            # how the exposure is known
            retrieved_at=frame.retrieved_at,
            exposure_source=source,
            # the view and the recipe
            view=view.name if view.declared else None,
            recipe=rules.recipe,
            # the classes
            class_scores=None if scored.class_scores is None else _json(scored.class_scores),
            predicted_class=predicted_class(scored, decision),
            attempt_id=scored.attempt_id,
        )

    def _challenged(self, scored: ScoredFrame, now: datetime) -> HoldReason | None:
        if self._challenge is None:
            return None
        frame, rules, doubts = scored.prepared.frame, scored.prepared.rules, _doubts(scored)
        return self._challenge.hold_of(frame.frame_id, scored.part_id, rules, now, doubts)


def _ms(times: dict[str, float], step: str) -> float | None:
    taken = times.get(step)
    return None if taken is None else round(taken, 3)


def _json(class_scores: Mapping[str, float]) -> str:
    return json.dumps(class_scores, ensure_ascii=False, separators=(",", ":"))


def _printable(text: str) -> str:
    """`text` with bytes that are no UTF-8 shown as escapes: the log holds text only."""
    return text.encode("utf-8", "backslashreplace").decode()
