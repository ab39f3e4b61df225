"""The recipe in force: the changeover that put it there, and the revision as it was approved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from qc_edge.domain.activation import STATION_RECIPE, Changeover
from qc_edge.domain.calibration import Calibration
from qc_edge.domain.decisions import DecisionHistory
from qc_edge.domain.in_force import InForce, record_kind
from qc_edge.errors import CalibrationError, RecordError
from qc_edge.recipe.changeover.approved import ApprovedRecipes
from qc_edge.recipe.changeover.overlay import with_recipe
from qc_edge.records import recipes
from qc_edge.records.calibrations import cameras, load
from qc_edge.records.logged_record import record_state
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.records.recipes import Recipe
from qc_edge.settings import INCOMING, Settings, StationPaths


@dataclass(frozen=True, slots=True)
class RecipeInForce:
    """`recipe` is None after a changeover back to what the settings say."""

    changeover: Changeover
    recipe: Recipe | None

    @property
    def reference(self) -> str:
        """NAME@REVISION, or `station`."""
        return self.changeover.recipe

    @property
    def content(self) -> RecipeContent | None:
        """What the recipe says."""
        return self.recipe.content if self.recipe else None

    def settings(self, settings: Settings) -> Settings:
        """The station's `settings` under the recipe."""
        return with_recipe(settings, self.content)

    def files(self, paths: StationPaths) -> list[Path]:
        """The records that decide: the changeover and the revision."""
        files = [paths.changeovers / f"{self.changeover.record_id}.toml"]
        if self.recipe is not None:
            files.append(paths.state / recipes.recipe_path(self.reference))
        return files


def open_recipe(paths: StationPaths, changeover: Changeover) -> RecipeInForce:
    """The recipe of a changeover. Raises RecipeError if it is not approved, or not as it was."""
    if changeover.recipe == STATION_RECIPE:
        return RecipeInForce(changeover, None)
    return RecipeInForce(changeover, ApprovedRecipes.of(paths).load(changeover.recipe))


def calibration_for(camera: str, calibrations: Mapping[str, Calibration]) -> Calibration:
    """The one that frames of `camera` go by: its own, or that of incoming for another node without
    one. Raises CalibrationError if there is neither.
    """
    record = calibrations.get(camera) or calibrations.get(INCOMING)
    if record is None:
        raise CalibrationError(
            f"no calibration for frames of {camera!r}: it has none, and neither has {INCOMING}",
            hint=f"let another node's frames in by a record of their own: qc-edge calibrate NAME "
            f"--camera {INCOMING}",
        )
    return record


def calibrations_under(
    paths: StationPaths, recipe: RecipeContent | None, newest: Mapping[str, Calibration]
) -> dict[str, Calibration]:
    """The calibration of each camera: the `newest`, or the one that the recipe names, with the
    recipe's bounds of the gates. Raises CalibrationError.
    """
    found = dict(newest)
    for view in recipe.view if recipe else ():
        camera = view.frames_of
        record = usual = calibration_for(camera, found)
        if view.calibration is not None:
            folder = camera if camera in cameras(paths.calibration) else INCOMING
            record = load(paths.calibration / folder / f"{view.calibration}.toml")
        if view.gates is not None:
            bounds = replace(record.bounds, **view.gates.model_dump(exclude_none=True))
            record = replace(record, bounds=bounds)
        if record is not usual:
            found[camera] = record
    return found


def check_recipe_kept(
    paths: StationPaths,
    history: DecisionHistory[Changeover],
    judging: Changeover | None,
    last: InForce,
) -> None:
    """The changeover and the recipe that were in force `last` are there as they were, and nothing
    older judges. Raises RecordError that names what is not so.

    `judging` is the changeover whose recipe is to judge; None: the settings say.
    """
    name = last.changeover
    if name is None or (judging is not None and judging.record_id > name):
        return
    kinds = {"changeovers", "recipes"}
    files = {path: sha for path, sha in last.record_files().items() if record_kind(path) in kinds}
    states = {path: record_state(paths, path, sha) for path, sha in files.items()}
    faults = [f"  {path} {state} (sha256 {files[path]})" for path, state in states.items() if state]
    if not faults and (judging is None or judging.record_id < name):
        outcome = history.outcomes.get(name)
        said = f"says that it was refused: {outcome.detail}" if outcome else "is missing"
        faults = [f"  changeovers/{name}.json, which tells what became of it, {said}"]
    if faults:
        raise RecordError(
            f"the recipe that was in force last, {last.recipe or STATION_RECIPE}, is not there as "
            "it was:\n" + "\n".join(faults),
            hint="restore it from a backup, or change over on record: qc-edge recipe activate "
            f"{paths.name} RECIPE --by WHO --reason TEXT",
        )
