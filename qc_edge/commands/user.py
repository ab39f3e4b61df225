"""`qc-edge user`: who may use the station's page, and the one-time codes that let them in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.web.people.administration import Administration

Action = Annotated[
    Literal["list", "add", "code", "reset", "role", "remove"],
    typer.Argument(help="What to do; [bold]list[/bold] if left out."),
]
Who = Annotated[
    str | None,
    typer.Argument(metavar="WHO", help="The person: small letters.", show_default=False),
]
InRole = Annotated[
    str | None,
    typer.Option(
        "--role",
        metavar="ROLE",
        help="operator, reviewer, engineer or quality.",
        show_default=False,
    ),
]


def command(
    name: Name,
    action: Action = "list",
    who: Who = None,
    role: InRole = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Add people to the station's page, or list, change and remove them.

    There is no password to begin with: [bold]add[/bold] prints a one-time code that is good for a
    day; whoever logs in with it chooses a PIN or password. [bold]code[/bold] prints another one,
    the password stays until it is used; [bold]reset[/bold] also ends the password and all sessions
    at once. Each is an event of the log.

    An operator looks and disputes, a reviewer also judges parts, and so do an engineer and quality,
    whose word counts more where people differ.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge user line1 add anna --role reviewer[/bold]
      [bold]sudo qc-edge user line1 reset anna[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.page_modules import page_modules

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    doer = _doer()
    act_as_owner(paths.state)
    with page_modules():
        from qc_edge.web.people.administration import Administration
    people = Administration(paths, doer)
    if action == "list":
        if who or role:
            raise UsageError("`list` takes no name", hint=f"qc-edge user {name}")
        _list(people, as_json)
        return
    if who is None:
        raise UsageError(f"`{action}` whom?", hint=f"qc-edge user {name} {action} anna")
    if (role is None) == (action in {"add", "role"}):
        raise UsageError(
            f"`{action}` {'needs' if role is None else 'takes no'} --role",
            hint=f"qc-edge user {name} add anna --role reviewer",
        )
    code = people.act(action, who, role)
    if as_json:
        print_json({"user": who, "done": action, "code": code})
    elif code:
        out().print(f"{who} logs in once with the code [bold]{code}[/bold], within 24 hours")
    else:
        out().print(f"{who}: done")


def _doer() -> str:
    """The person at the terminal: behind sudo, who called it."""
    import getpass
    import os

    return os.environ.get("SUDO_USER") or getpass.getuser()


def _list(people: Administration, as_json: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = people.everybody()
    if as_json:
        print_json([{"user": each.name, "role": each.role, "state": state} for each, state in rows])
        return
    if not rows:
        out().print("nobody may use the page yet: qc-edge user NAME add WHO --role ROLE")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("who", "role", ""):
        table.add_column(heading)
    for user, state in rows:
        table.add_row(Text(user.name), str(user.role), state)
    out().print(table)
