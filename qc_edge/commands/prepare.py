"""`qc-edge prepare`: what the gates say of one image file, and what the model would be shown."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.terminal.file_inspection import MeasuredFile
    from qc_edge.terminal.gate_table import GateRow
    from qc_edge.vision.gates import GateReport
    from qc_edge.vision.image import Colour, Gray

File = Annotated[
    Path,
    typer.Argument(metavar="FILE", help="PNG, JPEG, TIFF, BMP, PGM, PPM, or a frame of a station."),
]
Out = Annotated[
    Path | None,
    typer.Option(
        "--out",
        metavar="PREPARED.png",
        help="Write the model's input here: .png, .pgm, .ppm, .bmp.",
    ),
]

_LOSSLESS = (".png", ".pgm", ".ppm", ".bmp")


def command(
    file: File,
    out_file: Out = None,
    station: OfStation = None,
    camera: OfCamera = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show the gates and the preprocessing of one image file; nothing is judged, nothing recorded.

    Without --station the bounds are those that every new station starts with, and the model's
    input is that of the default preprocessing.
    --out writes the model's input whatever the gates say: it is for looking at.

    Exit code 0 also when a gate refuses the frame: that is a result. 65 if the
    file cannot be read.

    [dim]Examples:[/dim]
      [bold]qc-edge prepare part.png --out prepared.png[/bold]
      [bold]qc-edge prepare part.png --station line1 --json | jq .refusal[/bold]
    """
    from qc_edge.errors import ImageError, UsageError
    from qc_edge.terminal.file_inspection import measure_file, station_bundle
    from qc_edge.terminal.gate_table import gate_rows
    from qc_edge.terminal.images import load_calibrations
    from qc_edge.vision import UnreadableFrameError

    if out_file is not None and out_file.suffix.lower() not in _LOSSLESS:
        raise UsageError(
            f"--out {out_file}: expected one of {', '.join(_LOSSLESS)}",
            hint="the model's input is kept without loss, so that its digest can be checked",
        )
    root = root.absolute()
    calibrations = load_calibrations(root, station, camera)
    settings, bundle = calibrations.settings, None
    if settings is not None:
        bundle = station_bundle(root, station, settings)
    try:
        measured = measure_file(file, calibrations, bundle)
    except UnreadableFrameError as error:
        raise ImageError(
            f"{file}: {error.reason}: {error.detail}",
            hint="expected a whole PNG, JPEG, TIFF, BMP, PGM or PPM file, or a frame of a station",
        ) from None
    if out_file is not None:
        _write(out_file, measured.prepare())
    rows = list(gate_rows(measured.gates, measured.image, measured.calibration))
    values = _json_values(file, out_file, station, measured, rows)
    if as_json:
        print_json(values)
    else:
        _print(values, measured.gates, rows)


def _json_values(
    file: Path,
    out_file: Path | None,
    station: str | None,
    measured: MeasuredFile,
    rows: list[GateRow],
) -> dict[str, object]:
    from qc_edge.vision.image import pixels_sha256

    image, calibration, report = measured.image, measured.calibration, measured.gates
    return {
        "file": file,
        "width": image.width,
        "height": image.height,
        "bit_depth": image.bit_depth,
        "raw_sha256": image.sha256,
        "prepared_sha256": pixels_sha256(measured.prepare()),
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


def _write(file: Path, prepared: Gray | Colour) -> None:
    import cv2

    from qc_edge.errors import StoreError

    # imwrite returns False for some faults and raises for others.
    try:
        is_written = cv2.imwrite(str(file), prepared if prepared.ndim == 2 else prepared[..., ::-1])
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
