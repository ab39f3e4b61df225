"""`qc-edge model pack`: a bundle of any ONNX model, with samples of good and bad parts."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.training.packing.pack import PackedBundle

Model = Annotated[
    Path, typer.Argument(metavar="MODEL.onnx", help="The model, one file.", show_default=False)
]
BundleName = Annotated[
    str, text_option("--name", metavar="NAME[@VERSION]", help="Of the bundle; version 1.")
]
Good = Annotated[
    list[Path], text_option("--good", metavar="DIR", help="Pictures of good parts; again: more.")
]
Bad = Annotated[
    list[Path],
    text_option("--bad", metavar="DIR", help="Of bad ones; folders in it are classes."),
]
By = Annotated[str, text_option("--by", metavar="WHO", help="Who lets this bundle out.")]
Out = Annotated[
    Path, text_option("--out", metavar="DIR", help="Where bundles are: DIR/NAME/VERSION.")
]
Kind = Annotated[
    Literal["classifier", "score", "map", "patches"] | None,
    typer.Option(
        "--adapter",
        help="What the model gives; seen by its outputs where they leave no doubt. patches: a map "
        "or a row of scores of any scale, of which the highest count.",
        show_default=False,
    ),
]
Output = Annotated[
    str | None, text_option("--output", metavar="NAME", help="Which output is the score.")
]
Normalise = Annotated[
    Literal["imagenet", "unit", "symmetric", "none"] | None,
    typer.Option(
        "--normalise",
        help="How pixels become the input: ImageNet's, 0..1, -1..1 or 0..255; found by the "
        "samples where they decide it.",
        show_default=False,
    ),
]
Classes = Annotated[
    str | None,
    text_option("--classes", metavar="A,B,C", help="Names of a classifier's outputs, in order."),
]
GoodClass = Annotated[
    list[str] | None,
    text_option("--good-class", metavar="NAME", help="Which of them are good; may be given again."),
]
Top = Annotated[
    int | None,
    typer.Option(
        "--top",
        metavar="N",
        min=1,
        help="Of patches: the score is the mean of the N highest; found by the samples.",
        show_default=False,
    ),
]
Stretch = Annotated[
    bool,
    typer.Option(
        "--stretch", help="Stretch pictures to 0..255 before (minmax).", show_default=False
    ),
]
Key = Annotated[Path | None, text_option("--key", metavar="FILE", help="Sign it with this key.")]
Description = Annotated[
    str | None, text_option("--description", metavar="TEXT", help="What it is for.")
]
LearntFrom = Annotated[
    str, typer.Option("--learnt-from", metavar="TEXT", help="What the model was trained on.")
]
Licence = Annotated[str, typer.Option("--licence", metavar="TEXT", help="Of the model.")]
EscapeCost = Annotated[
    float,
    typer.Option(
        "--escape-cost", metavar="N", min=0.01, help="An escape costs so many good parts."
    ),
]
CompileFor = Annotated[
    str,
    typer.Option(
        "--compile-for",
        metavar="SM,SM...",
        help="Compute capabilities that TensorRT for RTX, where it is installed, compiles it for; "
        "none leaves it out.",
    ),
]


def pack_command(
    model: Model,
    name: BundleName,
    good: Good,
    bad: Bad,
    by: By,
    target: Out,
    adapter: Kind = None,
    output: Output = None,
    normalise: Normalise = None,
    classes: Classes = None,
    good_class: GoodClass = None,
    top: Top = None,
    stretch: Stretch = False,
    escape_cost: EscapeCost = 1.0,
    key: Key = None,
    compile_for: CompileFor = "sm89",
    description: Description = None,
    learnt_from: LearntFrom = "not stated",
    licence: Licence = "not stated",
    as_json: Json = False,
) -> None:
    """Pack a trained ONNX model as a bundle, with the help of pictures of good and bad parts.

    How the model is asked is read from its tensors (layout, size, which output is the score) and
    found by the samples (normalisation, activation, the good class) where they decide it; where
    they do not, the command says what to say. Golden frames are chosen, the threshold is proposed,
    tolerance and latency are measured, a report is written, TensorRT compiles it where it is
    installed, and an engine must pass the bundle's own self-test before it has its name.

    The threshold fits these pictures; [bold]qc-edge evaluate[/bold] tells what it does on others.

    [dim]Examples:[/dim]
      [bold]qc-edge model pack flange.onnx --name flange@4 --good ok/ --bad nok/ --by anna --out
      bundles/[/bold]
      [bold]qc-edge model pack net.onnx --name flange --good ok/ --bad nok/ --by anna --out bundles/
      --normalise imagenet --classes good,scratch,pit[/bold]
    """
    from qc_edge.dataset.reading import pictures_in
    from qc_edge.terminal.scoring_bar import ScoringBar
    from qc_edge.training.packing.adapter_search import AdapterWish
    from qc_edge.training.packing.pack import pack
    from qc_edge.training.packing.request import PackRequest

    bundle, _, version = name.partition("@")
    request = PackRequest(
        model=model.absolute(),
        name=bundle,
        version=version or "1",
        by=by,
        out=target.absolute(),
        adapter=adapter,
        output=output,
        wish=AdapterWish(
            normalise,
            tuple(each.strip() for each in (classes or "").split(",") if each.strip()),
            tuple(good_class or ()),
            stretch,
            top,
        ),
        description=description or "",
        licence=licence,
        learnt_from=learnt_from,
        escape_cost=escape_cost,
        key=key.absolute() if key else None,
        compile_for=tuple(each for each in _targets(compile_for) if each != "none"),
    )
    samples = pictures_in([folder.absolute() for folder in good], "good")
    samples += pictures_in([folder.absolute() for folder in bad], "defect")
    with ScoringBar() as bar:
        packed = pack(request, samples, bar)
    if as_json:
        print_json(
            {
                "bundle": packed.bundle.reference,
                "directory": str(packed.bundle.directory),
                "sha256": packed.bundle.digest,
                "threshold": packed.bundle.threshold,
                "found": packed.found,
                "signed_by": packed.signed_by,
                "report": packed.report.to_json_values(),
            }
        )
    else:
        _print(packed)


def _targets(text: str) -> list[str]:
    return [each.strip().lower() for each in text.split(",") if each.strip()]


def _print(packed: PackedBundle) -> None:
    from qc_edge.terminal.tables import print_result
    from qc_edge.training.report_page import evaluation_tables

    console, bundle = out(), packed.bundle
    print_result(
        console,
        warnings=packed.report.notes,
        tables=evaluation_tables(packed.report),
        footnotes=packed.found,
    )
    signed = f", signed with {packed.signed_by}" if packed.signed_by else ", not signed"
    console.print(
        f"{bundle.reference} is in {bundle.directory} and has passed its self-test{signed}",
        markup=False,
    )
    console.print(f"install it: qc-edge model install STATION {bundle.directory}", markup=False)
