"""The station of the demo's second part: two cameras, two products, an approved recipe for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial

from qc_edge.demo.parts import render_part, render_threads
from qc_edge.domain.calibration import starting_calibration
from qc_edge.recipe.attribution import Attribution
from qc_edge.recipe.changeover.recipe_editing import approve, change_content, write_new
from qc_edge.recipe.changeover.recipe_proposal import propose
from qc_edge.records import calibrations
from qc_edge.rendered import SIX_HOLES, DefectKind, Product, Truth
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths, Trigger
from qc_edge.settings.render import render_settings
from qc_edge.settings.schema import SCHEMA_FILE
from qc_edge.setup.new_station import fit_calibration
from qc_edge.store.durable import write_file

STATION = "two-cameras"
VIEWS = ("above", "beside")
PARTS_EACH = 4
"""Parts of each product that come; of one of them the view beside shows a defect."""

BY, WHY = "demo", "the order for the dark flange"
_BAD = 2
"""Its place among those of its product, from 0 on."""

_WINDOW_MS = 400.0
_WHO = Attribution(BY, "made for the demo")


@dataclass(frozen=True, slots=True)
class DemoProduct:
    """A product by its recipe: how it looks, and how long both cameras expose (us)."""

    recipe: str
    words: str
    look: Product
    exposure_us: float


PRODUCTS = (
    DemoProduct("flange-bright", "bright flange, six holes", SIX_HOLES, 3000.0),
    DemoProduct("flange-dark", "dark flange, four holes", Product(4, 0.55), 6000.0),
)


@dataclass(frozen=True, slots=True)
class ViewTruth:
    """What is true of one frame: the part by its place in the series, its product, the view."""

    number: int
    recipe: str
    view: str
    is_bad: bool


def make_station(paths: StationPaths, seed: int) -> dict[str, ViewTruth]:
    """Write the station and its two recipes; the truth of each frame, by the digest of its pixels.

    Raises StoreError if the disk refuses, CalibrationError if the good parts give no calibration.
    """
    for directory in paths.directories():
        directory.mkdir(parents=True, exist_ok=True)
    for view in VIEWS:
        (paths.emulated_parts / view).mkdir(parents=True, exist_ok=True)
    # Each record is dated a second later than the one before: so it has an id of its own.
    began = utc_now() - timedelta(seconds=len(PRODUCTS))
    _calibrate(paths, INCOMING, began, [])
    cameras = [_camera(paths, view) for view in VIEWS]
    values: dict[str, dict[str, object]] = {
        "station": {"name": STATION, "deadline_ms": 5000.0},
        "storage": {"warn_free_mb": 600.0, "stop_free_mb": 300.0},
        "part": {"match": "trigger", "window_ms": _WINDOW_MS},
        "recipe": {"resident": [product.recipe for product in PRODUCTS]},
    }
    views = [{"name": view, "camera": view} for view in VIEWS]
    write_file(paths.schema, SCHEMA_FILE.read_bytes())
    write_file(paths.settings, render_settings(values, cameras, views).encode())
    with render_threads() as pool:
        frames = {
            (product, view): list(
                pool.map(partial(_render, paths, product, view, seed), _places(product))
            )
            for product in PRODUCTS
            for view in VIEWS
        }
    for number, product in enumerate(PRODUCTS, 1):
        for view in VIEWS:
            at = began + timedelta(seconds=number)
            _calibrate(paths, view, at, frames[product, view])
        _write_recipe(paths, number, product)
    return {
        part.sha256: ViewTruth(place, product.recipe, view, part.label != "good")
        for (product, view), parts in frames.items()
        for place, part in zip(_places(product), parts, strict=True)
    }


def _camera(paths: StationPaths, view: str) -> dict[str, object]:
    return {
        "name": view,
        "backend": "emulated",
        "images": paths.emulated_parts / view,
        "trigger": Trigger.HARDWARE,
        "grab_timeout_s": 0.2,
    }


def _calibrate(paths: StationPaths, camera: str, at: datetime, parts: Sequence[Truth]) -> None:
    record = replace(starting_calibration(STATION, camera, at), made_by="qc-edge demo")
    if parts:
        record = fit_calibration(record, paths.emulated_parts / camera, parts)
    calibrations.write(paths.calibration, record)


def _write_recipe(paths: StationPaths, number: int, product: DemoProduct) -> None:
    """The recipe of a product: what is in force now, with the newest calibrations, and how long its
    cameras expose.
    """
    changes = [f"view.{view}.exposure_us={product.exposure_us}" for view in VIEWS]
    content = change_content(propose(paths, number, product.words), changes)
    write_new(paths, product.recipe, content, _WHO)
    approve(paths, product.recipe, _WHO)


def _places(product: DemoProduct) -> range:
    """The places of its parts in the series, from 1 on."""
    first = PRODUCTS.index(product) * PARTS_EACH + 1
    return range(first, first + PARTS_EACH)


def _render(paths: StationPaths, product: DemoProduct, view: str, seed: int, place: int) -> Truth:
    """One frame into the directory that the camera of the view plays."""
    is_bad = view == VIEWS[1] and place - _places(product)[0] == _BAD
    defect, severity = (DefectKind.SCRATCH, 1.0) if is_bad else (None, None)
    # Another seed for each view: the same pixels twice would be one frame that came again.
    part_seed = seed + 1000 * (VIEWS.index(view) + 1) + place
    directory = paths.emulated_parts / view
    return render_part(directory, place, part_seed, defect, severity=severity, product=product.look)
