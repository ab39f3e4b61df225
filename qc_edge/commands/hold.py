"""`qc-edge hold` and `qc-edge release`: keep everything of parts until somebody releases them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.commands.label import RoleName
from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import (
    DEFAULT_ROOT,
    By,
    Json,
    Name,
    Root,
    Why,
    out,
    print_json,
    who_asks,
)

if TYPE_CHECKING:
    from qc_edge.domain.evidence.hold_entry import HoldScope
    from qc_edge.labels.holds import WrittenHold
    from qc_edge.settings import StationPaths

Part = Annotated[
    list[str] | None,
    text_option("--part", metavar="PART", help="A part or a frame; may be given again."),
]
Lot = Annotated[
    list[str] | None, text_option("--lot", metavar="LOT", help="A lot; may be given again.")
]
Between = Annotated[
    tuple[str, str] | None,
    text_option("--between", metavar="FROM TO", help="Exposed in this time (UTC)."),
]
Camera = Annotated[
    str | None, text_option("--camera", metavar="CAMERA", help="Of --between: only this camera.")
]
Cause = Annotated[
    str, typer.Option("--cause", metavar="WORD", help="What brought it: complaint, suspect_window.")
]
HoldId = Annotated[
    str | None, text_option("--hold", metavar="ID", help="Of this hold alone; alone: all of it.")
]


def hold_command(
    name: Name,
    part: Part = None,
    lot: Lot = None,
    between: Between = None,
    camera: Camera = None,
    by: By = None,
    reason: Why = None,
    cause: Cause = "person",
    role: RoleName = "quality",
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Keep everything of parts, a lot or a time until somebody releases it; alone, list the holds.

    Nothing of it is deleted, whatever the rules of \\[retention] say and however full the disk is.
    Neither the verdict nor what the line was told changes: to set parts aside is for people. What
    comes later and fits is held, too. The station takes it up within a second, or when it starts
    next; members of the group qc-edge may hold and release.

    [dim]Examples:[/dim]
      [bold]qc-edge hold line1 --part 48213 --by anna --reason "claim 881"[/bold]
      [bold]qc-edge hold line1 --lot L7 --by q.meier --cause complaint --reason "customer"[/bold]
      [bold]qc-edge hold line1 --between 2026-11-22T06:00 2026-11-22T09:30 --by anna --reason
      "lamp was out"[/bold]
      [bold]qc-edge hold line1[/bold]
    """
    from qc_edge.domain.label import PersonRole
    from qc_edge.labels.holds import HoldRequest, hold
    from qc_edge.service.owner import act_as_owner

    paths = _station(root, name)
    scopes = _scopes(part, lot, between, camera)
    if not scopes and reason is None:
        _list(paths, as_json=as_json)
        return
    who = who_asks(by)
    act_as_owner(paths.state)
    scopes = _known(paths, scopes)
    request = HoldRequest(scopes, who, reason or "", cause, PersonRole(role))
    _tell(paths, hold(paths, request), "held", as_json=as_json)


def release_command(
    name: Name,
    part: Part = None,
    lot: Lot = None,
    between: Between = None,
    camera: Camera = None,
    hold: HoldId = None,
    by: By = None,
    reason: Why = None,
    role: RoleName = "quality",
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Release parts, a lot or a time from all holds, or from one; a whole hold with --hold alone.

    The rules of \\[retention] then count again for what no other hold is on. What is held after
    the release stays held. The release is a row beside that of the hold: nothing is taken back.
    Suspect parts are released by quality alone, which is looked up among the station's people.

    [dim]Examples:[/dim]
      [bold]qc-edge release line1 --part 48213 --by anna --reason "claim settled"[/bold]
      [bold]qc-edge release line1 --hold 3f9a01c2d4e5 --by anna --reason "lamp was fine"[/bold]
    """
    from qc_edge.discipline.suspect.releasing import role_to_release
    from qc_edge.domain.label import PersonRole
    from qc_edge.labels.holds import ReleaseRequest, release
    from qc_edge.service.owner import act_as_owner

    paths = _station(root, name)
    who = who_asks(by)
    act_as_owner(paths.state)
    scopes = _known(paths, _scopes(part, lot, between, camera))
    as_whom = role_to_release(paths, who, PersonRole(role), scopes, hold)
    request = ReleaseRequest(scopes, who, reason or "", role=as_whom, hold_id=hold)
    _tell(paths, release(paths, request), "released", as_json=as_json)


def _station(root: Any, name: str) -> StationPaths:
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    return paths


def _scopes(
    parts: list[str] | None,
    lots: list[str] | None,
    between: tuple[str, str] | None,
    camera: str | None,
) -> tuple[HoldScope, ...]:
    from qc_edge.domain.evidence.hold_entry import HoldScope
    from qc_edge.domain.moment import parse_moment
    from qc_edge.errors import UsageError

    scopes = [HoldScope(part_id=each) for each in parts or ()]
    scopes += [HoldScope(lot=each) for each in lots or ()]
    if between is not None:
        since, until = map(parse_moment, between)
        scopes.append(HoldScope(camera=camera, since=since, until=until))
    elif camera is not None:
        raise UsageError("--camera goes with --between", hint="--between FROM TO --camera top")
    return tuple(scopes)


def _known(paths: StationPaths, scopes: tuple[HoldScope, ...]) -> tuple[HoldScope, ...]:
    """The scopes, where --part named a frame that one; a part that nobody inspected is refused, so
    that no slip of a finger holds nothing.
    """
    from dataclasses import replace

    from qc_edge.errors import UsageError
    from qc_edge.query.inspection_lookup import find_inspections, is_frame_id
    from qc_edge.query.part_lookup import near_parts

    known = []
    for scope in scopes:
        target = scope.part_id
        if target is not None and not find_inspections(paths, target):
            near = near_parts(paths, target)
            hint = f"did you mean {', '.join(near)}?" if near else "qc-edge part says what is known"
            raise UsageError(
                f"{paths.name} has no inspection of a part or frame {target!r}", hint=hint
            )
        is_frame = target is not None and is_frame_id(target)
        known.append(replace(scope, part_id=None, frame_id=target) if is_frame else scope)
    return tuple(known)


def _tell(paths: StationPaths, written: WrittenHold, word: str, *, as_json: bool) -> None:
    from rich.markup import escape

    from qc_edge.domain.printable import printable
    from qc_edge.labels.holds.writing import wait_until_taken_up

    taken_up = wait_until_taken_up(paths, written)
    if as_json:
        entries = [{"what": str(each.scope), "entry_id": each.entry_id} for each in written.entries]
        print_json({"hold_id": written.hold_id, "entries": entries, "taken_up": taken_up})
        return
    console = out()
    which = f" (hold {written.hold_id})" if written.hold_id else ""
    for entry in written.entries:
        what = escape(printable(str(entry.scope)))
        console.print(f"{paths.name}: [bold]{word}[/bold]: {what}{which}")
    if taken_up:
        console.print("in the log; in QA's views within ten seconds")
    elif taken_up is None:
        console.print("the station is not running: it takes it up when it starts")
    else:
        console.print(
            "[yellow]the station has not taken it up yet[/yellow]; if it is set aside, an event "
            "hold_refused says why"
        )


def _list(paths: StationPaths, *, as_json: bool) -> None:
    from rich.table import Table
    from rich.text import Text

    from qc_edge.domain.printable import printable
    from qc_edge.query.inspection_lookup import open_log
    from qc_edge.query.kept.hold_rows import held_now
    from qc_edge.service.owner import acting_as_owner

    with acting_as_owner(paths.state), open_log(paths) as log:
        holds = held_now(log)
    if as_json:
        print_json([each.to_json() for each in holds])
        return
    if not holds:
        out().print(f"{paths.name}: nothing is held")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("hold", "since", "by", "cause", "inspections", "parts", "why"):
        table.add_column(heading)
    for each in holds:
        table.add_row(
            each.hold_id,
            f"{each.since:%Y-%m-%d %H:%M}",
            Text(printable(each.who)),
            each.cause,
            f"{each.inspections:,}",
            f"{each.parts:,}",
            Text(printable(each.why)),
        )
    out().print(table)
