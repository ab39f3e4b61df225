"""Whether the view or the recipe in force would judge by other than a calibration says."""

from __future__ import annotations

from qc_edge.domain.activation import STATION_RECIPE
from qc_edge.errors import RecordError, UsageError
from qc_edge.recipe.calibrating.proposal import Region
from qc_edge.recipe.changeover.overlay import with_recipe
from qc_edge.recipe.changeover.request import current_recipe
from qc_edge.records import changeovers, recipes
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.settings import Settings, StationPaths


def check_not_overruled(
    settings: Settings, recipe: RecipeContent | None, camera: str, region: Region | None
) -> None:
    """Raise RecordError if bounds that are measured in `region` (None: the whole frame) would not
    judge there, or not at all. `settings` are those under `recipe`, which is in force.
    """
    view = settings.view_of(camera)
    if region is None and view is not None and view.roi is not None:
        raise RecordError(
            f"view {view.name} names the region {list(view.roi)}: bounds of the whole frame would "
            "judge it",
            hint="draw that region, or take roi out of the view first",
        )
    for each in recipe.view if recipe else ():
        if each.frames_of == camera and each.gates is not None:
            raise RecordError(
                f"the recipe in force has bounds of its own for view {each.name}, [view.gates]: "
                "they would judge in place of these",
                hint="qc-edge recipe edit",
            )


def check_of_station(
    paths: StationPaths, settings: Settings, camera: str, region: Region | None
) -> None:
    """The same of what a person asks for at the page: `settings` are those of the file. Raises
    UsageError, and RecipeError if the recipe in force is not as it was made.
    """
    reference = current_recipe(changeovers.load_recent(paths.changeovers)[0])
    recipe = None if reference == STATION_RECIPE else recipes.load(paths.recipes, reference).content
    try:
        check_not_overruled(with_recipe(settings, recipe), recipe, camera, region)
    except RecordError as fault:
        raise UsageError(fault.message, fault.hint) from None
