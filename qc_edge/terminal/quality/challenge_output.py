"""What `qc-edge challenge` prints: how it stands, the register, what was shown, how each ended."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.text import Text

from qc_edge.challenge import asking, drop
from qc_edge.diagnostics.liveness import current_status
from qc_edge.domain.printable import printable
from qc_edge.errors import UsageError
from qc_edge.service.clock import utc_now
from qc_edge.settings import StationPaths, load_settings
from qc_edge.terminal.options import out, print_json
from qc_edge.terminal.tables import print_tables

_NEWEST = 40


def show(paths: StationPaths, action: str, *, as_json: bool) -> None:
    """Print the status, the list or the history. Raises UsageError or StoreError."""
    if action == "status":
        _show_status(paths, as_json=as_json)
    elif action == "list":
        _show_register(paths, as_json=as_json)
    else:
        _show_history(paths, as_json=as_json)


def tell(paths: StationPaths, action: str, request: Path, *, as_json: bool) -> None:
    """Say whether the station has taken the request up. Raises RecordError if it was refused."""
    taken_up = drop.wait_until_taken_up(paths, request)
    if as_json:
        print_json({"station": paths.name, "asked": action, "taken_up": taken_up})
    elif taken_up:
        out().print(f"{paths.name}: done; qc-edge challenge {paths.name} says how it stands")
    else:
        out().print("the station is not running: it takes it up when it starts")


def _show_status(paths: StationPaths, *, as_json: bool) -> None:
    status = current_status(paths, load_settings(paths.settings))
    state = (status or {}).get("challenge")
    if not status or not status["running"] or state is None:
        raise UsageError(
            f"{paths.name} is not running, so no challenge is",
            hint=f"qc-edge challenge {paths.name} list, or history",
        )
    if as_json:
        print_json(state)
        return
    console = out()
    passed = state["last_passed"] or "never"
    console.print(Text(state["trouble"] or "no challenge is due", "red" if state["due"] else ""))
    console.print(f"last: {state['last'] or 'none'}; passed: {passed}", markup=False)
    rows: list[tuple[str, ...]] = [_cells(each) for each in state["parts"]]
    recipe = f" of {state['recipe']}" if state["recipe"] else ""
    headings = ("part", "must be", "", "score", "good until", "shown", "")
    print_tables(console, {f"the set{recipe}": (headings, rows)})


def _cells(part: Mapping[str, Any]) -> tuple[str, ...]:
    score = "" if part["score"] is None else f"{part['score']:.4f}"
    limit = f" of {part['max_uses']}" if part["max_uses"] else ""
    shown = f"{part['uses']}{limit}"
    detail = part["detail"]
    return (
        part["serial"],
        part["expected"],
        part["state"],
        score,
        part["valid_until"],
        shown,
        detail,
    )


def _show_register(paths: StationPaths, *, as_json: bool) -> None:
    entries, now = asking.registered(paths).entries, utc_now()
    faults = {
        each.serial: "retired"
        if each.retired
        else each.fault(now)
        or drop.photograph_fault(paths, each.photograph, each.photograph_sha256)
        for each in entries
    }
    if as_json:
        from dataclasses import asdict

        print_json([{**asdict(each), "fault": faults[each.serial]} for each in entries])
        return
    rows: list[tuple[str, ...]] = [
        (
            each.serial,
            each.recipe or "-",
            each.says,
            each.part_id,
            each.certified_by,
            f"{each.valid_until:%Y-%m-%d}",
            f"{each.uses}{f' of {each.max_uses}' if each.max_uses else ''}",
            faults[each.serial],
        )
        for each in entries
    ]
    headings = ("part", "recipe", "must be", "id", "certified by", "until", "shown", "")
    print_tables(out(), {f"{paths.name}: the register": (headings, rows)})


def _show_history(paths: StationPaths, *, as_json: bool) -> None:
    ended = asking.published_rows(paths, "challenges")
    shown = asking.published_rows(paths, "challenge_results")
    if as_json:
        print_json({"challenges": ended, "results": shown})
        return
    first: list[tuple[str, ...]] = [
        (
            f"{each['recorded_at']:%Y-%m-%d %H:%M:%S}",
            each["outcome"],
            f"{each['missed']} of {each['parts']}",
            each["recipe"] or "-",
            each["due"],
            each["detail"],
            f"{each['who']}{f': {why}' if (why := each['why']) else ''}",
        )
        for each in ended[-_NEWEST:]
    ]
    second: list[tuple[str, ...]] = [
        (
            f"{each['captured_at']:%Y-%m-%d %H:%M:%S}",
            each["serial"],
            each["outcome"],
            each["verdict"],
            "" if each["score"] is None else f"{each['score']:.4f}",
            printable(each["detail"]),
        )
        for each in shown[-_NEWEST:]
    ]
    print_tables(
        out(),
        {
            f"{paths.name}: challenges (UTC)": (
                ("ended", "", "missed", "recipe", "due", "", "by"),
                first,
            ),
            "parts that were shown (UTC)": (
                ("exposed", "part", "", "verdict", "score", ""),
                second,
            ),
        },
    )
