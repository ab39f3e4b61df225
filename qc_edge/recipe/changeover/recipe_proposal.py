"""A new recipe proposed from what is in force now: the same views, spelled out."""

from __future__ import annotations

from typing import Any

from qc_edge.bundles.bundle import load_bundle
from qc_edge.domain.threshold import record_in_force
from qc_edge.errors import UsageError
from qc_edge.recipe.active_model import active_reference
from qc_edge.recipe.changeover.recipe_editing import make_content
from qc_edge.recipe.rules import threshold_in_force
from qc_edge.records import activations, calibrations, thresholds
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.service.clock import utc_now
from qc_edge.settings import (
    INCOMING,
    Settings,
    StationPaths,
    ViewSettings,
    load_settings,
)
from qc_edge.settings.paths import shipped
from qc_edge.settings.view import PartSettings


def propose(paths: StationPaths, number: int | None, product: str | None) -> RecipeContent:
    """What the station judges by without a recipe, as the content of one: each view with bundle,
    threshold and calibration, each camera with its exposure, the rules for parts.

    Raises UsageError without a number or a product; SettingsError, ModelError.
    """
    if number is None or not product:
        missing = "--number" if number is None else "--product"
        raise UsageError(
            f"{missing} is missing",
            hint='for the line and for people: --number 7 --product "bottle 0.5 l"',
        )
    settings = load_settings(paths.settings)
    views = (
        settings.view
        or [ViewSettings(name=camera.name, camera=camera.name) for camera in settings.camera]
        or [ViewSettings(name=INCOMING, camera=INCOMING)]
    )
    values: dict[str, Any] = {
        "number": number,
        "product": product,
        "view": [_view(paths, settings, view) for view in views],
    }
    if settings.part != PartSettings():
        values["part"] = settings.part.model_dump(mode="json", exclude_defaults=True)
    return make_content(values, "what is in force now")


def _view(paths: StationPaths, settings: Settings, view: ViewSettings) -> dict[str, Any]:
    reference = view.bundle or active_reference(activations.load(paths.activations), settings.model)
    bundle = load_bundle(reference, [paths.models, shipped("models")])
    records, _ = thresholds.sound_and_damaged(paths.thresholds)
    record = record_in_force(records, bundle.sha256, utc_now())
    threshold = threshold_in_force(settings.model, bundle, record, view)
    calibration = calibrations.newest(paths.calibration, view.frames_of)
    values = view.model_dump(mode="json", exclude_defaults=True) | {
        "bundle": reference,
        "threshold": threshold.value,
        "review_band": threshold.review_band,
    }
    if calibration:
        values["calibration"] = calibration
    camera = next((each for each in settings.camera if each.name == view.camera), None)
    for key in ("exposure_us", "gain_db"):
        if camera is not None and (value := getattr(camera, key)) is not None:
            values[key] = value
    if camera is not None and camera.roi is not None:
        values["sensor_roi"] = camera.roi
    return values
