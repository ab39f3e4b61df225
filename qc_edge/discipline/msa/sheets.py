"""A study as tables, as plain values, and as a sheet for the file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from qc_edge.analysis.statistics import Share
from qc_edge.discipline.msa.attribute import GOOD_KAPPA, POOR_KAPPA, AttributeStudy, Grade
from qc_edge.discipline.msa.gauge import FEWEST_CATEGORIES, GaugeStudy, GaugeVerdict
from qc_edge.discipline.msa.signal import DoubtZone
from qc_edge.discipline.sheet import Sheet, SheetSection
from qc_edge.report.shift.report_table import (
    COUNT,
    NUMBER,
    SHARE,
    Cell,
    Column,
    ReportTable,
)

Rows = list[list[Cell]]
_STYLES = {0: "good", 1: "held", 2: "bad"}
_WITH_INTERVAL = (Column("share", SHARE), Column("from", SHARE), Column("to", SHARE))


def attribute_tables(study: AttributeStudy, zones: Sequence[DoubtZone] = ()) -> list[ReportTable]:
    """Each appraiser, the agreement of all, kappas, and the zones of doubt."""
    of_each = (Column("appraiser"), Column("what"), Column("parts or looks", COUNT))
    rows: Rows = []
    for each in study.appraisers:
        grades = each.grades
        rows += [
            [each.name, "with oneself", *_share(each.within), ""],
            [each.name, "effectiveness", *_share(each.matches), _grade(grades["effectiveness"])],
            [each.name, "miss rate", *_share(each.misses), _grade(grades["miss rate"])],
            [
                each.name,
                "false alarm rate",
                *_share(each.false_alarms),
                _grade(grades["false alarm rate"]),
            ],
        ]
    together: Rows = [
        ["all with one another", *_share(study.between)],
        ["all with the truth", *_share(study.against_truth)],
    ]
    named: list[tuple[str, float | None]] = [
        *((f"{a} and {b} (Cohen)", kappa) for (a, b), kappa in study.kappas.items()),
        *((f"{each.name} and the truth (Cohen)", each.kappa_truth) for each in study.appraisers),
        *((f"{each.name} with oneself (Fleiss)", each.kappa_within) for each in study.appraisers),
        ("all looks of all (Fleiss)", study.fleiss),
    ]
    kappas: Rows = [[name, kappa, _kappa(kappa)] for name, kappa in named]
    of_zones: Rows = [
        [
            "above" if each.upper else "below",
            each.good_up_to,
            each.bad_from,
            each.width,
            each.inside,
        ]
        for each in zones
    ]
    return [
        ReportTable(
            "appraisers",
            "Each appraiser, 95 % intervals exact",
            (*of_each, *_WITH_INTERVAL, Column("AIAG")),
            rows,
        ),
        ReportTable(
            "agreement",
            "Together",
            (Column("what"), Column("parts", COUNT), *_WITH_INTERVAL),
            together,
        ),
        ReportTable(
            "kappas", "Kappa", (Column("of"), Column("kappa", NUMBER), Column("that is")), kappas
        ),
        ReportTable(
            "doubt",
            "Signal detection: where judgement is in doubt",
            (
                Column("side"),
                Column("always good up to", NUMBER),
                Column("always bad from", NUMBER),
                Column("width", NUMBER),
                Column("parts inside", COUNT),
            ),
            of_zones,
            "no value of the parts was given, or no part lies beyond the good ones",
        ),
    ]


def gauge_tables(study: GaugeStudy, tolerance: float | None = None) -> list[ReportTable]:
    """The ANOVA table, and the components against variation and tolerance."""
    table: Rows = [
        [each.source, each.free, each.squares, each.mean, each.f, each.p] for each in study.table
    ]
    components: Rows = [
        [
            name,
            variance,
            study.contribution(variance),
            study.variation(variance),
            6 * variance**0.5 / tolerance if tolerance else None,
        ]
        for name, variance in (
            ("gauge R&R", study.gauge),
            ("repeatability", study.repeatability),
            ("reproducibility", study.reproducibility),
            ("part to part", study.part_to_part),
            ("total", study.total),
        )
    ]
    return [
        ReportTable(
            "components",
            "Components",
            (
                Column("of"),
                Column("variance", NUMBER),
                Column("of the variance", SHARE),
                Column("of the variation", SHARE),
                Column("of the tolerance", SHARE),
            ),
            components,
        ),
        ReportTable(
            "anova",
            "Analysis of variance"
            + (", the interaction taken for chance" if study.is_pooled else ""),
            (
                Column("source"),
                Column("free", COUNT),
                Column("squares", NUMBER),
                Column("mean square", NUMBER),
                Column("F", NUMBER),
                Column("p", NUMBER),
            ),
            table,
        ),
    ]


def attribute_words(study: AttributeStudy) -> str:
    """The verdict in words."""
    verdict = study.verdict
    return str(verdict) if verdict else "not decided: something could not be told"


def gauge_words(study: GaugeStudy) -> str:
    """The verdict in words, with the kinds of parts that are told apart."""
    if study.verdict is None:
        return "not decided: all values are one"
    kinds = study.categories
    told = f"; {kinds} kinds of parts are told apart" if kinds is not None else ""
    few = f", AIAG wants {FEWEST_CATEGORIES}" if kinds is not None and kinds < 5 else ""
    return (
        f"{study.verdict}: {100 * study.variation(study.gauge):.1f} % of the variation{told}{few}"
    )


def attribute_sheet(
    title: str, study: AttributeStudy, zones: Sequence[DoubtZone], facts: Mapping[str, str]
) -> Sheet:
    """For the file."""
    worst = list(Grade).index(study.verdict) if study.verdict else 1
    return Sheet(
        "Measurement system analysis: attribute agreement",
        title,
        [
            ("Parts", f"{study.parts}, {study.good_parts} of them good"),
            ("Appraisers", f"{len(study.appraisers)}"),
            ("Trials", f"{study.trials}"),
            *facts.items(),
        ],
        [
            SheetSection("Verdict by AIAG", [attribute_words(study), *study.notes]),
            SheetSection("Results", tables=attribute_tables(study, zones)),
            SheetSection("How", [_HOW_ATTRIBUTE]),
        ],
        (attribute_words(study).partition(":")[0].upper(), _STYLES[worst]),
    )


def gauge_sheet(
    title: str, study: GaugeStudy, tolerance: float | None, facts: Mapping[str, str]
) -> Sheet:
    """For the file."""
    order = list(GaugeVerdict)
    worst = order.index(study.verdict) if study.verdict else 1
    return Sheet(
        "Measurement system analysis: gauge R&R",
        title,
        [
            ("Parts", f"{study.parts}"),
            ("Appraisers", f"{study.appraisers}"),
            ("Trials", f"{study.trials}"),
            *facts.items(),
        ],
        [
            SheetSection("Verdict by AIAG", [gauge_words(study), *study.notes]),
            SheetSection("Results", tables=gauge_tables(study, tolerance)),
            SheetSection("How", [_HOW_GAUGE]),
        ],
        (gauge_words(study).partition(":")[0].upper(), _STYLES[worst]),
    )


def tables_json(tables: Sequence[ReportTable]) -> dict[str, Any]:
    """The tables as lists of objects, by key."""
    return {
        table.key: [
            {column.heading: cell for column, cell in zip(table.columns, row, strict=True)}
            for row in table.rows
        ]
        for table in tables
    }


_HOW_ATTRIBUTE = (
    "Effectiveness counts parts that an appraiser judged right in every trial; misses are looks at "
    "bad parts that were called good, false alarms looks at good parts that were called bad. AIAG "
    "MSA, 4th edition, III C: effectiveness at least 90 % (marginal 80 %), miss rate at most 2 % "
    "(5 %), false alarm rate at most 5 % (10 %); kappa above 0.75 good, below 0.40 poor. Intervals "
    "by Clopper and Pearson."
)
_HOW_GAUGE = (
    "Two-way analysis of variance, crossed; the interaction is pooled where its p is above 0.25. "
    "The variation is six standard deviations. AIAG MSA, 4th edition, II D and III B: below 10 % "
    "acceptable, over 30 % not; at least 5 kinds of parts."
)


def _share(share: Share) -> list[Cell]:
    low, high = share.exact_interval or (None, None)
    return [share.of, share.value, low, high]


def _grade(grade: object) -> str:
    return str(grade) if grade is not None else "unknown: no such part"


def _kappa(kappa: float | None) -> str:
    if kappa is None:
        return "unknown"
    return "good" if kappa > GOOD_KAPPA else "poor" if kappa < POOR_KAPPA else "between"
