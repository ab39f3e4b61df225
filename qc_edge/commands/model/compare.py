"""`qc-edge model compare`: two bundles, or one bundle on two engines, over the same inputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.analysis.comparison import ComparisonOptions
    from qc_edge.analysis.comparison_answer import ComparisonAnswer
    from qc_edge.analysis.comparison_side import Side
    from qc_edge.analysis.inputs import Input
    from qc_edge.analysis.shadow_comparison import ShadowAnswer


def _option(*names: str, metavar: str, help: str) -> Any:  # noqa: A002 - as typer calls it
    return typer.Option(*names, metavar=metavar, help=help, show_default=False)


_BUNDLE = "NAME@VERSION or a bundle's directory; [bold]:ENGINE[/bold] behind it names the engine."
One = Annotated[str, typer.Argument(metavar="A", help=_BUNDLE, show_default=False)]
Other = Annotated[
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
    _option("--threshold", metavar="X", help="Judge both by this, whatever is in force."),
]
From = Annotated[
    str | None, _option("--from", metavar="TIME", help="Recorded at or after this (UTC).")
]
To = Annotated[str | None, _option("--to", metavar="TIME", help="Recorded before this (UTC).")]
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
Plot = Annotated[
    Path | None, _option("--plot", metavar="FILE", help="Draw it: FILE.svg, .html or .png.")
]
Csv = Annotated[Path | None, _option("--csv", metavar="FILE", help="Every input with both scores.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=0, help="List at most so many parts each.")
]
Database = Annotated[
    bool,
    typer.Option("--database", help="Read the database of a stopped station.", show_default=False),
]


def command(
    one: One,
    other: Other,
    on: On = "stored",
    station: OfStation = None,
    camera: OfCamera = None,
    threshold: Threshold = None,
    since: From = None,
    until: To = None,
    sample: Sample = None,
    plot: Plot = None,
    csv: Csv = None,
    limit: Limit = 20,
    database: Database = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Compare two bundles, or one bundle on two engines, over the same inputs; nothing is changed.

    Verdicts of both at the threshold of each, every part whose verdict flips, the scores that move
    furthest, and where people have labelled the parts, which of the two is right more often
    (McNemar's test). With
    --on stored, each prepared input is held to its digest before it is scored. With --on DIR,
    images are prepared as the bundle wants them, without gates; --station adds the region of its
    calibration.

    Each side is judged by the threshold that --station would judge it by, else by its bundle's own.

    [dim]Examples:[/dim]
      [bold]qc-edge model compare reference@1 reference@2 --station line1 --plot moves.html[/bold]
      [bold]qc-edge model compare reference@1:onnx reference@1:auto --station line1 --sample
      500[/bold] [bold]qc-edge model compare reference@1 ./candidate --on parts/ --csv
      scores.csv[/bold]
    """
    from qc_edge.analysis.comparison import ComparisonOptions
    from qc_edge.analysis.comparison_side import SideLookup
    from qc_edge.recipe.threshold_change import parse_threshold
    from qc_edge.settings import StationPaths, load_settings

    wanted = ComparisonOptions(limit, plot, csv)
    wanted.check()
    root = root.absolute()
    paths = StationPaths(root, station) if station else None
    sides = SideLookup(paths, load_settings(paths.settings) if paths else None)
    at = None if threshold is None else parse_threshold(threshold)
    pair = (sides.parse(one, at), sides.parse(other, at))
    if on == "stored":
        inputs = _stored(paths, camera, since, until, sample, database)
    else:
        inputs = _images(Path(on), root, station, camera)
    answer = _with_progress(pair, inputs, wanted)
    if as_json:
        print_json(answer.told())
    else:
        print_answer(answer)


def _stored(
    paths: Any,
    camera: str | None,
    since: str | None,
    until: str | None,
    sample: int | None,
    database: bool,
) -> list[Input]:
    from qc_edge.analysis.inputs import stored_inputs
    from qc_edge.domain.history import Selection
    from qc_edge.errors import UsageError
    from qc_edge.recipe.threshold_change import parse_moment

    if paths is None:
        raise UsageError(
            "--on stored needs to know whose inputs",
            hint="--station NAME, or --on DIR with image files",
        )
    begin, end = (parse_moment(text) if text else None for text in (since, until))
    selection = Selection(begin, end, None, (camera,) if camera else ())
    return stored_inputs(paths, selection, sample=sample, database=database)


def _images(directory: Path, root: Path, station: str | None, camera: str | None) -> list[Input]:
    """The image files of a directory, prepared when they are shown."""
    from functools import partial

    from qc_edge.analysis.inputs import Input
    from qc_edge.engine import Prepared
    from qc_edge.terminal.images import images_in, read_picture, standard
    from qc_edge.vision import UnreadableFrameError
    from qc_edge.vision.prepare import PrepareParameters, prepare

    against = standard(root, station, camera)

    def load(path: Path, shape: tuple[int, int]) -> Prepared | str:
        try:
            picture = read_picture(path, against.limits)
        except UnreadableFrameError as fault:
            return str(fault.reason)
        height, width = shape
        roi = against.calibration(picture).roi
        return prepare(picture.image.gray, PrepareParameters(width, height, roi=roi))

    return [Input(path.name, partial(load, path)) for path in images_in(directory)]


def _with_progress(
    sides: tuple[Side, Side], inputs: list[Input], wanted: ComparisonOptions
) -> ComparisonAnswer:
    from qc_edge.analysis.comparison import ask
    from qc_edge.terminal.tables import scoring_bar

    with scoring_bar() as bar:

        def begin(side: Side, count: int) -> Callable[[int], object]:
            task = bar.add_task(side.named, total=count, rate="")

            def advance(done: int) -> None:
                speed = bar.tasks[task].speed
                bar.update(task, advance=done, rate=f"{speed:.0f}/s" if speed else "")

            return advance

        return ask(sides, inputs, wanted, begin)


def print_answer(answer: ComparisonAnswer | ShadowAnswer) -> None:
    """What is worth knowing first, the tables, and what follows from them."""
    from rich.text import Text

    from qc_edge.terminal.tables import print_tables

    console = out()
    for words in answer.notes:
        console.print(Text(f"  {words}", "yellow"))
    print_tables(console, answer.tables())
    for words in answer.remarks:
        console.print(Text(words))
