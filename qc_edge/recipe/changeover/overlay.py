"""The settings of a station under a recipe: as if a person had written its views there."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.records.recipe_content import RecipeContent
from qc_edge.settings.model import Settings


def with_recipe(settings: Settings, recipe: RecipeContent | None) -> Settings:
    """`settings` with the recipe's views, what it says of their cameras, and its rules for parts if
    it has any; None changes nothing.

    Calibrations and gates are not settings: `Rules` has them.
    """
    if recipe is None:
        return settings
    said = {view.camera: view.camera_values for view in recipe.view if not view.is_of_node}
    cameras = tuple(
        camera.model_copy(update=said.get(camera.name, {})) for camera in settings.camera
    )
    views = tuple(view.plain for view in recipe.view)
    part = settings.part if recipe.part is None else recipe.part
    return settings.model_copy(update={"view": views, "camera": cameras, "part": part})


def forgotten(before: Settings, after: Settings) -> Iterator[str]:
    """What a recipe has set on a camera and the next one leaves open, so that nobody would know
    what the camera is at: `top.exposure_us`.
    """
    cameras = {camera.name: camera for camera in after.camera}
    for camera in before.camera:
        for key in ("exposure_us", "gain_db"):
            if getattr(camera, key) is not None and getattr(cameras[camera.name], key) is None:
                yield f"{camera.name}.{key}"
