"""A sheet: title, facts, and sections of words, tables and drawings, as one HTML file that needs
nothing else; PDF is made of it. Knows nothing of what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from qc_edge.plot.canvas import Canvas
from qc_edge.report.shift.report_table import ColumnKind, ReportTable, cell_text
from qc_edge.report.templates import report_templates

_FIGURES = {ColumnKind.COUNT, ColumnKind.SHARE, ColumnKind.NUMBER}
_LONGEST = 1000
_STYLE = """
@page { size: A4; margin: 14mm; }
.drawings { display: grid; grid-template-columns: repeat(2, 1fr); gap: 12px; }
.drawings svg { width: 100%; height: auto; break-inside: avoid; background: #fff; }
table { font-size: 13px; } tr { break-inside: avoid; } h2 { break-after: avoid; }
.scroll { overflow-x: auto; }
@media screen and (max-width: 700px) { .drawings { grid-template-columns: 1fr; } }
@media print { .scroll { overflow: visible; } }
@media print { .drawings { display: block; } .drawings svg { width: 49%; display: inline-block; } }
"""


@dataclass(frozen=True, slots=True)
class SheetSection:
    """A part of a sheet. `alarms` are words that a person must not overlook."""

    heading: str
    words: Sequence[str] = ()
    alarms: Sequence[str] = ()
    tables: Sequence[ReportTable] = ()
    drawings: Sequence[Canvas] = ()


@dataclass(frozen=True, slots=True)
class Sheet:
    """`badge` is the verdict of the whole, with its style: good, held or bad."""

    kind: str
    title: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[SheetSection]
    badge: tuple[str, str] | None = None

    def html(self) -> str:
        """The whole file as text, to be written as UTF-8."""
        style = report_templates().get_template("report.css").render() + _STYLE
        facts = "".join(
            f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>"
            for name, value in self.facts
        )
        badge = ""
        if self.badge:
            badge = f'<p class="badge {self.badge[1]}">{escape(self.badge[0])}</p>'
        return (
            '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
            "img-src data:; style-src 'unsafe-inline'\">\n"
            f"<title>{escape(self.title)}</title>\n<style>{style}</style></head><body><main>\n"
            f'<header class="top"><p class="kind">{escape(self.kind)}</p>'
            f"<h1>{escape(self.title)}</h1>{badge}"
            f'<dl class="facts">{facts}</dl></header>\n'
            + "\n".join(map(_section, self.sections))
            + "\n</main></body></html>\n"
        )


def _section(section: SheetSection) -> str:
    parts = [f"<section><h2>{escape(section.heading)}</h2>"]
    parts += [f'<p class="alarm">{escape(each)}</p>' for each in section.alarms]
    parts += [f"<p>{escape(each)}</p>" for each in section.words]
    parts += [_table(each) for each in section.tables]
    if section.drawings:
        drawn = "\n".join(each.svg() for each in section.drawings)
        parts.append(f'<div class="drawings">{drawn}</div>')
    return "\n".join([*parts, "</section>"])


def _table(table: ReportTable) -> str:
    if not table.rows:
        return f"<p>{escape(table.empty[:1].upper() + table.empty[1:])}.</p>"
    classes = [' class="figure"' if column.kind in _FIGURES else "" for column in table.columns]
    head = "".join(
        f"<th{style}>{escape(column.heading)}</th>"
        for style, column in zip(classes, table.columns, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{style}>{escape(cell_text(cell, column.kind))}</td>"
            for style, column, cell in zip(classes, table.columns, row, strict=True)
        )
        + "</tr>\n"
        for row in table.rows[:_LONGEST]
    )
    more = len(table.rows) - _LONGEST
    note = f'<p class="note">and {more:,} more</p>' if more > 0 else ""
    title = f"<h3>{escape(table.title)}</h3>" if table.title else ""
    return (
        f'{title}<div class="scroll" tabindex="0" role="region" aria-label="{escape(table.title)}">'
        f"<table><thead><tr>{head}</tr></thead>\n<tbody>{rows}</tbody></table></div>{note}"
    )
