"""Inspects single image files as a station would, outside of any; records nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Any

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.threshold import record_in_force
from qc_edge.domain.verdict import Reason, Threshold, Verdict, decide
from qc_edge.engine import Engine, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineError
from qc_edge.recipe.active_model import active_reference
from qc_edge.recipe.calibrating.image_file import read_picture
from qc_edge.recipe.rules import threshold_in_force
from qc_edge.records import activations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from qc_edge.settings.model import StationSettings
from qc_edge.settings.paths import shipped
from qc_edge.terminal.images import CalibrationSet, load_calibrations
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.gates import GateReport, check_gates
from qc_edge.vision.image import Colour, Gray, Image, pixels_sha256
from qc_edge.vision.prepare import (
    PrepareParameters,
    picture_for,
    prepare,
    preprocess_id,
    resize,
)


@dataclass(frozen=True, slots=True)
class MeasuredFile:
    """An image file after the gates: its pixels, the calibration it was held to, the figures."""

    image: Image
    calibration: Calibration
    gates: GateReport
    preprocess_id: str
    parameters: PrepareParameters
    picture: Gray | Colour

    def prepare(self) -> Gray | Colour:
        """The model's input, also of a frame that the gates refuse."""
        return prepare(self.picture, self.parameters)


def measure_file(
    path: Path, calibrations: CalibrationSet, bundle: Bundle | None = None
) -> MeasuredFile:
    """Read the image in `path` and hold it to the gates; prepared for `bundle`, else by the
    default. Raises UnreadableFrameError.
    """
    picture = read_picture(path, calibrations.limits)
    image, calibration = picture.image, calibrations.calibration(picture)
    resized = resize(image.gray, PrepareParameters(roi=calibration.roi))
    gates = check_gates(image.gray, resized, image.bit_depth, calibration)
    parameters = PrepareParameters(roi=calibration.roi)
    if bundle is not None:
        parameters = bundle.parameters(calibration.roi)
    shown = picture_for(parameters, image, picture.pixel_format)
    return MeasuredFile(image, calibration, gates, preprocess_id(parameters), parameters, shown)


def station_bundle(
    root: Path, station: str | None, settings: Settings, model: str | None = None
) -> Bundle:
    """The bundle that judges on `station`, or `model` (NAME@VERSION). Raises ModelError."""
    paths = StationPaths(root, station) if station is not None else None
    if model is None:
        model = settings.model.bundle
        if paths is not None:
            model = active_reference(activations.load(paths.activations), settings.model)
    return load_bundle(model, [*([paths.models] if paths else []), shipped("models")])


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """The verdict on one file, and its reason; the fields of `qc-edge inspect --json`.

    `readable` is False if the file could not be read or scored. `score` and the digests are None as
    far as it did not get. `figures` are those of the gates, `ms` the time from the file to the
    verdict.
    """

    file: Path
    verdict: str
    reason: str
    detail: str
    readable: bool
    score: float | None = None
    threshold: float | None = None
    needs_review: bool = False
    raw_sha256: str | None = None
    prepared_sha256: str | None = None
    preprocess_id: str | None = None
    figures: Mapping[str, Any] | None = None
    ms: float = 0.0
    class_scores: Mapping[str, float] | None = None
    predicted_class: str | None = None


class FileInspector:
    """Judges image files with a model, a threshold and calibrations. Used as a context by one
    thread: it holds an engine.
    """

    def __init__(
        self, calibrations: CalibrationSet, bundle: Bundle, engine: Engine, threshold: Threshold
    ) -> None:
        self._calibrations = calibrations
        self._engine = engine
        self.bundle = bundle
        self.engine_info = engine.info
        self.threshold = threshold

    @classmethod
    def load(
        cls, root: Path, station: str | None, camera: str | None, model: str | None
    ) -> FileInspector:
        """With what is in force on `station`, or with what every new station starts with.

        `model` (NAME@VERSION) is judged with instead of the station's, by its own threshold. Raises
        UsageError, SettingsError, CalibrationError, ModelError or EngineError.
        """
        calibrations = load_calibrations(root, station, camera)
        settings = calibrations.settings or Settings(station=StationSettings(name="none"))
        paths = StationPaths(root, station) if station is not None else None
        bundle = station_bundle(root, station, settings, model)
        record = None
        if paths is not None:
            records = thresholds.load_all(paths.thresholds)
            record = record_in_force(records, bundle.sha256, utc_now())
        threshold = threshold_in_force(settings.model, bundle, record)
        engine = load_engine(bundle, settings.engine)
        try:
            self_test(engine, bundle)
        except BaseException:
            engine.close()
            raise
        return cls(calibrations, bundle, engine, threshold)

    def __enter__(self) -> FileInspector:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._engine.close()

    def inspect(self, path: Path) -> InspectedFile:
        """The verdict on the file `path`; what is wrong with it is in the result, never raised."""
        begun = time.perf_counter()
        try:
            measured = measure_file(path, self._calibrations, self.bundle)
        except UnreadableFrameError as error:
            return InspectedFile(path, "INVALID", str(error.reason), error.detail, readable=False)
        judged = self._judge(path, measured)
        return replace(judged, ms=round((time.perf_counter() - begun) * 1e3, 2))

    def _judge(self, path: Path, measured: MeasuredFile) -> InspectedFile:
        judged = InspectedFile(
            path,
            "INVALID",
            "",
            "",
            readable=True,
            threshold=self.threshold.value,
            raw_sha256=measured.image.sha256,
            preprocess_id=measured.preprocess_id,
            figures=asdict(measured.gates.figures),
        )
        if (refusal := measured.gates.refusal) is not None:
            return replace(judged, reason=str(refusal.reason), detail=refusal.detail)
        prepared = measured.prepare()
        judged = replace(judged, prepared_sha256=pixels_sha256(prepared))
        try:
            score = self._engine.infer(prepared[None])[0]
        except EngineError as error:
            reason = str(Reason.ENGINE_FAILED)
            return replace(judged, reason=reason, detail=error.message, readable=False)
        decision = decide(score.value, self.threshold)
        return replace(
            judged,
            verdict=str(decision.verdict),
            reason=str(decision.reason),
            detail=score.detail or decision.detail,
            score=score.value,
            class_scores=score.class_scores,
            predicted_class=score.defect_class if decision.verdict is Verdict.FAIL else None,
            needs_review=decision.needs_review,
        )
