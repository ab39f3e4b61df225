"""The settings file as types, one class for each section; many stand in modules beside this one.

The description of a field is what editors show and what a new settings file says, units included,
and so is the first line of a class.
"""

from __future__ import annotations

from dataclasses import replace
from enum import Enum
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator

from qc_edge.domain.calibration import Calibration
from qc_edge.domain.station_calendar import StationCalendar
from qc_edge.settings.bundles import ApprovalSettings, ModelSettings, RecipeSettings, ShadowSettings
from qc_edge.settings.camera import CameraSettings, Trigger
from qc_edge.settings.discipline.challenge import ChallengeSettings
from qc_edge.settings.discipline.due import DueSettings
from qc_edge.settings.discipline.spc import SpcSettings
from qc_edge.settings.engine import EngineSettings
from qc_edge.settings.incoming import INCOMING, IncomingSettings
from qc_edge.settings.outside.metrics import MetricsSettings
from qc_edge.settings.outside.outputs import AnyOutput, check_outputs
from qc_edge.settings.outside.outputs.camera_lines import check_camera_lines
from qc_edge.settings.outside.retention import RetentionSettings
from qc_edge.settings.outside.upstream import UpstreamSettings
from qc_edge.settings.page import PageSettings
from qc_edge.settings.review import ReviewSettings
from qc_edge.settings.section import Name, Section
from qc_edge.settings.shifts import ShiftSettings, check_plan, plan, zone
from qc_edge.settings.view import PartSettings, ViewSettings, check_part, check_views


class Role(str, Enum):
    """What this process does for the station."""

    CAPTURE = "capture"
    INSPECT = "inspect"

    __str__ = str.__str__


class StationSettings(Section):
    """The station as a whole."""

    name: Name = Field(description="The station's name; the settings file is NAME.toml.")
    roles: tuple[Role, ...] = Field(
        default=(Role.CAPTURE, Role.INSPECT),
        min_length=1,
        description="Capture and inspection can run as two processes that share the spool.",
    )
    deadline_ms: float = Field(
        default=1000.0,
        gt=0,
        le=3_600_000,
        description="A verdict later than this after the exposure is HOLD, reason late (ms).",
    )
    time_zone: str = Field(
        default="UTC",
        description="What people see times in, as the IANA calls it: Europe/Berlin. The log itself "
        "stays in UTC.",
    )
    shifts: tuple[ShiftSettings, ...] = Field(
        default=(),
        description="The shifts by which parts are counted, each a section [[station.shifts]].",
    )

    @property
    def calendar(self) -> StationCalendar:
        """The time zone and the shifts, to ask for local times and the shift of a moment."""
        return StationCalendar(zone(self.time_zone), plan(self.shifts))

    @field_validator("time_zone")
    @classmethod
    def _zone_is_known(cls, time_zone: str) -> str:
        zone(time_zone)
        return time_zone

    @field_validator("shifts")
    @classmethod
    def _shifts_fit(cls, shifts: tuple[ShiftSettings, ...]) -> tuple[ShiftSettings, ...]:
        check_plan(shifts)
        return shifts


class InspectSettings(Section):
    """How inspection uses the machine."""

    prepare_threads: int = Field(
        default=0,
        ge=0,
        le=64,
        description="Threads that read, gate and prepare; 0: chosen by cores.",
    )
    batch_max: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Under a backlog, at most this many frames share one commit.",
    )
    keep_prepared: bool = Field(default=True, description="Keep the model's input as evidence.")
    compress_after_s: float = Field(
        default=600.0,
        ge=0,
        description="Raw evidence older than this is compressed losslessly while idle (s).",
    )


class StorageSettings(Section):
    """When the disk counts as low or full, and how often the log is published."""

    warn_free_mb: float = Field(default=5_000, ge=0, description="Warn below this much room (MB).")
    stop_free_mb: float = Field(
        default=1_000, ge=0, description="Below this, capture stops and the station holds (MB)."
    )
    publish_every_s: float = Field(
        default=5.0,
        ge=0.1,
        le=3600,
        description="New rows are in the published log, which QA reads, after about this long (s).",
    )

    @model_validator(mode="after")
    def _warn_first(self) -> StorageSettings:
        if self.warn_free_mb < self.stop_free_mb:
            raise ValueError("warn_free_mb must be at least stop_free_mb: warn before stopping")
        return self


class LogSettings(Section):
    """What the station says while it runs."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="The least important line that is still written."
    )
    verdicts_per_s: float = Field(
        default=5.0,
        ge=0,
        description="At most this many lines a second for accepted parts and for the backlog "
        "after a stop; others always.",
    )


class AnchorSettings(Section):
    """How often the head of the log goes to journald, where the station cannot take it back."""

    every_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        description="An anchor at most this often, only if there are new rows, and at stop (s).",
    )
    sign: bool = Field(
        default=False,
        description="Sign each anchor with the station's key, the systemd credential anchor-key; "
        "without it the station does not start.",
    )


class Settings(Section):
    """The whole file."""

    station: StationSettings = Field(description="The section [station], with the station's name.")
    camera: tuple[CameraSettings, ...] = Field(default=(), description="The station's cameras.")
    incoming: IncomingSettings = IncomingSettings()
    model: ModelSettings = ModelSettings()
    engine: EngineSettings = EngineSettings()
    shadow: ShadowSettings = ShadowSettings()
    inspect: InspectSettings = InspectSettings()
    storage: StorageSettings = StorageSettings()
    log: LogSettings = LogSettings()
    anchor: AnchorSettings = AnchorSettings()
    metrics: MetricsSettings = MetricsSettings()
    page: PageSettings = PageSettings()
    review: ReviewSettings = ReviewSettings()
    spc: SpcSettings = SpcSettings()
    due: DueSettings = DueSettings()
    challenge: ChallengeSettings = ChallengeSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    retention: RetentionSettings = RetentionSettings()
    recipe: RecipeSettings = RecipeSettings()
    approval: ApprovalSettings = ApprovalSettings()
    view: tuple[ViewSettings, ...] = Field(
        default=(), description="The views of a part; none: each camera is one, each frame a part."
    )
    part: PartSettings = PartSettings()
    output: tuple[AnyOutput, ...] = Field(
        default=(), description="How the line is told; none: by lines of the journal alone."
    )

    def view_of(self, camera: str) -> ViewSettings | None:
        """The view whose frames `camera` takes; None if it has none."""
        return next((view for view in self.view if view.frames_of == camera), None)

    def as_seen(self, record: Calibration, camera: str) -> Calibration:
        """The calibration of `camera` with the region of its view, where it has none of its own."""
        view = self.view_of(camera)
        if view is None or view.roi is None or record.roi is not None:
            return record
        return replace(record, roi=view.roi)

    @field_validator("camera")
    @classmethod
    def _cameras_fit(cls, cameras: tuple[CameraSettings, ...]) -> tuple[CameraSettings, ...]:
        names = [camera.name for camera in cameras]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"camera names must differ; given twice: {', '.join(sorted(twice))}")
        if INCOMING in names:
            raise ValueError(f"the camera name {INCOMING!r} is taken by spool/incoming/")
        for camera in cameras:
            if camera.trigger is Trigger.SOFTWARE and camera.rate_hz is None:
                raise ValueError(
                    f"camera {camera.name!r} has trigger 'software', which the station fires "
                    "itself: rate_hz = 10.0 is missing"
                )
        return cameras

    @field_validator("view")
    @classmethod
    def _views_fit(
        cls, views: tuple[ViewSettings, ...], info: ValidationInfo
    ) -> tuple[ViewSettings, ...]:
        if "camera" in info.data:  # else they have faults of their own
            check_views(views, [camera.name for camera in info.data["camera"]])
        return views

    @field_validator("part")
    @classmethod
    def _part_fits(cls, part: PartSettings, info: ValidationInfo) -> PartSettings:
        check_part(part, [view.name for view in info.data.get("view", ())])
        return part

    @field_validator("output")
    @classmethod
    def _outputs_fit(
        cls, outputs: tuple[AnyOutput, ...], info: ValidationInfo
    ) -> tuple[AnyOutput, ...]:
        check_outputs(outputs)
        if {"camera", "station"} <= info.data.keys():  # else they have faults of their own
            triggers = {
                camera.name: camera.trigger_line if camera.trigger is Trigger.HARDWARE else ""
                for camera in info.data["camera"]
                if camera.backend in ("basler", "emulated")
            }
            check_camera_lines(outputs, triggers, list(map(str, info.data["station"].roles)))
        return outputs
