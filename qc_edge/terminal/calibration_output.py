"""A proposed calibration as a person reads it at a terminal, and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from rich import box
from rich.table import Table
from rich.text import Text

from qc_edge.recipe.calibrating.proposal import CalibrationProposal
from qc_edge.service.lock import holder_of
from qc_edge.settings import Settings, StationPaths
from qc_edge.terminal.options import out
from qc_edge.vision.calibrate import BoundChange


def json_values(proposed: CalibrationProposal, written: Path | None) -> dict[str, object]:
    """The proposal as `--json` has it; `written` is the record's file, if it is in force."""
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


def print_proposal(proposed: CalibrationProposal) -> None:
    """Each bound as it is, what the frames measured and what it would become; then the notes."""
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
        f"learning from {current.learning} frames"
        if current.learning is not None
        else "starting bounds"
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
            f"{record.size_words} pixels of {record.bit_depth} bits, {framing}; "
            f"due again on {record.due_at:%Y-%m-%d}"
        )
    for warning in proposed.warnings:
        console.print(Text(f"note: {warning}", "yellow"))


def _direction(change: BoundChange) -> Text:
    """Whether the bound is new, stays, or lets more or fewer frames through."""
    if change.old is None:
        return Text("new", "cyan")
    if change.new == change.old:
        return Text("as it is", "dim")
    return Text("looser", "yellow") if change.looser else Text("tighter", "green")


def print_what_next(paths: StationPaths, settings: Settings, written: Path | None) -> None:
    """What has to be done until the record is in force."""
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
