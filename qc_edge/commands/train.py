"""`qc-edge train`: a bundle from the pictures of a dataset."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.training.learning.bundling import TrainedBundle

Directory = Annotated[
    Path, typer.Argument(metavar="DATASET", help="Its directory.", show_default=False)
]
Out = Annotated[
    Path,
    typer.Argument(metavar="OUT", help="Where bundles are: OUT/NAME/VERSION.", show_default=False),
]
BundleName = Annotated[
    str, text_option("--name", metavar="NAME[@VERSION]", help="Of the bundle; version 1.")
]
By = Annotated[str, text_option("--by", metavar="WHO", help="Who lets this bundle out.")]
Size = Annotated[
    str | None,
    text_option(
        "--size",
        metavar="WxH",
        help="Of the model's input, multiples of 32; by the pictures' form if left out.",
    ),
]
Seed = Annotated[int, typer.Option("--seed", metavar="N", help="Same seed, same model.")]
Device = Annotated[
    Literal["cpu", "cuda"], typer.Option("--device", help="Where the head is learnt.")
]
Threads = Annotated[
    int, typer.Option("--threads", metavar="N", min=0, help="0: all cores that there are.")
]
Epochs = Annotated[int, typer.Option("--epochs", metavar="N", min=1, help="Rounds over the parts.")]
EscapeCost = Annotated[
    float,
    typer.Option(
        "--escape-cost", metavar="N", min=0.01, help="An escape costs so many good parts."
    ),
]
Key = Annotated[Path | None, text_option("--key", metavar="FILE", help="Sign it with this key.")]
Licence = Annotated[str, typer.Option("--licence", metavar="TEXT", help="Of your pictures.")]


def command(
    dataset: Directory,
    target: Out,
    name: BundleName,
    by: By,
    size: Size = None,
    seed: Seed = 1,
    device: Device = "cpu",
    threads: Threads = 0,
    epochs: Epochs = 10,
    escape_cost: EscapeCost = 1.0,
    key: Key = None,
    licence: Licence = "not stated",
    as_json: Json = False,
) -> None:
    """Train a model from a dataset, and pack it as a bundle. Needs the extra [bold]train[/bold].

    Features of a network that is not changed, a small head that learns where defects are (from
    masks and boxes where there are any, else from labels), and a probe of the whole picture. Where
    no part is labelled bad, it learns what good parts look like. The test part of the dataset is
    never looked at; threshold and figures are of parts that were held out.

    The same command goes on where it was if it was killed.

    [dim]Examples:[/dim]
      [bold]qc-edge train november/ bundles/ --name flange@4 --by anna[/bold]
      [bold]qc-edge train november/ bundles/ --name flange@5 --by anna --size 544x224 --key
      approval.pem[/bold]
    """
    from qc_edge.terminal.scoring_bar import TrainingBar
    from qc_edge.training.learning.request import TrainRequest, parse_size
    from qc_edge.training.learning.training import train

    bundle, _, version = name.partition("@")
    request = TrainRequest(
        dataset=dataset.absolute(),
        out=target.absolute(),
        name=bundle,
        version=version or "1",
        by=by,
        size=parse_size(size),
        seed=seed,
        device=device,
        threads=threads,
        epochs=epochs,
        escape_cost=escape_cost,
        key=key.absolute() if key else None,
        licence=licence,
    )
    with TrainingBar() as bar:
        trained = train(request, bar)
    if as_json:
        print_json(
            {
                "bundle": trained.bundle.reference,
                "directory": str(trained.bundle.directory),
                "sha256": trained.bundle.digest,
                "threshold": trained.bundle.threshold,
                "notes": list(trained.notes),
                "report": trained.report.to_json_values() if trained.report else None,
            }
        )
    else:
        _print(trained)


def _print(trained: TrainedBundle) -> None:
    from qc_edge.terminal.tables import print_result
    from qc_edge.training.report_page import evaluation_tables

    console, bundle = out(), trained.bundle
    report = trained.report
    tables = evaluation_tables(report) if report else {}
    notes = report.notes if report else trained.notes
    print_result(console, warnings=notes, tables=tables, footnotes=())
    console.print(
        f"{bundle.reference} is in {bundle.directory} and has passed its self-test", markup=False
    )
    console.print(
        f"evaluate it on what it has not seen: qc-edge evaluate {bundle.directory} DATASET",
        markup=False,
    )
