"""`qc-edge token`: which programs may use the station's API, and what for."""

from __future__ import annotations

import getpass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.web.api.administration import TokenAdministration
    from qc_edge.web.api.tokens import ApiToken

Action = Annotated[
    Literal["list", "add", "revoke"],
    typer.Argument(help="What to do; [bold]list[/bold] if left out."),
]
Which = Annotated[
    str | None,
    typer.Argument(metavar="PROGRAM", help="The program: small letters.", show_default=False),
]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="SCOPE",
        help="What for: read, label or recipe; may be given again.",
        show_default=False,
    ),
]
InRole = Annotated[
    Literal["operator", "reviewer", "engineer", "quality"],
    typer.Option("--role", help="As whom it labels: where people differ, the higher role counts."),
]
Days = Annotated[int, typer.Option("--days", metavar="N", help="How long it is good.")]


def command(
    name: Name,
    action: Action = "list",
    program: Which = None,
    scope: Scopes = None,
    role: InRole = "operator",
    days: Days = 365,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Make tokens by which other programs, such as an MES, use the station's API; list or revoke
    them.

    [bold]add[/bold] prints the token once; it is kept nowhere, only its digest. One that is added
    again takes the place of the one before. Scopes: [bold]read[/bold] parts, labels, status and
    recipes; [bold]label[/bold]; ask for a changeover to an approved [bold]recipe[/bold]. Each is an
    event of the log. docs/api.md has the API.

    [dim]Examples:[/dim]
      [bold]sudo qc-edge token line1 add mes --scope read --scope recipe --days 90[/bold]
      [bold]sudo qc-edge token line1 revoke mes[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.attribution import person_at_the_terminal
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.page_modules import page_modules

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    doer = person_at_the_terminal() or getpass.getuser()
    act_as_owner(paths.state)
    with page_modules():
        from qc_edge.web.api.administration import TokenAdministration
    tokens = TokenAdministration(paths, doer)
    if action == "list":
        _list(tokens, as_json)
        return
    if program is None:
        raise UsageError(f"`{action}` which?", hint=f"qc-edge token {name} {action} mes")
    secret = None
    if action == "add":
        if not scope:
            raise UsageError("`add` needs --scope", hint="--scope read, label or recipe")
        secret = tokens.add(program, scope, role, days)
    else:
        tokens.revoke(program)
    if as_json:
        print_json({"program": program, "done": action, "token": secret})
    elif secret:
        out().print(f"the token of {program}, which is kept nowhere else: [bold]{secret}[/bold]")
    else:
        out().print(f"{program}: revoked")


def _list(tokens: TokenAdministration, as_json: bool) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    rows = tokens.everything()
    if as_json:
        print_json([_values(token) for token, _ in rows])
        return
    if not rows:
        out().print("no program may use the API yet: qc-edge token NAME add PROGRAM --scope read")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("program", "for", "labels as", "", "came last (UTC)", "made by"):
        table.add_column(heading)
    for token, state in rows:
        used = f"{_at(token.used):%Y-%m-%d %H:%M}" if token.used is not None else "never"
        scopes = ", ".join(token.scopes)
        table.add_row(token.name, scopes, str(token.role), state, used, Text(token.made_by))
    out().print(table)


def _values(token: ApiToken) -> dict[str, Any]:
    return {
        "program": token.name,
        "scopes": list(token.scopes),
        "role": token.role,
        "made": _at(token.made),
        "made_by": token.made_by,
        "expires": _at(token.expires),
        "used": _at(token.used) if token.used is not None else None,
    }


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
