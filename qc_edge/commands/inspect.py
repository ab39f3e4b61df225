"""`qc-edge inspect`: image files judged one by one, outside any station; nothing is recorded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, OfCamera, OfStation, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.domain.threshold import ThresholdRecord
    from qc_edge.domain.verdict import Threshold
    from qc_edge.engine import Engine
    from qc_edge.settings.model import ModelSettings
    from qc_edge.terminal.images import CalibrationSet

Files = Annotated[
    list[Path],
    typer.Argument(metavar="FILE...", help="Image files, directories of them, or patterns."),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model", metavar="NAME@VERSION", help="This bundle instead, with its own threshold."
    ),
]

_STYLES = {"PASS": "green", "FAIL": "red", "INVALID": "yellow"}
_MANY = 3
_UNREADABLE = 65


@dataclass(frozen=True, slots=True)
class InspectedFile:
    """What would be said of one file. `score` and the digests are None as far as it did not get.

    `figures` are those of the gates, `ms` the time from the file to the verdict.
    """

    file: Path
    verdict: str
    reason: str
    detail: str
    readable: bool
    score: float | None = None
    threshold: float | None = None
    needs_review: bool = False
    raw_sha256: str | None = None
    prepared_sha256: str | None = None
    preprocess_id: str | None = None
    figures: dict[str, Any] | None = None
    ms: float = 0.0


def command(
    files: Files,
    station: OfStation = None,
    camera: OfCamera = None,
    model: Model = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Inspect image files one by one, as a station would; nothing is recorded, no line is told.

    Without --station the shipped reference model and the bounds that every new
    station starts with. A file that cannot be read is a row like any other,
    with its reason.

    Exit code 0 whatever the verdicts are; 65 if a file could not be read or
    scored.

    [dim]Examples:[/dim]
      [bold]qc-edge inspect part.png[/bold] [bold]qc-edge inspect parts/ --station line1 --json | jq
      '.files[] | select(.verdict == "FAIL")'[/bold]
    """
    from qc_edge import engine
    from qc_edge.bundles.bundle import load_bundle
    from qc_edge.engine.self_test import self_test
    from qc_edge.recipe.rules import threshold_in_force
    from qc_edge.settings import Settings, StationPaths
    from qc_edge.settings.model import StationSettings
    from qc_edge.settings.paths import shipped
    from qc_edge.terminal.images import find_images, standard

    root = root.absolute()
    against = standard(root, station, camera)
    paths = find_images(files)
    settings = against.settings or Settings(station=StationSettings(name="none"))
    wanted = settings.model
    search = ([StationPaths(root, station).models] if station else []) + [shipped("models")]
    bundle = load_bundle(model or _in_force(root, station, wanted), search)
    loaded = engine.load_engine(bundle, settings.engine)
    try:
        self_test(loaded, bundle)
        threshold = threshold_in_force(wanted, bundle, _record(root, station, bundle.sha256))
        judged = list(_with_progress(paths, against, loaded, threshold))
    finally:
        loaded.close()
    if as_json:
        print_json(
            {
                "station": station,
                "model": bundle.reference,
                "model_sha256": bundle.sha256,
                "engine": f"{loaded.info.backend} {loaded.info.version}",
                "threshold": threshold.value,
                "threshold_id": threshold.threshold_id,
                "counts": dict(Counter(each.verdict for each in judged)),
                "files": [asdict(each) for each in judged],
            }
        )
    else:
        _print(judged, f"{bundle.reference} on {loaded.info.backend} {loaded.info.version}")
    if not all(each.readable for each in judged):
        raise typer.Exit(_UNREADABLE)


def _in_force(root: Path, station: str | None, wanted: ModelSettings) -> str:
    """NAME@VERSION of the bundle that judges on the station, or that the settings name."""
    from qc_edge.recipe.active_model import chosen_reference
    from qc_edge.records import activations
    from qc_edge.settings import StationPaths

    if station is None:
        return wanted.bundle
    return chosen_reference(activations.load(StationPaths(root, station).activations), wanted)


def _record(root: Path, station: str | None, model_sha256: str) -> ThresholdRecord | None:
    """The station's threshold record in force for this model, if it has one."""
    from qc_edge.domain.threshold import record_in_force
    from qc_edge.records import thresholds
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths

    if station is None:
        return None
    return record_in_force(
        thresholds.load_all(StationPaths(root, station).thresholds), model_sha256, utc_now()
    )


def _with_progress(
    paths: Sequence[Path], against: CalibrationSet, loaded: Engine, threshold: Threshold
) -> Iterator[InspectedFile]:
    from rich.console import Console
    from rich.progress import track

    console = Console(stderr=True)
    shown = console.is_terminal and len(paths) > _MANY
    for path in track(paths, "inspecting", console=console, transient=True, disable=not shown):
        yield judge(path, against, loaded, threshold)


def judge(
    path: Path, against: CalibrationSet, loaded: Engine, threshold: Threshold
) -> InspectedFile:
    """The verdict on the file `path`; what is wrong with it is in the result, never raised."""
    import time

    from qc_edge.domain.verdict import Reason, decide
    from qc_edge.errors import EngineError
    from qc_edge.terminal.images import read_picture
    from qc_edge.vision import UnreadableFrameError
    from qc_edge.vision.gates import check_gates
    from qc_edge.vision.image import pixels_sha256
    from qc_edge.vision.prepare import PrepareParameters, normalise, preprocess_id, resize

    begun = time.perf_counter()
    try:
        picture = read_picture(path, against.limits)
    except UnreadableFrameError as fault:
        return InspectedFile(path, "INVALID", str(fault.reason), fault.detail, readable=False)
    image, calibration = picture.image, against.calibration(picture)
    parameters = PrepareParameters(roi=calibration.roi)
    resized = resize(image.gray, parameters)
    report = check_gates(image.gray, resized, image.bit_depth, calibration)
    judged = InspectedFile(
        path,
        "INVALID",
        "",
        "",
        readable=True,
        threshold=threshold.value,
        raw_sha256=image.sha256,
        preprocess_id=preprocess_id(parameters),
        figures=asdict(report.figures),
    )
    if report.refusal is not None:
        judged = replace(judged, reason=str(report.refusal.reason), detail=report.refusal.detail)
    else:
        prepared = normalise(resized, parameters)
        judged = replace(judged, prepared_sha256=pixels_sha256(prepared))
        try:
            score = loaded.infer(prepared[None])[0].value
        except EngineError as fault:
            return replace(
                judged, reason=str(Reason.ENGINE_FAILED), detail=fault.message, readable=False
            )
        decision = decide(score, threshold)
        judged = replace(
            judged,
            verdict=str(decision.verdict),
            reason=str(decision.reason),
            detail=decision.detail,
            score=score,
            needs_review=decision.needs_review,
        )
    return replace(judged, ms=round((time.perf_counter() - begun) * 1e3, 2))


def _print(judged: Sequence[InspectedFile], model: str) -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    console = out()
    parents = {each.file.parent for each in judged}
    together = len(parents) == 1 and len(judged) > 1
    if together:
        console.print(Text.assemble(("in ", "dim"), str(*parents)))
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("file", overflow="fold")
    table.add_column("verdict")
    table.add_column("score", justify="right")
    table.add_column("focus", justify="right")
    table.add_column("ms", justify="right")
    table.add_column("reason", overflow="fold")
    for each in judged:
        style = _STYLES[each.verdict]
        said = (
            Text(each.detail, style)
            if each.score is not None
            else Text(f"{each.reason}: {each.detail}", style)
        )
        if each.needs_review:
            said.append("; near the threshold: a person should look", "cyan")
        score = "-" if each.score is None else f"{each.score:.4f}"
        focus = "-" if each.figures is None else f"{each.figures['focus']:.0f}"
        table.add_row(
            Text(each.file.name if together else str(each.file)),
            Text(each.verdict, f"bold {style}"),
            score,
            focus,
            f"{each.ms:.0f}",
            said,
        )
    console.print(table)
    counts = Counter(each.verdict for each in judged)
    summed = ", ".join(f"{counts[verdict]} {verdict}" for verdict in _STYLES if counts[verdict])
    console.print(f"{len(judged)} files: {summed}; {model}, nothing recorded", soft_wrap=True)
