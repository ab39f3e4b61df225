"""A recipe held against its station: bundles, calibrations, cameras, all faults told at once."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.domain.activation import STATION_RECIPE
from qc_edge.errors import CalibrationError, ModelError, RecipeError
from qc_edge.recipe.active_model import open_signed_bundle
from qc_edge.records import calibrations
from qc_edge.records.recipe_content import RecipeContent, RecipeView
from qc_edge.settings import INCOMING, Settings, StationPaths
from qc_edge.settings.view import check_part, check_views


def check_content(settings: Settings, name: str, content: RecipeContent) -> None:
    """Hold the views against the station's cameras and its rules for parts, before a revision is
    written. Raises RecipeError.
    """
    if name == STATION_RECIPE:
        raise RecipeError(
            f"no recipe can be called {STATION_RECIPE!r}: that is what the settings say",
            hint="take another name",
        )
    try:
        check_views(content.view, [camera.name for camera in settings.camera], of_recipe=True)
    except ValueError as fault:
        raise RecipeError(
            f"the recipe {name} does not fit the station: {fault}",
            hint="its views name the cameras of [[camera]], another node's as incoming/NODE",
        ) from None
    part, whose = content.part, "of its own"
    if part is None:
        part, whose = settings.part, "of the settings"
    try:
        check_part(part, [view.name for view in content.view])
    except ValueError as fault:
        raise RecipeError(
            f"the recipe {name} does not fit the rules for parts, [part] {whose}: {fault}",
            hint="change [part], or the views of the recipe by a new revision",
        ) from None


def check_recipe(
    paths: StationPaths, settings: Settings, reference: str, content: RecipeContent
) -> None:
    """Everything that it names is there and fits. Raises RecipeError with all that does not."""
    check_content(settings, reference.partition("@")[0], content)
    faults = [
        f"  view {view.name}: {fault}"
        for view in content.view
        for fault in _faults(paths, settings, view)
    ]
    if faults:
        raise RecipeError(
            f"the recipe {reference} cannot judge on {paths.name}:\n" + "\n".join(faults),
            hint="mend it by a new revision: qc-edge recipe edit, then approve that",
        )


def _faults(paths: StationPaths, settings: Settings, view: RecipeView) -> Iterator[str]:
    try:
        open_signed_bundle(paths, settings.model, view.bundle)
    except ModelError as fault:
        yield f"bundle {view.bundle}: {fault.message}"
    yield from _calibration_faults(paths, view)
    if view.is_of_node and view.camera_values:
        keys = ", ".join("sensor_roi" if key == "roi" else key for key in view.camera_values)
        yield f"{keys}: {view.camera} is another machine's, whose cameras this station cannot set"


def _calibration_faults(paths: StationPaths, view: RecipeView) -> Iterator[str]:
    camera, name = view.frames_of, view.calibration
    folder = camera if camera in calibrations.cameras(paths.calibration) else INCOMING
    if name is None:
        name = calibrations.newest(paths.calibration, folder)
    elif not (paths.calibration / folder / f"{name}.toml").exists():
        others = [
            other
            for other in calibrations.cameras(paths.calibration)
            if (paths.calibration / other / f"{name}.toml").exists()
        ]
        yield (
            f"calibration {name} is of camera {others[0]}, this view has camera {camera}"
            if others
            else f"calibration {name} is no record of camera {camera}"
        )
        return
    try:
        record = calibrations.load(paths.calibration / folder / f"{name}.toml")
    except CalibrationError as fault:
        yield fault.message
        return
    if view.roi is not None and record.roi is not None:
        yield (
            f"roi: calibration {name} has a region of its own, {list(record.roi)}; leave roi out, "
            "or calibrate without one"
        )
