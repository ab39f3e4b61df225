"""`qc-edge msa attribute` and `msa gauge`: a study worked out, shown and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Root, out, print_json, who_asks

if TYPE_CHECKING:
    from qc_edge.discipline.msa.trials import Trial
    from qc_edge.discipline.sheet import Sheet
    from qc_edge.report.shift.report_table import ReportTable

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="FILE...",
        help="CSV with the columns part, appraiser, trial, result (good or bad) and reference; "
        "several are taken together.",
        show_default=False,
    ),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        metavar="FILE",
        help="Write the sheet: [bold].html[/bold] or [bold].pdf[/bold].",
        show_default=False,
    ),
]
Keep = Annotated[
    str | None,
    typer.Option(
        "--keep",
        metavar="NAME",
        help="Keep the study among this station's files, and in its log.",
        show_default=False,
    ),
]
By = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Who did it.", show_default=False)
]
Value = Annotated[
    str, typer.Option("--value", metavar="COLUMN", help="A continuous column of the files.")
]


def attribute_command(
    files: Files,
    value: Value = "",
    output: Output = None,
    keep: Keep = None,
    by: By = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Tell how well appraisers agree with themselves, one another and the truth.

    Kappa (Cohen, Fleiss), effectiveness, miss rate and false alarm rate with exact 95 % intervals
    and AIAG's verdict. With --value, such as the score, where judgement is in doubt. Trials that
    are missing are named and nothing is made up.

    [dim]Examples:[/dim]
      [bold]qc-edge msa attribute anna.csv ben.csv line1.csv truth.csv --output study.pdf[/bold]
      [bold]qc-edge msa attribute line1.csv --value score --keep line1 --by anna[/bold]
    """
    from qc_edge.discipline.msa.attribute import analyse_attribute
    from qc_edge.discipline.msa.sheets import attribute_sheet, attribute_tables, attribute_words
    from qc_edge.discipline.msa.signal import zones_of
    from qc_edge.discipline.msa.trials import read_trials

    trials = read_trials(files)
    study = analyse_attribute(trials)
    zones = zones_of(read_trials(files, value)) if value else []
    tables = attribute_tables(study, zones)
    words = attribute_words(study)
    sheet = attribute_sheet(_title(files), study, zones, _facts(by))
    _tell(words, study.notes, tables, as_json=as_json)
    _write(sheet, output, as_json=as_json)
    if keep:
        _keep(keep, root, "attribute", words, study.notes, tables, trials, by)


def gauge_command(
    files: Files,
    value: Value = "score",
    tolerance: Annotated[
        float | None,
        typer.Option("--tolerance", metavar="WIDTH", min=0, help="Of the figure, upper to lower."),
    ] = None,
    output: Output = None,
    keep: Keep = None,
    by: By = None,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Tell how much of a figure's spread comes of the parts, of who measured, and of neither.

    Gauge R&R by analysis of variance, for the columns of [bold]qc-edge msa trials[/bold] (score,
    focus) or of any CSV.

    [dim]Examples:[/dim]
      [bold]qc-edge msa gauge line1.csv --value focus --output focus.pdf[/bold]
      [bold]qc-edge msa gauge calliper.csv --value mm --tolerance 0.2[/bold]
    """
    from qc_edge.discipline.msa.gauge import analyse_gauge
    from qc_edge.discipline.msa.sheets import gauge_sheet, gauge_tables, gauge_words
    from qc_edge.discipline.msa.trials import read_trials

    trials = read_trials(files, value)
    study = analyse_gauge(trials)
    tables = gauge_tables(study, tolerance)
    words = gauge_words(study)
    sheet = gauge_sheet(f"{_title(files)}: {value}", study, tolerance, _facts(by))
    _tell(words, study.notes, tables, as_json=as_json)
    _write(sheet, output, as_json=as_json)
    if keep:
        _keep(keep, root, f"gauge-{value}", words, study.notes, tables, trials, by)


def _title(files: Sequence[Path]) -> str:
    return ", ".join(file.stem for file in files)


def _facts(by: str | None) -> Mapping[str, str]:
    from qc_edge.service.clock import utc_now

    return {"Made": f"{utc_now():%Y-%m-%d}" + (f" by {by}" if by else "")}


def _tell(
    words: str, notes: Sequence[str], tables: Sequence[ReportTable], *, as_json: bool
) -> None:
    from rich.text import Text

    from qc_edge.discipline.msa.sheets import tables_json
    from qc_edge.terminal.tables import print_report_tables

    if as_json:
        print_json({"verdict": words, "notes": list(notes), "tables": tables_json(tables)})
        return
    console = out()
    console.print(Text(words, "bold"))
    for note in notes:
        console.print(Text(note, "yellow"))
    print_report_tables(console, [each for each in tables if each.rows])


def _write(sheet: Sheet, output: Path | None, *, as_json: bool) -> None:
    from qc_edge.discipline.sheet_file import check_sheet_file, write_sheet

    if output is not None:
        check_sheet_file(output)
        write_sheet(sheet, output)
        if not as_json:
            out().print(f"written: {output}")


def _keep(
    name: str,
    root: Path,
    kind: str,
    words: str,
    notes: Sequence[str],
    tables: Sequence[ReportTable],
    trials: Sequence[Trial],
    by: str | None,
) -> None:
    from qc_edge.discipline.msa.sheets import tables_json
    from qc_edge.discipline.msa.station import keep_study
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.settings import StationPaths, load_settings

    paths = StationPaths(root.absolute(), name)
    load_settings(paths.settings)
    values: dict[str, Any] = {
        "verdict": words,
        "notes": list(notes),
        "tables": tables_json(tables),
    }
    with acting_as_owner(paths.state):
        keep_study(paths, kind, values, trials, who_asks(by), utc_now())
