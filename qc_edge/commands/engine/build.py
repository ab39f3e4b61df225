"""`qc-edge engine build`: a bundle through TensorRT's real parser and compiler, without a GPU."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from qc_edge.terminal.options import Json, out, print_json

if TYPE_CHECKING:
    from qc_edge.bundles.bundle import Bundle as ModelBundle
    from qc_edge.engine.offline_build import BuiltPlan

Bundle = Annotated[
    str,
    typer.Argument(
        metavar="BUNDLE", help="NAME@VERSION, or a bundle's directory.", show_default=False
    ),
]
Targets = Annotated[
    str,
    typer.Option("--for", metavar="SM,SM...", help="Compute capabilities: sm89 is an RTX 40."),
]
Out = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR", help="Keep the plans there.", show_default=False),
]
Precision = Annotated[
    Literal["bundle", "fp32", "fp16", "int8"],
    typer.Option(
        "--precision", metavar="P", help="fp32, fp16 or int8; bundle: as its manifest says."
    ),
]
MaxBatch = Annotated[
    int, typer.Option("--max-batch", metavar="N", min=1, max=32, help="The profile is 1..N frames.")
]
Tf32 = Annotated[
    bool, typer.Option("--tf32", help="Allow TF32 in fp32 layers.", show_default=False)
]


def command(
    bundle: Bundle,
    targets: Targets,
    out_dir: Out = None,
    precision: Precision = "bundle",
    max_batch: MaxBatch = 8,
    tf32: Tf32 = False,
    as_json: Json = False,
) -> None:
    """Compile a bundle's model ahead of time with TensorRT for RTX; no GPU is needed.

    A model that TensorRT cannot parse or compile is found here and not on the line. Needs the extra
    [bold]compile[/bold]. What a plan scores is for a station with that GPU to prove, on the golden
    frames.

    [dim]Examples:[/dim]
      [bold]qc-edge engine build reference@1 --for sm89,sm120[/bold] [bold]qc-edge engine build
      models/reference/1 --for sm86 --precision fp16 --out plans --json[/bold]
    """
    from qc_edge.bundles.bundle import load_bundle
    from qc_edge.engine.offline_build import build_offline
    from qc_edge.settings.paths import shipped

    loaded = load_bundle(bundle, [shipped("models")])
    plan_precision = loaded.manifest.engine.precision if precision == "bundle" else precision
    names = [name for name in targets.split(",") if name.strip()]
    plans = [
        _json_values(built, _write_plan(built, loaded, out_dir))
        for built in build_offline(loaded, names, plan_precision, max_batch, tf32=tf32)
    ]
    if as_json:
        print_json({"bundle": loaded.reference, "model_sha256": loaded.sha256, "plans": plans})
        return
    console = out()
    for plan in plans:
        console.print(
            f"{plan['target']}: {loaded.reference} {plan['precision']}, batch "
            f"1..{plan['max_batch']}, by "
            f"{plan['compiler']} in {plan['seconds']:.2f} s: {plan['bytes'] / 1e3:.0f} kB"
            + (f", {plan['file']}" if plan["file"] else "")
        )


def _json_values(built: BuiltPlan, file: Path | None) -> dict[str, Any]:
    return {
        "target": built.target,
        "compiler": built.compiler,
        "precision": built.precision,
        "max_batch": built.max_batch,
        "seconds": round(built.seconds, 3),
        "bytes": len(built.data),
        "sha256": built.sha256,
        "file": file,
    }


def _write_plan(built: BuiltPlan, bundle: ModelBundle, directory: Path | None) -> Path | None:
    """Write the plan into `directory`; the file, or None where none is to be kept."""
    from qc_edge.store.durable import write_file

    if directory is None:
        return None
    name = (
        f"{bundle.name}-{bundle.version}-{built.target}-{built.precision}-b{built.max_batch}.plan"
    )
    write_file(directory / name, built.data)
    return directory / name
