"""What a frame is judged by. One frozen value, replaced as a whole when the settings are read
again.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from importlib import metadata

import cv2

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.domain.verdict import Threshold
from qc_edge.engine import EngineInfo
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.recipe.active_model import ActiveModel
from qc_edge.settings import Settings
from qc_edge.settings.bundles import ModelSettings
from qc_edge.settings.change import settings_digest
from qc_edge.version import __version__
from qc_edge.vision.prepare import DEFAULT, PrepareParameters, preprocess_id

INCOMING = "incoming"
"""The calibration of frames from other nodes whose camera has none of its own."""


def threshold_in_force(
    settings: ModelSettings, bundle: Bundle, record: ThresholdRecord | None
) -> Threshold:
    """The threshold of the `record` in force, else the settings' value, else the bundle's.

    What the settings say is meant for the bundle that they name; another one does not inherit it.
    """
    own = settings.bundle == bundle.reference
    band = settings.review_band if own and settings.review_band is not None else bundle.review_band
    if record is not None:
        return Threshold(record.value, band, record.threshold_id)
    if own and settings.threshold is not None:
        return Threshold(settings.threshold, band, f"settings:{settings.threshold:g}")
    return Threshold(bundle.threshold, band, f"{bundle.reference}:{bundle.threshold:g}")


@dataclass(frozen=True, slots=True)
class CalibrationStatus:
    """The calibration in force for a camera, and how long it is good for."""

    camera: str
    calibration_id: str
    due_at: str
    due_in_days: float
    starting: bool
    learning: int | None = None
    """How many frames it learns from; every part is held meanwhile."""


@dataclass(frozen=True)
class Rules:
    """Everything that a frame is judged by, as one value.

    `engine_thread` runs the engine, `active_model` says why its bundle judges, `record` is the
    threshold record in force, if there is one. `records` has the sha256 (hex) of each file that
    decides (calibrations, threshold, activation, manifest), by its path below the state directory.
    """

    settings: Settings
    calibrations: Mapping[str, Calibration]
    engine_thread: EngineThread = field(compare=False)
    active_model: ActiveModel
    record: ThresholdRecord | None = None
    records: Mapping[str, str] = field(default_factory=dict)

    @property
    def bundle(self) -> Bundle:
        """The bundle whose model judges."""
        return self.engine_thread.bundle

    @cached_property
    def engine(self) -> EngineInfo:
        """What runs the model."""
        return self.engine_thread.ready.result()

    @cached_property
    def threshold(self) -> Threshold:
        """The threshold in force."""
        return threshold_in_force(self.settings.model, self.bundle, self.record)

    @cached_property
    def digest(self) -> str:
        """sha256 of the settings."""
        return settings_digest(self.settings)

    @cached_property
    def software_version(self) -> str:
        """What computes on pixels here: the software, the libraries, the architecture."""
        numpy = metadata.version("numpy")
        return (
            f"qc-edge {__version__}, opencv {cv2.__version__}, numpy {numpy}, {platform.machine()}"
        )

    def calibration(self, camera: str) -> Calibration:
        """The calibration in force for frames of `camera`."""
        return self.calibrations.get(camera) or self.calibrations[INCOMING]

    def parameters(self, calibration: Calibration) -> PrepareParameters:
        """How frames under this calibration are prepared."""
        return DEFAULT if calibration.roi is None else PrepareParameters(roi=calibration.roi)

    def calibrations_due(self, now: datetime) -> tuple[CalibrationStatus, ...]:
        """The calibrations in force and when each is due."""
        return tuple(
            CalibrationStatus(
                camera=camera,
                calibration_id=record.calibration_id,
                due_at=record.due_at.isoformat(timespec="minutes"),
                due_in_days=round((record.due_at - now).total_seconds() / 86400, 2),
                starting=record.starting,
                learning=record.learning,
            )
            for camera, record in self.calibrations.items()
        )

    @cached_property
    def _preprocess_ids(self) -> dict[PrepareParameters, str]:
        return {}

    def preprocess_id(self, parameters: PrepareParameters) -> str:
        """The id of these parameters, computed once."""
        ids = self._preprocess_ids
        if parameters not in ids:
            ids[parameters] = preprocess_id(parameters)
        return ids[parameters]
