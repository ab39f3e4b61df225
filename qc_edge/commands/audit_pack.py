"""`qc-edge audit-pack`: what an auditor asks for, as one archive."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Root, out


def command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="The station's name.", show_default=False)
    ] = "",
    period: Annotated[
        str,
        typer.Option(
            "--period",
            metavar="PERIOD",
            help="[bold]2026-11[/bold], [bold]2026-Q4[/bold], [bold]2026[/bold], a day, or "
            "[bold]2026-11-03..2026-11-17[/bold], by the station's clock.",
        ),
    ] = "",
    out_file: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Where it goes: FILE.zip.", show_default=False),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The file of the private key that signs it, as [bold]qc-edge model keygen[/bold] "
            "makes one; with --check, the public key that must have signed it.",
            show_default=False,
        ),
    ] = None,
    sample: Annotated[
        float,
        typer.Option("--sample", min=0.0, max=1.0, help="The share of pictures that is digested."),
    ] = 0.01,
    check: Annotated[
        Path | None,
        typer.Option("--check", metavar="FILE", help="Hold a pack against itself instead."),
    ] = None,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Make the pack for an audit: what the log has of a period, with its proofs, in one archive.

    Records that came in force, challenges, holds and suspect windows, studies, control charts,
    calibrations as found and as left, users and roles, software and what judged, seals and the
    ends of the chain, and what verify says. index.html names which file answers which clause of
    21 CFR 11.10(e), IATF 16949 7.1.5.1.1 and 7.1.5.2.1 and AIAG MSA, and what it does not claim.
    Without --key it is unsigned, and says so.

    [dim]Examples:[/dim]
      [bold]qc-edge audit-pack line1 --period 2026-11 --out november.zip --key quality.pem[/bold]
      [bold]qc-edge audit-pack --check november.zip --key PUBLIC[/bold]
    """
    from qc_edge.discipline.audit_pack.checking import check_pack
    from qc_edge.discipline.audit_pack.making import make_pack
    from qc_edge.discipline.audit_pack.period import parse_audit_period
    from qc_edge.errors import UsageError
    from qc_edge.service.clock import utc_now
    from qc_edge.settings import StationPaths, load_settings

    if key is not None and not key.strip():
        raise UsageError("--key is empty", hint="leave it out, or name the key")
    if check is not None:
        out().print(f"{check}: {check_pack(check, key or '')}")
        return
    if not name or not period or out_file is None:
        raise UsageError(
            "NAME, --period and --out are needed",
            hint="qc-edge audit-pack line1 --period 2026-11 --out november.zip",
        )
    paths, now = StationPaths(root.absolute(), name), utc_now()
    settings = load_settings(paths.settings)
    of = parse_audit_period(period, settings.station.calendar, now)
    key_file = Path(key) if key else None
    made = make_pack(paths, settings, of, out_file, key_file, sample=sample, now=now)
    signed = f"signed by {made.key}" if made.key else "NOT SIGNED (--key FILE signs it)"
    out().print(f"written: {made.path}, {made.files} files, {of.name}, {signed}")
    if not made.is_sound:
        out().print("verify found faults: index.html and verify.json name them")
