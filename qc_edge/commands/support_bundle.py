"""`qc-edge support-bundle`: one archive for the vendor, and what is in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root, out

Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="FILE", help="Where to write it.", show_default="in this directory"
    ),
]
Images = Annotated[
    int,
    typer.Option(
        "--images", metavar="N", min=0, max=1000, help="With the newest N frames as images."
    ),
]


def command(
    name: Name, out_file: Out = None, images: Images = 0, root: Root = DEFAULT_ROOT
) -> None:
    """Pack what the vendor needs to help: settings, status, doctor's findings, journal, newest
    rows, records.

    Passwords, tokens, keys and addresses with a login are removed. There are no images in it unless
    asked for. The list of what is inside is printed, and is inside as manifest.json. Look before
    you send it: part ids and names of people are left in.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge support-bundle line1[/bold]
      [bold]sudo qc-edge support-bundle line1 --out /media/usb/line1.tar.gz --images 20[/bold]
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from qc_edge.diagnostics.support.bundle import INCOMPLETE, pack
    from qc_edge.errors import StoreError
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths

    file = (
        out_file or Path(f"qc-edge-support-{name}-{utc_now():%Y%m%dT%H%M%SZ}.tar.gz")
    ).absolute()
    packed = pack(StationPaths(root.absolute(), name), file, images)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_header=False)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for packed_file in packed:
        description = Text(packed_file.what, style="dim")
        table.add_row(f"{packed_file.size:,}", Text(packed_file.name), description)
    console = out()
    console.print(table)
    pictures = sum(packed_file.name.startswith("images/") for packed_file in packed)
    about = f"{file.stat().st_size / 1e3:,.0f} kB, {len(packed)} files, {pictures or 'no'} images"
    console.print(Text.assemble((str(file), "bold"), f"\n{about}; secrets removed"))
    if any(packed_file.name == INCOMPLETE for packed_file in packed):
        raise StoreError(
            f"the bundle is not whole: {INCOMPLETE} in it says what could not be read",
            hint="send it all the same",
        )
