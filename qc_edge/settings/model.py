"""The settings file as types. Each field's description is what editors show, units included."""

from __future__ import annotations

import ipaddress
import re
from enum import Enum
from typing import Literal

from pydantic import Field, field_validator, model_validator

from qc_edge.settings.camera import CameraSettings, Trigger
from qc_edge.settings.engine import EngineSettings
from qc_edge.settings.section import Name, Section

INCOMING = "incoming"
"""Stands for a camera's name where a frame comes from spool/incoming/: in frame ids, in
calibrations.
"""


class Role(str, Enum):
    """What this process does for the station."""

    CAPTURE = "capture"
    INSPECT = "inspect"

    __str__ = str.__str__


_BUNDLE = r"^[a-z][a-z0-9-]*@[A-Za-z0-9.+-]+$"


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


class IncomingSettings(Section):
    """Frames that other acquisition nodes drop into spool/incoming/."""

    enabled: bool = Field(default=True, description="Take files from spool/incoming/.")
    part_id_pattern: str | None = Field(
        default=None,
        description="Regular expression on the file name; the group `part` (or the first) is the "
        "part id.",
    )
    sidecar: Literal["optional", "required", "none"] = Field(
        default="optional",
        description="NAME.json beside NAME.png. required: wait for it, at most `sidecar_wait_s`.",
    )
    sidecar_wait_s: float = Field(default=5.0, gt=0, description="Wait for a required sidecar (s).")
    settle_s: float = Field(
        default=2.0,
        ge=0.1,
        description="A file that nobody announced as finished is taken when unchanged this long "
        "(s).",
    )
    max_megapixels: float = Field(default=100.0, gt=0, le=268, description="Larger is refused.")
    max_decoded_mb: float = Field(
        default=600.0,
        gt=0,
        description="A picture that takes more memory once decoded is refused by its header (MB).",
    )
    max_file_mb: float = Field(default=512.0, gt=0, description="Larger files are refused (MB).")

    @field_validator("part_id_pattern")
    @classmethod
    def _pattern_compiles(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                compiled = re.compile(pattern)
            except re.error as fault:
                raise ValueError(f"is no regular expression: {fault}") from fault
            if not compiled.groups:
                raise ValueError("has no group: put the part id in parentheses, (?P<part>...)")
        return pattern


KEY_PREFIX = "ed25519:"
_KEY = re.compile(r"ed25519:[A-Za-z0-9+/]{43}=( \S.*)?")


class ModelSettings(Section):
    """Which model judges, and where the line between good and bad is."""

    bundle: str = Field(
        default="reference@1",
        pattern=_BUNDLE,
        description="NAME@VERSION of the bundle. The initial value: an activation by qc-edge "
        "model takes "
        "its place.",
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="A score at or above it FAILs; without it, the bundle's default. The initial "
        "value: "
        "a record made by qc-edge threshold takes its place.",
    )
    review_band: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="Scores this near the threshold go to the review queue; default: the bundle's.",
    )
    trusted_keys: tuple[str, ...] = Field(
        default=(),
        description="Public keys of whoever approves models, as qc-edge model keygen prints them; "
        "a name may "
        "stand behind each.",
    )
    require_signature: bool = Field(
        default=False, description="Take only bundles that one of trusted_keys has signed."
    )

    @field_validator("trusted_keys")
    @classmethod
    def _are_keys(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        for key in keys:
            if not _KEY.fullmatch(key):
                raise ValueError(
                    f"got {key!r}, expected 'ed25519:' and 44 signs, as qc-edge model keygen prints"
                )
        return keys

    @model_validator(mode="after")
    def _has_whom_to_trust(self) -> ModelSettings:
        if self.require_signature and not self.trusted_keys:
            raise ValueError(
                "require_signature is true and trusted_keys is empty: no bundle could be taken"
            )
        return self


class ShadowSettings(Section):
    """A second bundle that scores the same frames after the line was told; it has no effect on the
    line.
    """

    bundle: str | None = Field(
        default=None, pattern=_BUNDLE, description="NAME@VERSION of the bundle; none: no shadow."
    )
    threshold: float | None = Field(
        default=None,
        ge=0,
        le=1,
        description="What its verdicts are counted by; without it, its bundle's own.",
    )


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
        "after a stop; "
        "others always.",
    )


class MetricsSettings(Section):
    """Figures for Prometheus; never reachable from another machine."""

    listen: str = Field(
        default="none",
        description="none; unix: on metrics.sock beside status.json; or a port of this machine "
        "alone: "
        "127.0.0.1:9464.",
    )

    @field_validator("listen")
    @classmethod
    def _stays_on_this_machine(cls, listen: str) -> str:
        if listen in {"none", "unix"}:
            return listen
        host, _, port = listen.rpartition(":")
        try:
            address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError(
                f'got {listen!r}, expected "none", "unix" or "127.0.0.1:PORT"'
            ) from None
        if not address.is_loopback:
            raise ValueError(
                f"{host} can be reached from other machines; expected 127.0.0.1 or [::1], "
                "with an agent or a proxy on this machine in front of it"
            )
        if not (port.isdecimal() and 1024 <= int(port) <= 65535):
            raise ValueError(f"got port {port!r}, expected 1024 to 65535")
        return listen


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
    metrics: MetricsSettings = MetricsSettings()

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
                    "itself: "
                    "rate_hz = 10.0 is missing"
                )
        return cameras
