"""`qc-edge update stage`, `apply` and `rollback`: what changes the box's software."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from qc_edge.commands.update.look import From
from qc_edge.terminal.options import DEFAULT_ROOT, Root, out

_BETWEEN_PARTS_S = 60.0


def stage_command(
    source: From = None,
    older: Annotated[
        bool, typer.Option("--older", help="Take a version that is older than the one that runs.")
    ] = False,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Bring an update onto the box, beside what runs: its signature is checked before anything is
    written, and each file against its digest.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge update stage[/bold]
      [bold]sudo qc-edge update stage /media/usb/update[/bold]
    """
    from qc_edge.errors import RightsError
    from qc_edge.setup.provision.update_source import read_update_source
    from qc_edge.setup.update.box_state import changing
    from qc_edge.setup.update.boxes import this_box
    from qc_edge.setup.update.source import open_source
    from qc_edge.setup.update.staging import look, refuse_unfit, stage

    at = root.absolute()
    if os.geteuid() != 0:
        raise RightsError("only root can stage software", hint="sudo qc-edge update stage")
    told, box = read_update_source(at), this_box(_say, at)
    with open_source(source or told.source) as opened:
        offer = look(opened, told.trusted_keys)
        refuse_unfit(offer, box.kind, box.architecture, box.running(), older)
        with changing(at):
            staged = stage(at, opened, offer)
    _say(f"{staged.manifest.version} is staged, signed by {offer.signer}")
    _say("between parts: sudo qc-edge update apply; or at a time: --at 22:15")


def apply_command(
    at: Annotated[
        str | None,
        typer.Option("--at", metavar="HH:MM", help="Not now but then.", show_default=False),
    ] = None,
    now: Annotated[
        bool, typer.Option("--now", help="Do not wait until no frames wait to be inspected.")
    ] = False,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Put what is staged in the place of what runs, between parts, and prove it.

    Good is a version in which every station that ran has started: log open, last records in force,
    golden frames of its model as they should be; a camera that is dark is no reason. Else the
    version before comes back by itself, and screen, journal and log say why. A box with two slots
    tries the new one at its next boot, three times.

    Exit code 65 if it is not good.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge update apply[/bold]
      [bold]sudo qc-edge update apply --at 22:15[/bold]
    """
    from qc_edge.errors import BusyError, RightsError, UpdateError
    from qc_edge.setup.provision.update_source import read_update_source
    from qc_edge.setup.update.apply import apply
    from qc_edge.setup.update.box_state import changing
    from qc_edge.setup.update.boxes import running_stations, this_box
    from qc_edge.setup.update.moment import wait_until_between_parts
    from qc_edge.setup.update.staging import whole_update

    root = root.absolute()
    if os.geteuid() != 0:
        raise RightsError("only root can change the software", hint="sudo qc-edge update apply")
    told, box = read_update_source(root), this_box(_say, root)
    whole_update(root, told.trusted_keys)
    if at is not None:
        _schedule(at)
        return
    if not now and (busy := wait_until_between_parts(root, _BETWEEN_PARTS_S)):
        raise BusyError(
            f"frames wait to be inspected: {', '.join(busy)}; nothing was changed",
            hint="later, or --now: they wait in the spool, and their parts are HOLD",
        )
    with changing(root), _unstopped():
        # Checked once more behind the wait: nobody can put another in its place now.
        staged = whole_update(root, told.trusted_keys)
        applied = apply(root, box, staged, running_stations(), _say)
    if applied.outcome in {"fell_back", "not_good"}:
        runs = applied.before if applied.outcome == "fell_back" else applied.version
        raise UpdateError(
            f"version {applied.version} is not good: {applied.why}",
            hint=f"{runs} runs; qc-edge update status",
        )


def rollback_command(root: Root = DEFAULT_ROOT) -> None:
    """Take the version before again: on a box with the package at once, as `qc-edge rollback`, on
    one with two slots from its next boot on.

    The log and all records stay as they are.

    [dim]Example:[/dim]
      [bold]sudo qc-edge update rollback[/bold]
    """
    from qc_edge.errors import RightsError
    from qc_edge.setup.update.apply import take_back
    from qc_edge.setup.update.box_state import changing
    from qc_edge.setup.update.boxes import this_box

    if os.geteuid() != 0:
        raise RightsError("only root can change the software", hint="sudo qc-edge update rollback")
    box = this_box(_say, root.absolute())
    with changing(root.absolute()), _unstopped():
        version = take_back(root.absolute(), box)
    _say(f"{version} is in its place again" + (", from the next boot on" * box.proves_later()))


@contextmanager
def _unstopped() -> Iterator[None]:
    """The terminal may go, or somebody lose patience: half of a version, or one that nobody proves
    and takes back, must not stay.
    """
    before = {each: signal.signal(each, signal.SIG_IGN) for each in (signal.SIGHUP, signal.SIGINT)}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _schedule(at: str) -> None:
    """Have systemd run the same command at that time of the day."""
    import re
    import subprocess
    import sys

    from qc_edge.errors import UpdateError, UsageError

    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", at):
        raise UsageError(f"--at {at!r}", hint="expected HH:MM of the box's clock: --at 22:15")
    program = Path(sys.argv[0]).absolute()
    # --collect: one that failed would stand in the way of the next.
    command = ["systemd-run", "--unit=qc-edge-update", "--collect", f"--on-calendar=*-*-* {at}:00"]
    command += ["--timer-property=AccuracySec=1s", "--timer-property=RemainAfterElapse=no"]
    ran = subprocess.run(
        [*command, str(program), "update", "apply"], capture_output=True, text=True, check=False
    )
    if ran.returncode:
        raise UpdateError(
            f"systemd-run: {ran.stderr.strip()}", hint="systemctl stop qc-edge-update.timer"
        )
    _say(f"it is applied at {at}; not after all: sudo systemctl stop qc-edge-update.timer")


def _say(words: str) -> None:
    out().print(words, markup=False)
