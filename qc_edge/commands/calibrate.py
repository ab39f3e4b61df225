"""`qc-edge calibrate`: gate bounds from known-good parts, shown first, written only with --yes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json, who_asks

if TYPE_CHECKING:
    from qc_edge.recipe.calibrating.proposal import CalibrationTerms
    from qc_edge.settings import Settings, StationPaths

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
    typer.Option(
        "--from",
        metavar="DIR",
        help="Image files of known-good parts instead; recent: the station's own.",
    ),
]
AnyVerdict = Annotated[
    bool,
    typer.Option(
        "--any-verdict",
        help="Of the station's own frames, take also those that FAILed or were INVALID.",
    ),
]
LeaveOut = Annotated[
    bool,
    typer.Option("--leave-out", help="Leave out frames that stand apart, a tenth at most."),
]
Learn = Annotated[
    int | None,
    typer.Option(
        "--learn",
        metavar="N",
        min=3,
        max=1000,
        help="Begin to learn: refuse no picture, hold every part, until N are seen.",
    ),
]
By = Annotated[
    str | None,
    typer.Option(
        "--by",
        metavar="WHO",
        help="Who answers for this calibration; left out: who is logged in.",
        show_default=False,
    ),
]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="Why it is made.")]
Yes = Annotated[bool, typer.Option("--yes", help="Write it. Without this, nothing changes.")]
DueDays = Annotated[
    int,
    typer.Option("--due-days", metavar="D", min=1, max=3650, help="Due again after so many days."),
]

_FRAMES = 20


def command(
    name: Name,
    by: By = None,
    camera: Camera = None,
    frames: Frames = None,
    directory: From = None,
    any_verdict: AnyVerdict = False,
    leave_out: LeaveOut = False,
    learn: Learn = None,
    why: Why = "",
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

    A new product, or a camera that was added: --learn N --yes has the station
    see N parts and hold them all, whatever they are like; then the command
    without --learn proposes bounds from them, and --yes ends the learning.
    Frames of any verdict that stand apart are left out, a tenth at most.

    Exit code 65 if these frames give no calibration; the reasons are said.

    [dim]Examples:[/dim]
      [bold]qc-edge calibrate line1 --by "M. Huber"[/bold]
      [bold]qc-edge calibrate line1 --from good/ --by "M. Huber" --yes[/bold]
      [bold]qc-edge calibrate line1 --from recent --any-verdict --by "M. Huber"[/bold]
      [bold]qc-edge calibrate line1 --learn 50 --by "M. Huber" --yes[/bold]
    """
    from qc_edge.errors import CalibrationError
    from qc_edge.recipe.calibrating.good_frames import from_evidence
    from qc_edge.recipe.calibrating.proposal import (
        CalibrationTerms,
        current_calibration,
        propose_calibration,
    )
    from qc_edge.records import calibrations
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.calibration_output import json_values, print_proposal, print_what_next
    from qc_edge.terminal.good_frames import choose_camera, from_directory

    recent = directory == Path("recent")
    who = who_asks(by)
    _check_options(who, frames, directory, any_verdict, learn)
    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    chosen_camera = choose_camera(paths, settings, camera)
    if learn is not None:
        _begin_to_learn(
            paths,
            settings,
            chosen_camera,
            CalibrationTerms(who.strip(), why.strip() or None),
            learn,
            yes,
        )
        return
    if directory is not None and not recent:
        files = from_directory(directory)
    else:
        # Already now: nothing of the caller's own is read any more.
        act_as_owner(paths.state)
        current, _ = current_calibration(paths, chosen_camera, utc_now())
        files = from_evidence(
            paths,
            chosen_camera,
            frames or current.learning or _FRAMES,
            any_verdict=any_verdict or current.learning is not None,
            since=current.calibration_id if current.learning is not None else "",
        )
    terms = CalibrationTerms(who.strip(), why.strip() or None, due_days, leave_out)
    proposed = propose_calibration(paths, chosen_camera, files, terms)
    record = proposed.proposal.calibration
    written = None
    if record is not None and yes:
        act_as_owner(paths.state)
        written = calibrations.write(paths.calibration, record)
    if as_json:
        print_json(json_values(proposed, written))
    else:
        print_proposal(proposed)
    # After the output: what the frames measured shows why they give no calibration.
    if record is None:
        raise CalibrationError(
            f"no calibration of camera {chosen_camera!r} from these frames:\n  "
            + "\n  ".join(proposed.proposal.faults),
            hint="choose other frames: --from DIR with good parts only, all taken as the station "
            "takes them; --leave-out leaves out a tenth of them at most",
        )
    if not as_json:
        print_what_next(paths, settings, written)


def _check_options(
    by: str, frames: int | None, directory: Path | None, any_verdict: bool, learn: int | None
) -> None:
    from qc_edge.errors import UsageError

    files = directory is not None and directory != Path("recent")
    if not by.strip():
        raise UsageError(
            "--by is empty", hint="expected the name of a person: a calibration is answered for"
        )
    if frames is not None and files:
        raise UsageError("--frames and --from exclude each other", hint="choose one of them")
    if any_verdict and files:
        raise UsageError(
            "--any-verdict is for the station's own frames", hint="--from recent --any-verdict"
        )
    if learn is not None and (frames is not None or directory is not None or any_verdict):
        raise UsageError(
            "--learn begins with no frames at all", hint="leave out --from, --frames, --any-verdict"
        )


def _begin_to_learn(
    paths: StationPaths,
    settings: Settings,
    camera: str,
    terms: CalibrationTerms,
    frames: int,
    yes: bool,
) -> None:
    from qc_edge.domain.calibration import learning_calibration
    from qc_edge.recipe.calibrating.proposal import current_calibration
    from qc_edge.records import calibrations
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import act_as_owner
    from qc_edge.terminal.calibration_output import print_what_next

    act_as_owner(paths.state)
    current, _ = current_calibration(paths, camera, utc_now())
    record = learning_calibration(current, utc_now(), terms.made_by, frames, terms.why)
    out().print(
        f"camera {camera} learns from {frames} frames: no picture is refused for how it looks, and "
        "every part is HOLD until you accept what is proposed then"
    )
    print_what_next(paths, settings, calibrations.write(paths.calibration, record) if yes else None)
