"""The station's state in one value and one line: what `qc-edge status` and systemctl show."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from qc_edge.capture.state import CaptureState
from qc_edge.challenge.state import ChallengeState
from qc_edge.domain.verdict import Disposition
from qc_edge.inspection.statistics import LastPart, Latency, ShiftCounts
from qc_edge.output.line_output import OutputStatus
from qc_edge.recipe.rules import CalibrationStatus, ViewRules
from qc_edge.shadow.shadow import ShadowStatus
from qc_edge.station.reload import ReloadAnswer
from qc_edge.store.log.startup_state import DayCounts

_SHOWN_REASONS = 3


@dataclass(frozen=True, slots=True)
class CameraStatus:
    """One camera: whether it delivers, and what it has done since the station started."""

    name: str
    connected: bool
    detail: str
    triggers: int
    spooled: int
    lost: int
    reopened: int
    last_frame_at: str | None

    @classmethod
    def of(cls, state: CaptureState) -> CameraStatus:
        """The status of the camera whose capture has this state."""
        at = state.last_frame_at.isoformat(timespec="milliseconds") if state.last_frame_at else None
        return cls(
            state.name,
            state.connected,
            state.detail,
            state.triggers,
            state.spooled,
            state.lost,
            state.reopened,
            at,
        )


@dataclass(frozen=True, slots=True)
class ViewStatus:
    """What judges one view of a part."""

    name: str
    camera: str
    model: str
    engine: str
    threshold: float
    threshold_id: str

    @classmethod
    def of(cls, view: ViewRules) -> ViewStatus:
        """The status of the view with these rules."""
        threshold, engine = view.threshold, f"{view.engine.backend} {view.engine.version}"
        return cls(
            view.name,
            view.camera,
            view.bundle.reference,
            engine,
            threshold.value,
            threshold.threshold_id,
        )


@dataclass(frozen=True, slots=True)
class Status:
    """Everything a person asks of a running station. `troubles` lead the line; none means READY.

    `warnings` follow them: parts are judged, but somebody should look. `behind` says how
    far the inspection is behind the line, though some parts are told in time; empty if it is not.
    `at` is of the wall clock, which may be stepped; `monotonic_ns`, of CLOCK_MONOTONIC, tells how
    old the status is.
    """

    station: str
    pid: int
    version: str
    roles: tuple[str, ...]
    at: str
    monotonic_ns: int
    started_at: str
    ready: bool
    troubles: tuple[str, ...]
    warnings: tuple[str, ...]
    spool_depth: int
    spool_oldest_s: float
    live_waiting: int
    backlog_waiting: int
    behind: str
    disk: str
    upstream: str
    clock: str
    cameras: tuple[CameraStatus, ...]
    time_zone: str
    today: DayCounts | None
    shift: ShiftCounts | None
    latency: Latency | None
    last_part: LastPart | None
    model: str | None
    model_sha256: str | None
    model_reason: str | None
    model_news: str
    recipe: str | None
    recipe_reason: str | None
    recipe_news: str
    recipes_resident: tuple[str, ...]
    engine: str | None
    engine_reason: str | None
    threshold: float | None
    threshold_id: str | None
    views: tuple[ViewStatus, ...]
    calibrations: tuple[CalibrationStatus, ...]
    mended: tuple[str, ...]
    shadow: ShadowStatus | None
    reload: ReloadAnswer | None
    outputs: tuple[OutputStatus, ...] = ()
    challenge: ChallengeState | None = None

    def to_json(self) -> bytes:
        """The content of status.json."""
        return json.dumps(asdict(self), indent=1).encode()

    def line(self) -> str:
        """The one line of `systemctl status`: what is wrong first, then how it goes."""
        state = self.troubles or (*filter(None, [self.behind]), "READY")
        parts = [*state, *self.warnings]
        if self.today:
            parts.append(_counts(self.today))
        backlog = f" ({self.backlog_waiting:,} of a backlog)" if self.backlog_waiting else ""
        parts.append(f"spool {self.spool_depth}{backlog}")
        if self.latency and self.latency.p99_ms is not None:
            parts.append(f"p99 {self.latency.p99_ms:.0f} ms")
        if self.model:
            parts.append(f"{self.model} {self.engine}")
        if self.recipe:
            parts.append(f"recipe {self.recipe}")
        if self.recipe_news:
            parts.append(self.recipe_news)
        if self.model_news:
            parts.append(self.model_news)
        if self.shadow and self.shadow.state.startswith("stopped"):
            parts.append(f"shadow {self.shadow.bundle} {self.shadow.state}")
        due = min((calibration.due_in_days for calibration in self.calibrations), default=None)
        if due is not None:
            parts.append(
                f"calibration due in {due:.0f} d"
                if due > 0
                else "calibration EXPIRED: parts are held"
            )
        return " · ".join(parts)


def _counts(today: DayCounts) -> str:
    shown = sorted(today.reasons.items(), key=lambda item: -item[1])[:_SHOWN_REASONS]
    why = f" ({', '.join(f'{count} {reason}' for reason, count in shown)})" if shown else ""
    verdicts = ", ".join(
        f"{today.verdicts.get(name, 0):,} {name}" for name in ("PASS", "FAIL", "INVALID")
    )
    lost = f", {today.lost:,} lost" if today.lost else ""
    frames = f"{sum(today.verdicts.values()):,} today: {verdicts}{why}{lost}"
    if not today.parts:
        return frames
    told = ", ".join(f"{today.parts.get(name, 0):,} {name}" for name in Disposition)
    return f"{sum(today.parts.values()):,} parts today: {told}; frames: {frames}"
