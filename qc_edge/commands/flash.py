"""`qc-edge flash`: the device image onto the disk of a box, from a stick or a directory."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from qc_edge.setup.flash.choice import Existing, FlashPlan
    from qc_edge.setup.flash.disks import BlockDevice
    from qc_edge.setup.flash.image_file import DiskImage
    from qc_edge.setup.flash.seed_on_stick import StickSeed


def command(
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="DIR", help="image/ with the signed image, and a seed.", show_default=False
        ),
    ] = None,
    stick: Annotated[
        bool, typer.Option("--stick", help="The medium labelled QC-EDGE instead of DIR.")
    ] = False,
    show_list: Annotated[
        bool, typer.Option("--list", help="Show the disks of this machine, and do nothing.")
    ] = False,
    disk: Annotated[
        str | None,
        typer.Option(
            "--disk",
            metavar="DISK",
            help="Path, serial number or model; [bold]only[/bold]: the one inside that it fits on.",
            show_default=False,
        ),
    ] = None,
    existing: Annotated[
        str,
        typer.Option(help="refuse, keep or wipe the records of another qc-edge on it."),
    ] = "refuse",
    key: Annotated[
        list[str] | None,
        typer.Option("--key", metavar="KEY", help="Whose signature is trusted, over the seed's."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Write the device image onto the disk of a box, and read it back.

    Shows the disks and asks which one, unless --disk or [install] of the seed says so. Refused are
    the disk that this system runs from, one that is in use, write-protected or too small, and one
    with the records of another qc-edge, unless they are to be kept or wiped. The image's signature
    and all its bytes, and all settings of the seed, are checked before anything is written. The
    seed then goes onto the new box, which becomes what it says at its first boot.

    [dim]Examples:[/dim]
      [bold]qc-edge flash --list[/bold]
      [bold]sudo qc-edge flash --stick[/bold]
      [bold]sudo qc-edge flash stick/ --disk S4EVNX0R --existing keep --yes[/bold]
    """
    from contextlib import ExitStack

    from qc_edge.errors import UsageError
    from qc_edge.setup.flash.disks import disks_here
    from qc_edge.setup.provision.seed import mounted_stick

    if show_list:
        _list(disks_here(), as_json=as_json)
        return
    if (directory is None) != stick:
        raise UsageError("which image?", hint="one of: DIR, --stick; --list shows the disks")
    with ExitStack() as stack:
        source = stack.enter_context(mounted_stick()) if directory is None else directory
        _flash(source, disk, _existing(existing), key or [], ask=not yes, is_stick=stick)


def _existing(text: str) -> Existing:
    from qc_edge.errors import UsageError

    known: dict[str, Existing] = {"refuse": "refuse", "keep": "keep", "wipe": "wipe"}
    if text not in known:
        raise UsageError(f"--existing {text}", hint="expected refuse, keep or wipe")
    return known[text]


def _flash(
    source: Path,
    wanted: str | None,
    existing: Existing,
    keys: Sequence[str],
    *,
    ask: bool,
    is_stick: bool,
) -> None:
    from qc_edge.commands.provision import serials_here
    from qc_edge.setup.flash.image_file import FOLDER, open_image
    from qc_edge.setup.flash.seed_on_stick import seed_beside
    from qc_edge.setup.flash.writing import write_image
    from qc_edge.terminal.box.flash_bar import FlashBar

    console = out()
    seed = seed_beside(source, serials_here)
    with FlashBar() as bar:
        image = open_image(source / FOLDER, (*keys, *(seed.keys if seed else ())), bar)
    console.print(f"qc-edge {image.version}, signed by {image.signer}", markup=False)
    _tell_seed(console, seed)
    plan = _plan(image, seed, wanted, existing, ask=ask)
    console.print(plan.words, markup=False)
    with FlashBar() as bar:
        write_image(plan, image, bar)
    if seed is not None:
        _leave(console, seed, plan.disk)
    console.print(
        f"{plan.disk.name} has qc-edge {image.version}, read back and compared", markup=False
    )
    if is_stick:
        console.print("The box switches off. Take the stick out, then switch it on.")


def _tell_seed(console: Console, seed: StickSeed | None) -> None:
    if seed is None:
        console.print(
            "no seed: the box will come up without a station; provision it later with a stick "
            "labelled QC-EDGE (docs/integrator.md)"
        )
        return
    names = ", ".join(station.name for station, _ in seed.plan.stations) or "none"
    host = seed.plan.file.box.host_name or "without a host name"
    console.print(f"seed: {host}, stations: {names}", markup=False)
    for words in seed.missing:
        console.print(f"  missing  {words}", markup=False, style="yellow")


def _plan(
    image: DiskImage,
    seed: StickSeed | None,
    wanted: str | None,
    existing: Existing,
    *,
    ask: bool,
) -> FlashPlan:
    from qc_edge.setup.flash.choice import choose, plan_for
    from qc_edge.setup.flash.disks import disk_file, disks_here
    from qc_edge.terminal.box.flash_dialogue import answer_at_terminal, ask_for_plan

    if wanted is None and seed is not None and seed.install is not None:
        return choose(disks_here(), seed.install.disk, image.table, seed.install.existing)
    if wanted is None:
        return ask_for_plan(out(), disks_here, image.table, answer_at_terminal)
    is_file = Path(wanted).is_file()
    plan = (
        plan_for(disk_file(Path(wanted)), image.table, existing)
        if is_file
        else choose(disks_here(), wanted, image.table, existing)
    )
    if ask and answer_at_terminal(f"{plan.words}. Type {plan.disk.name}: ") != plan.disk.name:
        raise _nothing_written()
    return plan


def _nothing_written() -> Exception:
    from qc_edge.errors import UsageError

    return UsageError("nothing was written", hint="it was not confirmed")


def _leave(console: Console, seed: StickSeed, disk: BlockDevice) -> None:
    from qc_edge.setup.flash.seed_on_stick import leave_seed, mounted_var

    if Path(disk.path).is_file():
        console.print("the seed is not left in a file: boot it with a stick")
        return
    with mounted_var(disk.path) as var:
        leave_seed(seed, var)
    console.print("the seed is on the box, which becomes what it says at its first boot")


def _list(disks: Sequence[BlockDevice], *, as_json: bool) -> None:
    from dataclasses import asdict

    from qc_edge.terminal.box.flash_dialogue import print_disks

    if as_json:
        print_json([asdict(disk) for disk in disks])
    else:
        print_disks(out(), disks, None)
