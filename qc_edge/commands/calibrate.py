"""`qc-edge calibrate`: gate bounds from known-good parts, shown first, written only when told
to.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.calibration import Calibration
    from qc_edge.settings import Settings, StationPaths
    from qc_edge.terminal.good_frames import ChosenFrames
    from qc_edge.vision.calibrate import Proposal

Camera = Annotated[
    str | None,
    typer.Option(
        "--camera", metavar="CAM", help="The station's camera, if it has several; or incoming."
    ),
]
Frames = Annotated[
    int | None,
    typer.Option(
        "--frames", metavar="N", min=3, max=1000, help="The last N frames that PASSed (20)."
    ),
]
From = Annotated[
    Path | None,
    typer.Option("--from", metavar="DIR", help="Image files of known-good parts instead."),
]
By = Annotated[str, typer.Option("--by", metavar="WHO", help="Who answers for this calibration.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write it. Without this, nothing changes.")]
DueDays = Annotated[
    int,
    typer.Option("--due-days", metavar="D", min=1, max=3650, help="Due again after so many days."),
]

_FRAMES = 20


def command(
    name: Name,
    by: By,
    camera: Camera = None,
    frames: Frames = None,
    directory: From = None,
    yes: Yes = False,
    due_days: DueDays = 365,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Propose gate bounds from known-good parts, and with --yes put them in force.

    Looks at the last frames of the station that PASSed (found through its
    journal, so it may be running), or at the image files in a directory. Shows
    each bound as it is, what the frames measured, and what it would become. A
    record is dated, names who made it from what, and is never changed after.

    Exit code 65 if these frames give no calibration; the reasons are said.

    [dim]Examples:[/dim]
      [bold]qc-edge calibrate line1 --by "M. Huber"[/bold]
      [bold]qc-edge calibrate line1 --from good/ --by "M. Huber" --yes[/bold]
    """
    from qc_edge.errors import CalibrationError, UsageError
    from qc_edge.records import calibrations
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal import good_frames

    if not by.strip():
        raise UsageError(
            "--by is empty", hint="expected the name of a person: a calibration is answered for"
        )
    if frames is not None and directory is not None:
        raise UsageError("--frames and --from exclude each other", hint="choose one of them")
    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    chosen_camera = _camera(settings, camera)
    now = utc_now()
    current, warning = _current(paths, chosen_camera, now)
    if directory is not None:
        chosen = good_frames.from_directory(directory)
    else:
        chosen = good_frames.from_evidence(paths, chosen_camera, frames or _FRAMES)
    proposal = _propose(chosen, current, now, by.strip(), due_days)
    warnings = [*([warning] if warning else []), *_said(chosen), *proposal.warnings]
    written = None
    if proposal.calibration is not None and yes:
        written = calibrations.write(paths.calibration, proposal.calibration)
    if as_json:
        print_json(_json(proposal, chosen, warnings, written))
    else:
        _print(proposal, current, chosen, warnings)
    if proposal.calibration is None:
        raise CalibrationError(
            f"no calibration of camera {chosen_camera!r} from these frames:\n  "
            + "\n  ".join(proposal.faults),
            hint="choose other frames: --from DIR with good parts only, all taken as the station "
            "takes them",
        )
    if not as_json:
        _print_what_next(paths, settings, written)


def _camera(settings: Settings, camera: str | None) -> str:
    from qc_edge.errors import UsageError
    from qc_edge.settings import INCOMING
    from qc_edge.terminal.images import known_camera

    if camera is not None:
        return known_camera(settings, camera)
    names = [each.name for each in settings.camera]
    if len(names) > 1:
        raise UsageError(
            f"station {settings.station.name!r} has several cameras: {', '.join(names)}",
            hint=f"say which: --camera {names[0]}",
        )
    return names[0] if names else INCOMING


def _current(paths: StationPaths, camera: str, now: datetime) -> tuple[Calibration, str]:
    """The record in force, and a warning; the starting bounds where there is no sound one."""
    from qc_edge.domain.calibration import starting_calibration
    from qc_edge.errors import CalibrationError
    from qc_edge.records import calibrations

    try:
        return calibrations.load_current(paths.calibration, camera), ""
    except CalibrationError as fault:
        said = f"{fault.message}; this one starts anew, without a region or a scale"
        return starting_calibration(paths.name, camera, now), said


def _propose(
    chosen: ChosenFrames, current: Calibration, now: datetime, by: str, due_days: int
) -> Proposal:
    from qc_edge.terminal.images import read_picture
    from qc_edge.vision import UnreadableFrameError
    from qc_edge.vision.calibrate import GoodFrame, Proposal, propose, sample

    faults: list[str] = []

    def samples() -> Iterator[GoodFrame]:
        for path in chosen.files:
            try:
                picture = read_picture(path)
            except UnreadableFrameError as fault:
                faults.append(f"{path.name}: {fault.reason}: {fault.detail}")
            else:
                yield sample(path.name, picture.image, current)

    proposal = propose(
        samples(), current, now=now, made_by=by, source=chosen.source, valid_days=due_days
    )
    return Proposal(None, (), (*faults, *proposal.faults), ()) if faults else proposal


def _said(chosen: ChosenFrames) -> Iterator[str]:
    if chosen.missing:
        yield f"{chosen.missing} newer frames that PASSed are no longer among the evidence"


def _json(
    proposal: Proposal, chosen: ChosenFrames, warnings: list[str], written: Path | None
) -> dict[str, object]:
    made = proposal.calibration
    record = None
    if made is not None:
        record = {key: value for key, value in asdict(made).items() if key != "framing"}
        record["has_framing_reference"] = made.framing is not None
    return {
        "proposed": record,
        "changes": [asdict(change) for change in proposal.changes],
        "faults": list(proposal.faults),
        "warnings": warnings,
        "source": chosen.source,
        "frames": list(chosen.files),
        "written": written,
    }


def _print(
    proposal: Proposal, current: Calibration, chosen: ChosenFrames, warnings: list[str]
) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    console.print(
        Text.assemble(
            ("camera ", "dim"), (current.camera, "bold"), ("  from ", "dim"), chosen.source
        )
    )
    age = (
        "starting bounds"
        if current.starting
        else f"by {current.made_by}, {current.made_at:%Y-%m-%d}"
    )
    console.print(Text.assemble(("in force now: ", "dim"), f"{current.calibration_id} ({age})"))
    if proposal.changes:
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("bound")
        for heading in ("now", "lowest", "median", "highest", "proposed"):
            table.add_column(heading, justify="right")
        table.add_column("")
        for change in proposal.changes:
            old = "-" if change.old is None else f"{change.old:.4g}"
            spread = [f"{value:.4g}" for value in (change.lowest, change.median, change.highest)]
            if change.old is None:
                mark = Text("new", "cyan")
            elif change.new == change.old:
                mark = Text("as it is", "dim")
            else:
                mark = Text("looser", "yellow") if change.looser else Text("tighter", "green")
            table.add_row(change.bound, old, *spread, Text(f"{change.new:.4g}", "bold"), mark)
        console.print(table)
    made = proposal.calibration
    if made is not None:
        framing = "with a framing reference" if made.framing else "without a framing reference"
        console.print(
            f"{made.width} x {made.height} pixels of {made.bit_depth} bits, {framing}; "
            f"due again on {made.due_at:%Y-%m-%d}"
        )
    for warning in warnings:
        console.print(Text(f"note: {warning}", "yellow"))


def _print_what_next(paths: StationPaths, settings: Settings, written: Path | None) -> None:
    from qc_edge.service.lock import holder_of

    console = out()
    if written is None:
        console.print(
            "\nnothing is written; the same command with [bold]--yes[/bold] puts it in force"
        )
        return
    console.print(f"\nwritten: [bold]{written}[/bold]")
    holders = [holder for role in settings.station.roles if (holder := holder_of(paths.lock(role)))]
    if not holders:
        console.print("the station is not running; it takes it over when it starts")
        return
    pid = holders[0]["pid"]
    console.print(
        "the station takes it over when it reads its settings again: "
        f"[bold]systemctl reload qc-edge@{paths.name}[/bold], or [bold]kill -HUP {pid}[/bold]"
    )
