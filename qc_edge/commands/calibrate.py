"""`qc-edge calibrate`: gate bounds from known-good parts, shown first, written only with --yes."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from rich.text import Text

    from qc_edge.settings import Settings, StationPaths
    from qc_edge.terminal.calibration_proposal import CalibrationProposal
    from qc_edge.vision.calibrate import BoundChange

Camera = Annotated[
    str | None,
    typer.Option(
        "--camera",
        metavar="CAM",
        help="The station's camera, if it has several; incoming; or a node.",
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
    from qc_edge.errors import CalibrationError
    from qc_edge.records import calibrations
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal import good_frames
    from qc_edge.terminal.calibration_proposal import choose_camera, propose_calibration

    _check_options(by, frames, directory)
    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    chosen_camera = choose_camera(paths, settings, camera)
    if directory is not None:
        files = good_frames.from_directory(directory)
    else:
        # Already now: nothing of the caller's own is read any more.
        act_as_owner(paths.state)
        files = good_frames.from_evidence(paths, chosen_camera, frames or _FRAMES)
    proposed = propose_calibration(
        paths, chosen_camera, files, made_by=by.strip(), valid_days=due_days
    )
    record = proposed.proposal.calibration
    written = None
    if record is not None and yes:
        act_as_owner(paths.state)
        written = calibrations.write(paths.calibration, record)
    if as_json:
        print_json(_json_values(proposed, written))
    else:
        _print(proposed)
    # After the output: what the frames measured shows why they give no calibration.
    if record is None:
        raise CalibrationError(
            f"no calibration of camera {chosen_camera!r} from these frames:\n  "
            + "\n  ".join(proposed.proposal.faults),
            hint="choose other frames: --from DIR with good parts only, all taken as the station "
            "takes them",
        )
    if not as_json:
        _print_what_next(paths, settings, written)


def _check_options(by: str, frames: int | None, directory: Path | None) -> None:
    from qc_edge.errors import UsageError

    if not by.strip():
        raise UsageError(
            "--by is empty", hint="expected the name of a person: a calibration is answered for"
        )
    if frames is not None and directory is not None:
        raise UsageError("--frames and --from exclude each other", hint="choose one of them")


def _json_values(proposed: CalibrationProposal, written: Path | None) -> dict[str, object]:
    proposal = proposed.proposal
    record = None
    if (calibration := proposal.calibration) is not None:
        # The reference is a picture, as a long text: only whether there is one is of use here.
        record = {key: value for key, value in asdict(calibration).items() if key != "framing"}
        record["has_framing_reference"] = calibration.framing is not None
    return {
        "proposed": record,
        "changes": [asdict(change) for change in proposal.changes],
        "faults": list(proposal.faults),
        "warnings": list(proposed.warnings),
        "source": proposed.frames.source,
        "frames": list(proposed.frames.files),
        "written": written,
    }


def _print(proposed: CalibrationProposal) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console, current, proposal = out(), proposed.current, proposed.proposal
    console.print(
        Text.assemble(
            ("camera ", "dim"),
            (current.camera, "bold"),
            ("  from ", "dim"),
            proposed.frames.source,
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
            new = Text(f"{change.new:.4g}", "bold")
            table.add_row(change.bound, old, *spread, new, _direction(change))
        console.print(table)
    if (record := proposal.calibration) is not None:
        framing = "with a framing reference" if record.framing else "without a framing reference"
        console.print(
            f"{record.width} x {record.height} pixels of {record.bit_depth} bits, {framing}; "
            f"due again on {record.due_at:%Y-%m-%d}"
        )
    for warning in proposed.warnings:
        console.print(Text(f"note: {warning}", "yellow"))


def _direction(change: BoundChange) -> Text:
    """Whether the bound is new, stays, or lets more or fewer frames through."""
    from rich.text import Text

    if change.old is None:
        return Text("new", "cyan")
    if change.new == change.old:
        return Text("as it is", "dim")
    return Text("looser", "yellow") if change.looser else Text("tighter", "green")


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
