"""`qc-edge model compare`: two bundles, or one bundle on two engines, over the same inputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.history_options import (
    Database,
    ListLimit,
    PairsCsv,
    Plot,
    Since,
    Until,
    text_option,
)
from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.analysis.comparison.inputs import ComparisonInput
    from qc_edge.bundles.bundle import Bundle
    from qc_edge.domain.history import Selection
    from qc_edge.settings import StationPaths

_BUNDLE = "NAME@VERSION or a bundle's directory; [bold]:ENGINE[/bold] behind it names the engine."
SideA = Annotated[str, typer.Argument(metavar="A", help=_BUNDLE, show_default=False)]
SideB = Annotated[
    str, typer.Argument(metavar="B", help="The same, for the other side.", show_default=False)
]
On = Annotated[
    str,
    typer.Option(
        "--on",
        metavar="stored|DIR",
        help="What a station kept of its judged parts, or the image files of a directory.",
    ),
]
Threshold = Annotated[
    str | None,
    text_option("--threshold", metavar="X", help="Judge both by this, whatever is in force."),
]
Sample = Annotated[
    int | None,
    typer.Option(
        "--sample",
        metavar="N",
        min=1,
        help="So many of them, evenly over the time.",
        show_default=False,
    ),
]


def command(
    a: SideA,
    b: SideB,
    on: On = "stored",
    station: OfStation = None,
    camera: OfCamera = None,
    threshold: Threshold = None,
    since: Since = None,
    until: Until = None,
    sample: Sample = None,
    plot: Plot = None,
    csv: PairsCsv = None,
    limit: ListLimit = 20,
    database: Database = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Compare two bundles, or one bundle on two engines, over the same inputs; nothing is changed.

    Verdicts of both at the threshold of each, every part whose verdict flips, the scores that move
    furthest, and where people have labelled the parts, which of the two is right more often
    (McNemar's test).

    With --on stored, each prepared input is held to its digest before it is scored. With --on DIR,
    images are prepared as the bundle wants them, without gates; --station adds the region of its
    calibration.

    Each side is judged by the threshold that --station would judge it by, else by its bundle's own.

    [dim]Examples:[/dim]
      [bold]qc-edge model compare reference@1 reference@2 --station line1 --plot moves.html[/bold]
      [bold]qc-edge model compare reference@1:onnx reference@1 --station line1 --sample 500[/bold]
      [bold]qc-edge model compare reference@1 ./candidate --on parts/ --csv scores.csv[/bold]
    """
    from qc_edge.analysis.comparison.comparison import compare_sides
    from qc_edge.analysis.comparison.side import SideLookup
    from qc_edge.analysis.output_files import OutputFiles
    from qc_edge.analysis.selection import parse_selection
    from qc_edge.recipe.threshold_change import parse_threshold
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.scoring_bar import ScoringBar
    from qc_edge.terminal.tables import print_result

    outputs = OutputFiles(plot, csv)
    outputs.check()
    root = root.absolute()
    paths = StationPaths(root, station) if station else None
    lookup = SideLookup(paths, load_settings(paths.settings) if paths else None)
    both_at = None if threshold is None else parse_threshold(threshold)
    sides = (lookup.find(a, both_at), lookup.find(b, both_at))
    if on == "stored":
        selection = parse_selection(since, until, cameras=(camera,) if camera else ())
        inputs = _stored(paths, selection, sample, database)
    else:
        inputs = _images(Path(on), root, station, camera)
    with ScoringBar() as bar:
        result = compare_sides(sides, inputs, bar, outputs=outputs, limit=limit)
    if as_json:
        print_json(result.to_json_values())
    else:
        print_result(
            out(), warnings=result.warnings, tables=result.tables(), footnotes=result.footnotes
        )


def _stored(
    paths: StationPaths | None, selection: Selection, sample: int | None, database: bool
) -> list[ComparisonInput]:
    from qc_edge.analysis.comparison.inputs import stored_inputs
    from qc_edge.errors import UsageError

    if paths is None:
        raise UsageError(
            "--on stored needs to know whose inputs",
            hint="--station NAME, or --on DIR with image files",
        )
    return stored_inputs(paths, selection, sample=sample, database=database)


def _images(
    directory: Path, root: Path, station: str | None, camera: str | None
) -> list[ComparisonInput]:
    """The image files of a directory, each prepared only when it is scored."""
    from dataclasses import replace
    from functools import partial

    from qc_edge.analysis.comparison.inputs import ComparisonInput
    from qc_edge.engine import Prepared
    from qc_edge.recipe.calibrating.image_file import read_picture
    from qc_edge.terminal.images import images_in, load_calibrations
    from qc_edge.vision import UnreadableFrameError
    from qc_edge.vision.prepare import picture_for, prepare

    calibrations = load_calibrations(root, station, camera)

    def load(path: Path, bundle: Bundle) -> Prepared | str:
        try:
            picture = read_picture(path, calibrations.limits)
        except UnreadableFrameError as fault:
            return str(fault.reason)
        parameters = bundle.parameters(calibrations.calibration(picture).roi)
        if bundle.manifest.adapter is None:
            height, width = bundle.manifest.input.shape
            parameters = replace(parameters, width=width, height=height)
        return prepare(picture_for(parameters, picture.image, picture.pixel_format), parameters)

    return [ComparisonInput(path.name, partial(load, path)) for path in images_in(directory)]
