"""`qc-edge label`: write down what a part is, as a person sees it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.label import Region
    from qc_edge.labels import WrittenLabel
    from qc_edge.labels.request import MaskImage

Target = Annotated[
    str, typer.Argument(metavar="PART|FRAME", help="The part's id, or that of one frame of it.")
]
Saying = Annotated[
    Literal["good", "defect", "unsure", "not-inspectable"],
    typer.Argument(help="What the part is, or that its picture does not tell."),
]
By = Annotated[
    str | None,
    text_option("--by", metavar="WHO", help="Who says so; left out: who is logged in."),
]
RoleName = Annotated[
    Literal["operator", "reviewer", "engineer", "quality"],
    typer.Option("--role", help="As whom: where people differ, the higher role counts."),
]
SourceName = Annotated[
    Literal["review", "audit", "challenge"],
    typer.Option("--source", help="What brought you to it."),
]
DefectClass = Annotated[
    str | None, text_option("--class", metavar="CLASS", help="The kind of defect.")
]
Why = Annotated[str | None, text_option("--why", metavar="TEXT", help="A note.")]
Boxes = Annotated[
    list[str] | None,
    text_option(
        "--box",
        metavar="X,Y,W,H",
        help="Where the defect is, in pixels of the raw frame; may be given again.",
    ),
]
MaskFile = Annotated[
    Path | None,
    text_option("--mask", metavar="FILE", help="The same as a PNG of the frame's size."),
]


def command(
    name: Name,
    target: Target,
    said: Saying,
    by: By = None,
    role: RoleName = "reviewer",
    defect_class: DefectClass = None,
    why: Why = None,
    box: Boxes = None,
    mask: MaskFile = None,
    source: SourceName = "review",
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Write down what a part is, as a person sees it. The verdict stays as it is.

    The label is a record that the station takes up within a second, or when it starts next; it
    counts in QA's views within ten. Nothing is taken back: a later label takes its place. Where
    people differ, the highest role counts, then the newest, and the part is on the review queue
    again. Members of the group qc-edge may label.

    Refused: a part that nobody has inspected; one that was inspected several times, which it lists;
    a class that the bundle does not know; a box that leaves the frame; a frame whose picture is not
    the one that was judged.

    [dim]Examples:[/dim]
      [bold]qc-edge label line1 48213 good --by anna[/bold]
      [bold]qc-edge label line1 48214 defect --class scratch --by ben --box 120,80,40,12[/bold]
      [bold]qc-edge label line1 48215 defect --by q.meier --role quality --why "claim 881"[/bold]
    """
    from qc_edge.domain.label import LabelSource, PersonRole, Said
    from qc_edge.labels import LabelRequest, write
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.options import who_asks

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    who, regions = who_asks(by), _regions(box, mask)
    act_as_owner(paths.state)
    request = LabelRequest(
        target=target,
        said=Said(said.replace("-", "_")),
        who=who,
        role=PersonRole(role),
        source=LabelSource(source),
        defect_class=defect_class,
        why=why,
        regions=regions,
    )
    tell(name, write(paths, request), paths, as_json=as_json)


def tell(name: str, written: WrittenLabel, paths: object, *, as_json: bool) -> None:
    """Say what was written, and whether the station has taken it up."""
    from qc_edge.domain.printable import printable
    from qc_edge.labels.writing import to_json_values, wait_until_taken_up
    from qc_edge.settings import StationPaths

    assert isinstance(paths, StationPaths)  # noqa: S101
    taken_up = wait_until_taken_up(paths, written)
    if as_json:
        print_json({**to_json_values(written), "taken_up": taken_up})
        return
    label, found = written.label, written.inspection
    what = f"{label.label}, {label.defect_class}" if label.defect_class else str(label.label)
    console = out()
    console.print(
        f"{name}: part {printable(label.part_id)}, {label.frame_id} ({found.verdict}): "
        f"[bold]{what}[/bold] by {label.who}"
    )
    if taken_up:
        console.print("in the log; in QA's views within ten seconds")
    elif taken_up is None:
        console.print("the station is not running: it takes it up when it starts")
    else:
        console.print(
            "[yellow]the station has not taken it up yet[/yellow]; if it is set aside, an event "
            "label_refused says why"
        )


def _regions(boxes: list[str] | None, mask: Path | None) -> tuple[Region | MaskImage, ...]:
    from qc_edge.domain.label import Box
    from qc_edge.errors import UsageError
    from qc_edge.labels import MaskImage

    regions: list[Region | MaskImage] = []
    for text in boxes or ():
        try:
            x, y, width, height = map(float, text.split(","))
        except ValueError:
            raise UsageError(
                f"--box {text!r} is no box", hint="X,Y,WIDTH,HEIGHT in pixels: --box 120,80,40,12"
            ) from None
        regions.append(Box(x, y, width, height))
    if mask is not None:
        # As whoever asks: the file is that person's.
        regions.append(MaskImage(mask.read_bytes()))
    return tuple(regions)
