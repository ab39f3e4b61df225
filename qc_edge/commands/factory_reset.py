"""`qc-edge factory-reset`: the box as it was before it was set up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.setup.reset.plan import ResetPlan


def command(
    keep_evidence: Annotated[
        bool,
        typer.Option("--keep-evidence", help="Leave records, evidence and labels as they are."),
    ] = False,
    confirm: Annotated[
        str | None,
        typer.Option(
            "--confirm", metavar="BOX", help="The box's name, to ask nothing.", show_default=False
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the plan, and do nothing.")
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="End a reset that was cut off; asks nothing.")
    ] = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Take away settings, users, secrets, networks and keys of this box, and its records too unless
    they are to be kept.

    Shows what goes, what stays and what was never sent upstream, then asks for the box's name. The
    stations stop first. One that was cut off is run again, and goes on. The software stays; a box
    with two slots needs a boot to end it. Reach the box by its keyboard afterwards: its network
    and the keys that log in go too. Records are removed, not overwritten.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge factory-reset --dry-run[/bold]
      [bold]sudo qc-edge factory-reset --keep-evidence[/bold]
      [bold]sudo qc-edge factory-reset --confirm qc-17[/bold]
    """
    import os

    from qc_edge.errors import RightsError, UsageError
    from qc_edge.recipe.attribution import person_at_the_terminal
    from qc_edge.setup.reset.carrying_out import reset
    from qc_edge.setup.reset.plan import plan_reset, read_begun

    root = root.absolute()
    if os.geteuid() != 0 and root == Path("/"):
        raise RightsError("only root can reset the box", hint="sudo qc-edge factory-reset")
    begun = read_begun(root)
    if resume and begun is None:
        out().print("no reset was begun")
        return
    kept = begun.keep_evidence if begun else keep_evidence
    if begun and keep_evidence and not kept:
        raise UsageError(
            "a reset that wipes the evidence was begun and cut off",
            hint="it goes on without --keep-evidence; what is gone is gone",
        )
    plan = plan_reset(root, keep_evidence=kept)
    _print(plan, as_json=as_json)
    if dry_run:
        return
    if not resume:
        _confirm(root, confirm)
    ended = reset(root, plan, person_at_the_terminal() or "root", _say)
    _say("the box is as it was before it was set up" if ended else "a boot ends it: sudo reboot")


def _confirm(root: Path, given: str | None) -> None:
    import sys

    from qc_edge.errors import UsageError

    name = _box_name(root)
    if given is None and sys.stdin.isatty():
        given = input(f"Type the box's name, {name}, to do this: ").strip()
    if given != name:
        raise UsageError(
            "nothing was changed: the box's name was not confirmed",
            hint=f"--confirm {name}, or type it at a terminal",
        )


def _box_name(root: Path) -> str:
    import socket

    file = root / "etc/hostname"
    if root == Path("/") or not file.is_file():
        return socket.gethostname()
    return file.read_text(encoding="utf-8").strip()


def _print(plan: ResetPlan, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "keep_evidence": plan.keep_evidence,
                "goes": [{"path": str(each.path), "what": each.what} for each in plan.goes],
                "stays": [{"path": str(each.path), "what": each.what} for each in plan.stays],
                "lost": list(plan.lost),
                "etc": plan.retires,
            }
        )
        return
    for part in plan.goes:
        _say(f"goes   {part.path}  {part.what}")
    if plan.retires:
        _say("goes   all that was changed under /etc: settings, keys, networks, names")
    for part in plan.stays:
        _say(f"stays  {part.path}  {part.what}")
    for words in plan.lost:
        out().print(f"lost   {words}", markup=False, style="red")
    if not (plan.goes or plan.retires):
        _say("there is nothing to take away")


def _say(words: str) -> None:
    out().print(words, markup=False)
