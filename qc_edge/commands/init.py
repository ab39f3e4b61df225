"""`qc-edge init`: a new station, ready to be run."""

from __future__ import annotations

from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root, out

CAMERA_HELP = (
    "[bold]basler[/bold] the only camera found; [bold]basler:SERIAL[/bold] that one; "
    "[bold]emulated[/bold] pylon's emulator plays rendered parts; [bold]folder:PATH[/bold] plays "
    "a directory;"
    " [bold]none[/bold] frames come only from other acquisition nodes."
)


def command(
    name: Name,
    camera: Annotated[str, typer.Option("--camera", metavar="CAMERA", help=CAMERA_HELP)] = "basler",
    root: Root = DEFAULT_ROOT,
) -> None:
    """Make a new station: commented settings, a starting calibration and all directories.

    Nothing that exists is overwritten.

    [dim]Examples:[/dim]
      [bold]qc-edge init line1 --camera basler:40012345[/bold]
      [bold]qc-edge init line1 --camera emulated --root try[/bold]
    """
    from qc_edge.setup.new_station import parse_camera, provision

    made = provision(root.absolute(), name, parse_camera(camera))
    console = out()
    console.print(f"station [bold]{name}[/bold] is made: {made.camera}")
    for what, where in made.files:
        console.print(f"  {what:<12} {where}")
    prefix = "" if root == DEFAULT_ROOT else f" --root {root}"
    console.print("\nnext:")
    console.print(f"  [bold]qc-edge check {name}{prefix}[/bold]    is everything in place?")
    console.print(f"  [bold]qc-edge run {name}{prefix}[/bold]      run it here, until Ctrl-C")
    console.print(
        f"  [bold]qc-edge status {name}{prefix}[/bold]   ask it how it is, from another terminal"
    )
