"""`qc-edge challenge`: parts of which it is known what they are, shown to prove the station."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why

Action = Annotated[
    Literal["status", "register", "list", "run", "history", "override"],
    typer.Argument(help="What to do; [bold]status[/bold] if left out."),
]
Serial = Annotated[
    str | None,
    typer.Argument(metavar="SERIAL", help="What is written on the part.", show_default=False),
]
Expect = Annotated[
    Literal["PASS", "FAIL", "INVALID"],
    typer.Option("--expect", help="What the station must say of it."),
]
OfClass = Annotated[
    str | None,
    typer.Option("--class", metavar="CLASS", help="And of which class.", show_default=False),
]
PartId = Annotated[
    str | None,
    typer.Option(
        "--part-id",
        metavar="ID",
        help="Its id in frames; left out: the serial.",
        show_default=False,
    ),
]
OfRecipe = Annotated[
    str,
    typer.Option("--recipe", metavar="RECIPE", help="Which recipe it is for.", show_default=False),
]
Photo = Annotated[
    Path | None,
    typer.Option("--photo", metavar="FILE", help="A picture of it.", show_default=False),
]
Certified = Annotated[
    str | None,
    typer.Option("--certified-by", metavar="WHO", help="Who says what it is.", show_default=False),
]
Until = Annotated[
    str | None,
    typer.Option(
        "--valid-until", metavar="DAY", help="The last day that it is good for.", show_default=False
    ),
]
MaxUses = Annotated[
    int | None,
    typer.Option("--max-uses", metavar="N", help="So often it may be shown.", show_default=False),
]
Uses = Annotated[
    int, typer.Option("--uses", metavar="N", help="So often it has been shown before.")
]
Retire = Annotated[
    bool, typer.Option("--retire", help="Take it out of the set.", show_default=False)
]
Order = Annotated[
    str | None,
    typer.Option(
        "--order",
        metavar="SERIAL,...",
        help="They bring no id: they are shown in this order, and nothing else is.",
        show_default=False,
    ),
]


def command(
    name: Name,
    action: Action = "status",
    serial: Serial = None,
    expect: Expect = "FAIL",
    of_class: OfClass = None,
    part_id: PartId = None,
    recipe: OfRecipe = "",
    photo: Photo = None,
    certified_by: Certified = None,
    valid_until: Until = None,
    max_uses: MaxUses = None,
    uses: Uses = 0,
    retire: Retire = False,
    order: Order = None,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show parts of which it is known what they are, to prove that the station catches them.

    When one is due (settings, [challenge]) the station is not ready and every part is HOLD, until
    all parts of the recipe's set have passed in front of its cameras, in any order, each known by
    its id. [bold]run[/bold] begins one when it is not due, and again after a miss.

    [bold]register[/bold] is for engineers and quality, [bold]override[/bold] for quality alone: by
    the people of the station's page ([bold]qc-edge user[/bold]). Challenge parts count neither in
    the yield nor in datasets, and nobody is asked to review them.

    [dim]Examples:[/dim]
      [bold]qc-edge challenge line1[/bold]
      [bold]qc-edge challenge line1 register R1 --expect FAIL --class scratch \\
        --certified-by carla --valid-until 2027-03-31 --by carla --reason "new set"[/bold]
      [bold]qc-edge challenge line1 register R1 --retire --by carla --reason "broken"[/bold]
      [bold]qc-edge challenge line1 run --by anna --reason "the picture looks dull"[/bold]
      [bold]qc-edge challenge line1 run --order G1,R1,R2 --by anna[/bold]
      [bold]qc-edge challenge line1 override --by carla --reason "sorted by hand, order 4711"[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.quality import challenge_output

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    if (serial is None) == (action == "register"):
        needs = "needs the serial of the part" if action == "register" else "takes no serial"
        raise UsageError(f"`{action}` {needs}", hint=f"qc-edge challenge {name} register R1 ...")
    if action in {"status", "list", "history"}:
        challenge_output.show(paths, action, as_json=as_json)
        return
    from qc_edge.challenge import asking, drop
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.terminal.options import who_asks

    data = photo.read_bytes() if photo else None  # as whoever asks: the file is that person's
    act_as_owner(paths.state)
    if action == "run":
        serials = tuple(filter(None, (order or "").split(",")))
        path = asking.ask_to_run(paths, who_asks(by), reason, serials)
    elif action == "override":
        path = asking.ask_to_override(paths, Attribution.parse(by, reason))
    elif retire:
        path = asking.ask_to_retire(paths, serial or "", recipe, Attribution.parse(by, reason))
    else:
        answers = Attribution.parse(by, reason)
        given = asking.RegisterWish(
            serial or "", recipe, expect, of_class, part_id, certified_by, valid_until, max_uses
        )
        asking.role_to_register(paths, answers.by)
        picture = drop.keep_photograph(paths, data) if data is not None else (None, None)
        path = asking.ask_to_register(paths, given.entry(picture, uses), answers)
    challenge_output.tell(paths, action, path, as_json=as_json)
