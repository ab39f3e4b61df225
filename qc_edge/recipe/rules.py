"""What a frame is judged by: the rules of its view, within the rules of the station.

One frozen value, replaced as a whole when the settings are read again.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from importlib import metadata

import cv2

from qc_edge.bundles.bundle import Bundle
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.frame import FrameId
from qc_edge.domain.parts.rules import ExpectedView, PartRules
from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.domain.verdict import Threshold
from qc_edge.engine import EngineInfo
from qc_edge.engine.engine_thread import EngineThread
from qc_edge.recipe.active_model import ActiveModel
from qc_edge.recipe.changeover.moment import ChangeoverMoment
from qc_edge.recipe.changeover.recipe_in_force import RecipeInForce, calibration_for
from qc_edge.settings import Settings, ViewSettings
from qc_edge.settings.bundles import ModelSettings
from qc_edge.settings.change import settings_digest
from qc_edge.version import __version__
from qc_edge.vision.prepare import PrepareParameters, preprocess_id


def threshold_in_force(
    settings: ModelSettings,
    bundle: Bundle,
    record: ThresholdRecord | None,
    view: ViewSettings | None = None,
) -> Threshold:
    """The threshold of the `record` in force, else the settings' value, else the bundle's.

    What a `view` says comes before what [model] says. That is meant for the bundle that it names;
    another one does not inherit it.
    """
    own = settings.bundle == bundle.reference
    value, band = (settings.threshold, settings.review_band) if own else (None, None)
    if view is not None:
        value = view.threshold if view.threshold is not None else value
        band = view.review_band if view.review_band is not None else band
    band = band if band is not None else bundle.review_band
    if record is not None:
        return Threshold(record.value, band, record.threshold_id)
    if value is not None:
        return Threshold(value, band, f"settings:{value:g}")
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
class ViewRules:
    """What the frames of one view are judged by.

    `name` is that of its [[view]], and `declared` is True; without one, of the camera. A part
    without a `required` view is incomplete. `engine_thread` is shared by all views of its bundle.
    """

    name: str
    camera: str
    declared: bool
    required: bool
    engine_thread: EngineThread = field(compare=False)
    engine: EngineInfo
    threshold: Threshold
    calibration: Calibration
    parameters: PrepareParameters
    preprocess_id: str

    @property
    def bundle(self) -> Bundle:
        """The bundle whose model judges this view."""
        return self.engine_thread.bundle


@dataclass(frozen=True)
class Rules:
    """Everything that a frame is judged by, as one value: `view` has what goes for its camera.

    `engine_thread` runs the station's own engine, `active_model` says why its bundle judges;
    `view_engines` has those of views with a bundle of their own. `thresholds` are the threshold
    records in force, of views by their names, the station's own under None. `recipe_in_force` is
    the last changeover and its recipe, `earlier` has the rules before each changeover whose frames
    may still wait, oldest first. `records` has the sha256 (hex) of each file that decides
    (calibrations, thresholds, activation, manifests), by its path below the state directory.
    """

    settings: Settings
    calibrations: Mapping[str, Calibration]
    engine_thread: EngineThread = field(compare=False)
    active_model: ActiveModel
    thresholds: Mapping[str | None, ThresholdRecord] = field(default_factory=dict)
    records: Mapping[str, str] = field(default_factory=dict)
    view_engines: Mapping[str, EngineThread] = field(default_factory=dict, compare=False)
    recipe_in_force: RecipeInForce | None = None
    earlier: tuple[tuple[ChangeoverMoment, Rules], ...] = field(default=(), compare=False)

    @property
    def recipe(self) -> str | None:
        """The recipe in force as NAME@REVISION, None where there is none."""
        recipe = self.recipe_in_force.recipe if self.recipe_in_force else None
        return recipe.reference if recipe else None

    def at(self, camera: str, frame_id: FrameId, exposed_ns: int | None) -> Rules:
        """The rules of the product that was on the line when a frame was exposed (CLOCK_MONOTONIC,
        ns; None if nobody knows).
        """
        for moment, rules in self.earlier:
            if moment.is_after(camera, frame_id, exposed_ns):
                return rules
        return self

    @property
    def record(self) -> ThresholdRecord | None:
        """The threshold record in force for the station's bundle, if there is one."""
        return self.thresholds.get(None)

    @property
    def models(self) -> dict[str | None, str]:
        """Whose threshold records rule: the digest of the model file of each view, the station's
        own under None.
        """
        of_views: dict[str | None, str] = {
            view.name: self.view_engines.get(view.name, self.engine_thread).bundle.sha256
            for view in self.settings.view
        }
        return {None: self.bundle.sha256, **of_views}

    @property
    def bundle(self) -> Bundle:
        """The station's bundle: it judges what has no view with a bundle of its own."""
        return self.engine_thread.bundle

    @cached_property
    def engine(self) -> EngineInfo:
        """What runs the station's bundle."""
        return self.engine_thread.ready.result()

    @cached_property
    def threshold(self) -> Threshold:
        """The threshold of the station's bundle."""
        return threshold_in_force(self.settings.model, self.bundle, self.record)

    @cached_property
    def digest(self) -> str:
        """sha256 of the settings."""
        return settings_digest(self.settings)

    @cached_property
    def software_version(self) -> str:
        """What computes on pixels here: the software, the libraries, the architecture."""
        numpy, machine = metadata.version("numpy"), platform.machine()
        return f"qc-edge {__version__}, opencv {cv2.__version__}, numpy {numpy}, {machine}"

    @cached_property
    def views(self) -> Mapping[str, ViewRules]:
        """The views of a part by their names; empty where there is no [[view]]."""
        return {view.name: self.view(view.frames_of) for view in self.settings.view}

    @cached_property
    def part(self) -> PartRules:
        """How the views of a part are found and judged together."""
        return self.settings.part.rules(self.settings.station.deadline_ms, self.settings.view)

    @cached_property
    def expected_views(self) -> tuple[ExpectedView, ...]:
        """The views that a part is to have; none where there is no [[view]]."""
        return tuple(ExpectedView(view.name, view.required) for view in self.settings.view)

    def view(self, camera: str) -> ViewRules:
        """What frames of `camera` are judged by; one that no view has goes by the station's own
        rules, as a view of its own name.
        """
        if camera not in self._view_rules:
            self._view_rules[camera] = self._make_view(camera)
        return self._view_rules[camera]

    @cached_property
    def _view_rules(self) -> dict[str, ViewRules]:
        return {}  # threads that make the same one at once make equal ones

    def _make_view(self, camera: str) -> ViewRules:
        view = self.settings.view_of(camera)
        calibration = calibration_for(camera, self.calibrations)
        calibration = self.settings.as_seen(calibration, camera)
        roi = calibration.roi
        engine_thread, record = self.engine_thread, self.record
        if view is not None:
            engine_thread = self.view_engines.get(view.name, engine_thread)
            record = self.thresholds.get(view.name)
            # The station's record came before the view had a value or a bundle of its own.
            if record is None and view.bundle is None and view.threshold is None:
                record = self.record
        parameters = engine_thread.bundle.parameters(roi)
        if self.recipe and view is not None and view.threshold is not None:
            record = None  # a threshold that is approved with its recipe goes first
        threshold = threshold_in_force(self.settings.model, engine_thread.bundle, record, view)
        if self.recipe and view is not None and view.threshold is not None:
            said = f"recipe:{self.recipe}:{view.threshold:g}"
            threshold = replace(threshold, threshold_id=said)
        return ViewRules(
            view.name if view else camera,
            camera,
            declared=view is not None,
            required=view is None or view.required,
            engine_thread=engine_thread,
            engine=engine_thread.ready.result(),
            threshold=threshold,
            calibration=calibration,
            parameters=parameters,
            preprocess_id=preprocess_id(parameters),
        )

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
