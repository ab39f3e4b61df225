"""`qc-edge suspect`: everything that was judged since the station was last known to be right."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from qc_edge.terminal.history_options import text_option
from qc_edge.terminal.options import DEFAULT_ROOT, By, Json, Name, Root, Why, out, print_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from qc_edge.discipline.suspect.listing import SuspectFigures
    from qc_edge.discipline.suspect.quarantine import Quarantined, SuspectAsk
    from qc_edge.discipline.suspect.window import SuspectWindow
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.settings import StationPaths

_MANY = 100_000
"""The list of so many inspections takes a while."""

Action = Annotated[
    Literal["find", "release"],
    typer.Argument(help="Find and hold, or release; [bold]find[/bold] if left out."),
]
LastGood = Annotated[
    bool,
    typer.Option(
        "--since-last-good",
        help="Since the last challenge that passed; the same as --cause challenge.",
        show_default=False,
    ),
]
From = Annotated[
    str | None, text_option("--from", metavar="TIME", help="Judged from then on (UTC).")
]
To = Annotated[
    str | None, text_option("--to", metavar="TIME", help="Judged before then (UTC); else now.")
]
Cause = Annotated[
    Literal["challenge", "calibration", "model", "threshold", "clock", "lens"] | None,
    typer.Option(
        "--cause", help="What turned out to be wrong: since when, or while, it was in force."
    ),
]
OfRecipe = Annotated[
    str | None, text_option("--recipe", metavar="RECIPE", help="Only what was judged by it.")
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="DIR",
        help="Where list and sheet go; else suspect-NAME-TIME.",
        show_default=False,
    ),
]
NoHold = Annotated[
    bool, typer.Option("--no-hold", help="Only find and list them.", show_default=False)
]
HoldId = Annotated[
    str | None, text_option("--hold", metavar="ID", help="Of release: the hold of the window.")
]
Parts = Annotated[
    list[str] | None,
    text_option("--part", metavar="PART", help="Of release: this part; may be given again."),
]
Reinspected = Annotated[
    bool,
    typer.Option(
        "--reinspected",
        help="Of release: all that came again since and were accepted the last time.",
        show_default=False,
    ),
]


def command(
    name: Name,
    action: Action = "find",
    since_last_good: LastGood = False,
    begin: From = None,
    end: To = None,
    cause: Cause = None,
    recipe: OfRecipe = None,
    output: Output = None,
    no_hold: NoHold = False,
    hold: HoldId = None,
    part: Parts = None,
    reinspected: Reinspected = False,
    by: By = None,
    reason: Why = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """List every part judged since the last proof, hold them and their evidence, write the sheet.

    The window begins with the last challenge that passed, with what has been in force wrongly
    (--cause), or at a time; it ends now or at --to. A threshold or model that was taken back is
    suspect for as long as it was in force. The parts go on hold (cause suspect_window); the list
    (parts.csv: every inspection with part, lot, times, scores, picture) and the sheet for the
    quarantine (suspect.html, suspect.pdf) go to a folder. The line cannot take back what it was
    told.

    [bold]release[/bold] is for quality, by the people of the station's page, part by part or for
    those that were judged again and accepted.

    [dim]Examples:[/dim]
      [bold]qc-edge suspect line1 --since-last-good --by anna --reason "R1 was missed"[/bold]
      [bold]qc-edge suspect line1 --cause threshold --by anna --reason "set by mistake"[/bold]
      [bold]qc-edge suspect line1 --from 2026-11-28T06:00 --to 2026-11-28T09:30 --no-hold[/bold]
      [bold]qc-edge suspect line1 release --hold 3f9a01c2d4e5 --reinspected --by carla \\
        --reason "judged again after the lens was cleaned"[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.recipe.attribution import Attribution
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    if action == "release":
        if hold is None or bool(part) == reinspected:
            raise UsageError(
                "release what?", hint="--hold ID with --part PART, or with --reinspected"
            )
        _release(paths, hold, part or [], Attribution.parse(by, reason), as_json)
        return
    asked = [since_last_good, begin is not None, cause is not None]
    if sum(asked) != 1:
        raise UsageError(
            "since when?", hint="one of --since-last-good, --cause and --from TIME; [--to TIME]"
        )
    answers = Attribution("-", "-") if no_hold and by is None else Attribution.parse(by, reason)
    _find(paths, _ask(answers, cause, begin, end, recipe, holds=not no_hold), output, as_json)


def _ask(
    by: Attribution,
    cause: str | None,
    begin: str | None,
    end: str | None,
    recipe: str | None,
    *,
    holds: bool,
) -> SuspectAsk:
    from qc_edge.discipline.suspect.quarantine import SuspectAsk
    from qc_edge.discipline.suspect.window import SuspectCause
    from qc_edge.domain.moment import parse_moment

    since, until = (parse_moment(text) if text else None for text in (begin, end))
    what = None if begin is not None else SuspectCause(cause or "challenge")
    return SuspectAsk(by, what, since, until, recipe, holds)


def _find(paths: StationPaths, ask: SuspectAsk, output: Path | None, as_json: bool) -> None:
    from qc_edge.discipline.suspect.quarantine import quarantine
    from qc_edge.service.clock import utc_now

    directory = output or Path(f"suspect-{paths.name}-{utc_now():%Y%m%dT%H%M%SZ}")
    found = quarantine(paths, ask, directory, _tell_first(paths, directory))
    _tell(paths, found, as_json)


def _tell_first(
    paths: StationPaths, directory: Path
) -> Callable[[SuspectWindow, SuspectFigures], None]:
    """Says how many they are before sheet and list are written."""
    from rich.console import Console

    def tell(window: SuspectWindow, figures: SuspectFigures) -> None:
        if figures.frames > _MANY:
            words = f"{figures.parts:,} suspect parts since {window.since:%Y-%m-%d %H:%M} UTC"
            note = f"{paths.name}: {words}; writing them to {directory} ..."
            Console(stderr=True).print(note, markup=False, soft_wrap=True)

    return tell


def _tell(paths: StationPaths, found: Quarantined, as_json: bool) -> None:
    from rich.text import Text

    window, figures = found.window, found.figures
    if as_json:
        print_json(
            {
                "station": paths.name,
                "since": window.since,
                "until": window.until,
                "recipe": window.recipe,
                "why": window.words,
                "parts": figures.parts,
                "inspections": figures.frames,
                "told": figures.told,
                "lots": figures.lots,
                "hold": found.hold_id,
                "files": [str(each) for each in (found.csv, found.html, found.pdf) if each],
                "missing_newest": found.missing_newest,
            }
        )
        return
    console = out()
    told = ", ".join(f"{count:,} {name}" for name, count in figures.told.items())
    console.print(f"{paths.name}: [bold]{figures.parts:,} suspect parts[/bold] ({told})")
    console.print(f"{window.words}; {figures.frames:,} inspections", markup=False)
    if found.hold_id:
        console.print(f"on hold: {found.hold_id}", markup=False)
    files = [str(each) for each in (found.csv, found.html, found.pdf) if each]
    console.print("\n".join(files), markup=False)
    if found.why_no_pdf:
        console.print("[yellow]no PDF[/yellow]:", Text(found.why_no_pdf))
    if found.missing_newest:
        console.print(
            "[yellow]the newest inspections are not published yet[/yellow]: ask again in a moment"
        )


def _release(
    paths: StationPaths, hold: str, parts: list[str], by: Attribution, as_json: bool
) -> None:
    from qc_edge.discipline.suspect.releasing import release_parts, release_reinspected
    from qc_edge.domain.printable import printable

    if parts:
        release_parts(paths, hold, parts, by)
    else:
        _, parts = release_reinspected(paths, hold, by)
    if as_json:
        print_json({"station": paths.name, "hold": hold, "released": parts})
        return
    named = printable(", ".join(parts[:20]))
    out().print(f"{paths.name}: {len(parts):,} parts of {hold} released: {named}", markup=False)
