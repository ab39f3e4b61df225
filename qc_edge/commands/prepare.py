"""`qc-edge prepare`: what the gates say of one image file, and what the model would be shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.calibration import Calibration
    from qc_edge.vision.gates import GateReport
    from qc_edge.vision.image import Image

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="PNG, JPEG, TIFF, BMP, PGM, PPM, or a frame of a station."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out", metavar="PREPARED.png", help="Write the model's input here: .png, .pgm, .bmp."
    ),
]

_LOSSLESS = (".png", ".pgm", ".bmp")


@dataclass(frozen=True, slots=True)
class GateRow:
    """One gate: what was measured, what is allowed, and the refusal in words ("" if it passes).

    The fields are those of `qc-edge prepare --json`.
    """

    gate: str
    figure: str
    bound: str
    passed: bool
    said: str


def command(
    file: File,
    out_file: Out = None,
    station: OfStation = None,
    camera: OfCamera = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show the gates and the preprocessing of one image file; nothing is judged, nothing recorded.

    Without --station the bounds are those that every new station starts with.
    --out writes the model's input whatever the gates say: it is for looking at.

    Exit code 0 also when a gate refuses the frame: that is a result. 65 if the
    file cannot be read.

    [dim]Examples:[/dim]
      [bold]qc-edge prepare part.png --out prepared.png[/bold]
      [bold]qc-edge prepare part.png --station line1 --json | jq .refusal[/bold]
    """
    from qc_edge.errors import ImageError, UsageError
    from qc_edge.terminal.file_inspection import measure_file
    from qc_edge.terminal.images import load_calibrations
    from qc_edge.vision import UnreadableFrameError
    from qc_edge.vision.image import pixels_sha256

    if out_file is not None and out_file.suffix.lower() not in _LOSSLESS:
        raise UsageError(
            f"--out {out_file}: expected one of {', '.join(_LOSSLESS)}",
            hint="the model's input is kept without loss, so that its digest can be checked",
        )
    calibrations = load_calibrations(root.absolute(), station, camera)
    try:
        measured = measure_file(file, calibrations)
    except UnreadableFrameError as error:
        raise ImageError(
            f"{file}: {error.reason}: {error.detail}",
            hint="expected a whole PNG, JPEG, TIFF, BMP, PGM or PPM file, or a frame of a station",
        ) from None
    image, calibration, report = measured.image, measured.calibration, measured.gates
    prepared = measured.prepare()
    rows = list(gate_rows(report, image, calibration))
    if out_file is not None:
        _write(out_file, prepared)
    values = {
        "file": file,
        "width": image.width,
        "height": image.height,
        "bit_depth": image.bit_depth,
        "raw_sha256": image.sha256,
        "prepared_sha256": pixels_sha256(prepared),
        "prepared_file": out_file,
        "preprocess_id": measured.preprocess_id,
        "station": station,
        "camera": calibration.camera if station else None,
        "calibration_id": calibration.calibration_id if station else None,
        "accepted": report.refusal is None,
        "refusal": asdict(report.refusal) if report.refusal else None,
        "figures": asdict(report.figures),
        "gates": [asdict(row) for row in rows],
    }
    if as_json:
        print_json(values)
    else:
        _print(values, report, rows)


def gate_rows(report: GateReport, image: Image, calibration: Calibration) -> Iterator[GateRow]:
    """Every gate as a row, in the order in which they decide."""
    from qc_edge.vision.gates import ALL_LIGHT, NO_LIGHT

    figures, bounds = report.figures, calibration.bounds
    size = f"{calibration.width} x {calibration.height}" if calibration.width else "any"
    bits = str(calibration.bit_depth) if calibration.bit_depth else "any"
    framing = _framing(report, calibration)
    texts = {
        "size": (f"{image.width} x {image.height}", size),
        "bit_depth": (str(image.bit_depth), bits),
        "light": (
            f"{figures.brightness:.5g}",
            (
                f"{min(bounds.brightness_min, NO_LIGHT):.5g} to "
                f"{max(bounds.brightness_max, ALL_LIGHT):.5g}"
            ),
        ),
        "saturated": (
            f"{figures.saturated_share:.5g}",
            f"at most {bounds.saturated_share_max:.5g}",
        ),
        "framing": framing,
        "brightness": (
            f"{figures.brightness:.5g}",
            f"{bounds.brightness_min:.5g} to {bounds.brightness_max:.5g}",
        ),
        "black": (f"{figures.black_share:.5g}", f"at most {bounds.black_share_max:.5g}"),
        "contrast": (f"{figures.contrast:.5g}", f"at least {bounds.contrast_min:.5g}"),
        "focus": (f"{figures.focus:.5g}", f"at least {bounds.focus_min:.5g}"),
    }
    for finding in report.findings:
        figure, bound = texts[finding.name]
        refusal = finding.refusal
        words = f"{refusal.reason}: {refusal.detail}" if refusal else ""
        yield GateRow(finding.name, figure, bound, refusal is None, words)


def _framing(report: GateReport, calibration: Calibration) -> tuple[str, str]:
    figures, bounds = report.figures, calibration.bounds
    if figures.framing_score is None or figures.framing_shift_px is None:
        return "-", "no reference"
    limits = []
    if bounds.framing_score_min is not None:
        limits.append(f"at least {bounds.framing_score_min:.4g}")
    if bounds.framing_shift_max is not None:
        limits.append(f"at most {bounds.framing_shift_max:.4g} px")
    return f"{figures.framing_score:.4g}, {figures.framing_shift_px:.1f} px off", ", ".join(limits)


def _write(file: Path, prepared: object) -> None:
    import cv2

    from qc_edge.errors import StoreError

    try:
        is_written = cv2.imwrite(str(file), prepared)  # type: ignore[call-overload]
    except cv2.error:
        is_written = False
    if not is_written:
        raise StoreError(
            f"cannot write {file}", hint="does its directory exist, may you write there?"
        )


def _print(values: dict[str, object], report: GateReport, rows: list[GateRow]) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    console.print(
        Text.assemble((str(values["file"]), "bold"), f"  {rows[0].figure}, {rows[1].figure} bits")
    )
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("gate", "measured", "allowed", ""):
        table.add_column(heading)
    for row in rows:
        outcome = (
            Text("ok", "green") if row.passed else Text(row.said.partition(":")[0], "bold red")
        )
        table.add_row(row.gate, row.figure, row.bound, outcome)
    console.print(table)
    if report.refusal:
        console.print(
            Text(f"INVALID, {report.refusal.reason}: {report.refusal.detail}", "bold yellow")
        )
    else:
        console.print(Text("all gates let it pass", "green"))
    bounds = (
        f"{values['calibration_id']}"
        if values["station"]
        else "starting bounds (no --station given)"
    )
    for name, value in (
        ("bounds", bounds),
        ("pixels", f"sha256 {values['raw_sha256']}"),
        ("prepared", f"sha256 {values['prepared_sha256']}"),
        ("preprocess id", values["preprocess_id"]),
        ("written", values["prepared_file"]),
    ):
        if value:
            console.print(Text.assemble((f"{name:<15}", "dim"), str(value)), soft_wrap=True)
