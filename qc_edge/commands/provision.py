"""`qc-edge provision`: a box becomes what one file says."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.settings import StationPaths
    from qc_edge.setup.provision.box_file import UserSection
    from qc_edge.setup.provision.provision import Provisioning


def command(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="The box's TOML.", show_default=False)
    ] = None,
    seed: Annotated[
        Path | None,
        typer.Option(
            "--seed",
            metavar="DIR",
            help="A directory with qc-edge.toml, or cloud-init's NoCloud with a user-data that "
            "begins with #qc-edge.",
            show_default=False,
        ),
    ] = None,
    stick: Annotated[
        bool,
        typer.Option("--stick", help="The seed on the medium labelled QC-EDGE or CIDATA."),
    ] = False,
    check: Annotated[
        bool, typer.Option("--check", help="Say what would change, and change nothing.")
    ] = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Make this box what one file says: host name, network, time, stations with their cameras and
    recipes, settings over a shared template, users of the page, trusted keys, where updates come
    from.

    Doing it again changes nothing. All settings are checked before anything is written; a file that
    was edited by hand is kept beside the new one. A camera that is not there is said, and changes
    nothing else. Secrets are refused: they are systemd credentials.

    With --check the exit code is 1 if something would change.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge provision box17.toml --check[/bold]
      [bold]sudo qc-edge provision --stick[/bold]
      [bold]qc-edge provision box17.toml --root image/root --json[/bold]
    """
    from contextlib import ExitStack

    from qc_edge.errors import UsageError
    from qc_edge.setup.provision.provision import provision_box
    from qc_edge.setup.provision.reading import read_plan
    from qc_edge.setup.provision.seed import mounted_stick, seed_in

    if sum((file is not None, seed is not None, stick)) != 1:
        raise UsageError("which file?", hint="one of: FILE, --seed DIR, --stick")
    with ExitStack() as stack:
        if stick:
            seed = stack.enter_context(mounted_stick())
        path = file if file is not None else seed_in(seed or Path())
        done = provision_box(
            root.absolute(), read_plan(path.absolute()), serials_here, _add_user, dry=check
        )
    changed = _changes(done)
    if as_json:
        print_json(
            {
                "changed": bool(changed),
                "check": check,
                "done": [{"what": each[0], "subject": each[1]} for each in changed],
                "missing": done.missing,
                "codes": done.codes,
            }
        )
    else:
        _print(done, changed, check=check)
    raise typer.Exit(1 if check and changed else 0)


def serials_here() -> frozenset[str]:
    """The serial numbers of all cameras that pylon sees."""
    from qc_edge.camera.enumeration import real_devices

    return frozenset(str(device.GetSerialNumber()) for device in real_devices())


def _add_user(paths: StationPaths, user: UserSection, dry: bool) -> tuple[str, str | None]:
    from qc_edge.errors import UsageError
    from qc_edge.service.owner import acting_as_owner

    try:
        from qc_edge.web.people.administration import Administration
    except ModuleNotFoundError as fault:
        raise UsageError(
            f"the page needs the Python module {fault.name}, which is not installed",
            hint="pip install 'qc-edge[page]', or leave [[user]] out",
        ) from None
    with acting_as_owner(paths.state):
        people = Administration(paths, "provision")
        known = {each.name: each.role.value for each, _ in people.everybody()}
        if known.get(user.name) == user.role:
            return "same", None
        action = "role" if user.name in known else "add"
        code = None if dry else people.act(action, user.name, user.role)
        return ("updated" if action == "role" else "new"), code


_LEFT = ("left alone", "not given away", "not granted")
"""What no run changes: said, and no change."""


def _changes(done: Provisioning) -> list[tuple[str, str]]:
    quiet = {"same", "network open", "network closed", *_LEFT}
    return [
        (change.what, change.subject)
        for change in done.installer.changes
        if change.what not in quiet
    ]


def _print(done: Provisioning, changed: list[tuple[str, str]], *, check: bool) -> None:
    console = out()
    if check and changed:
        console.print("nothing is done, this would be:")
    width = max((len(what) for what, _ in changed), default=0)
    for what, subject in changed:
        console.print(f"  {what:<{width}}  {subject}", markup=False)
    left = [change for change in done.installer.changes if change.what in _LEFT]
    same = len(done.installer.changes) - len(changed) - len(left)
    console.print(f"  {same} were as they should be")
    for change in left:
        console.print(f"  {change.what}  {change.subject}", markup=False, style="yellow")
    for words in done.missing:
        console.print(f"  missing  {words}", markup=False, style="yellow")
    for who, code in done.codes.items():
        console.print(f"  {who} logs in once with the code [bold]{code}[/bold], within 24 hours")
