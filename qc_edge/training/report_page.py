"""An evaluation as tables for the terminal and as one HTML page: curves, tables, worst mistakes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2
import numpy as np

from qc_edge.plot.axes import Axes, percent_ticks
from qc_edge.plot.canvas import Canvas, Dot, Rectangle, Text
from qc_edge.plot.embedded import EmbeddedPicture, embed
from qc_edge.plot.page import Gallery, GalleryPicture, Table, page
from qc_edge.training.evaluating import EvaluatedSide, EvaluationReport
from qc_edge.training.evaluation import Evaluation, arrays
from qc_edge.training.grouped_share import GroupedShare
from qc_edge.training.metrics import roc
from qc_edge.training.scoring import ScoredItem

_SIDE, _LEFT, _TOP, _GAP = 300, 64, 90, 90
_COLOURS = ("#2563eb", "#9ca3af")
_GOOD, _BAD = "#22c55e", "#dc2626"
_WORST = 8
_PICTURE = 260


def evaluation_tables(report: EvaluationReport) -> Mapping[str, Table]:
    """The figures, a column for each bundle."""
    sides = [report.first, *([report.other] if report.other else [])]
    figures = [side.evaluation for side in sides]
    heading = ("", *(side.side.bundle.reference for side in sides))
    rows: list[tuple[str, ...]] = [
        ("good / bad", *(f"{each.good:,} / {each.bad:,}" for each in figures)),
        ("groups", *(f"{each.groups:,}" for each in figures)),
        ("ROC AUC", *(each.auc.words() for each in figures)),
        ("ROC AUC by part", *(f"{each.auc_by_part:.3f}" for each in figures)),
        ("average precision", *(f"{each.average_precision:.3f}" for each in figures)),
        ("threshold", *(f"{each.threshold:.4g}" for each in figures)),
        ("escapes", *(_share(each.escapes) for each in figures)),
        ("overkill", *(_share(each.overkill) for each in figures)),
        ("escapes by part", *(_share(each.escapes_by_part) for each in figures)),
        ("overkill by part", *(_share(each.overkill_by_part) for each in figures)),
    ]
    for recall in figures[0].alarms:
        words = (f"{each.alarms[recall][1].words()}" for each in figures)
        rows.append((f"false alarms at recall {recall}", *words))
    rows += [
        ("calibration error", *(f"{each.calibration_error:.3f}" for each in figures)),
        ("inference, median", *(f"{side.infer_ms:.2f} ms" for side in sides)),
    ]
    if report.gain is not None:
        rows.append(("gain in AUC, paired", report.gain.words(), ""))
    tables: dict[str, Table] = {f"figures ({report.split})": (heading, rows)}
    first = report.first.evaluation
    for name, slices in (("by class", first.classes), ("by view", first.views)):
        if slices:
            tables[name] = (
                (name.removeprefix("by "), "ROC AUC", "escapes", "overkill"),
                [
                    (
                        each.name,
                        "" if each.auc is None else f"{each.auc:.3f}",
                        _share(each.escapes),
                        _share(each.overkill),
                    )
                    for each in slices
                ],
            )
    tables["what an escape costs, in good parts"] = (
        ("ratio", "cheapest threshold", "escapes", "overkill", "cost of 1,000", "at the threshold"),
        [
            (
                f"{each.ratio}",
                f"{each.threshold:.4g}",
                f"{each.escapes:,}",
                f"{each.overkill:,}",
                f"{each.cost:,.1f}",
                f"{each.cost_at_threshold:,.1f}",
            )
            for each in first.costs
        ],
    )
    return tables


def evaluation_page(report: EvaluationReport) -> str:
    """The page, which needs nothing beside it."""
    return page(
        _drawing(report), evaluation_tables(report), _gallery(report.first), list(report.notes)
    )


def _drawing(report: EvaluationReport) -> Canvas:
    bundle = report.first.side.bundle
    title = f"{bundle.reference} on {report.dataset.directory.name}"
    canvas = Canvas(_LEFT + 3 * (_SIDE + _GAP), _TOP + _SIDE + 60, title)
    figures = report.first.evaluation
    about = f"ROC AUC {figures.auc.words()}; {figures.groups:,} groups; {report.split}"
    canvas.add(Text(_LEFT, 26, title, 17, "#111827", bold=True), Text(_LEFT, 46, about))
    fields = [
        Axes(canvas, _LEFT + number * (_SIDE + _GAP), _TOP, _SIDE, _SIDE, 1.0, 1.0)
        for number in range(3)
    ]
    ticks = percent_ticks(1.0)
    fields[0].draw("ROC", "overkill", "recall", ticks, ticks)
    for side, colour in zip((report.first, report.other), _COLOURS, strict=False):
        if side is not None:
            _curve(fields[0], side, colour)
    fields[1].draw("scores", "score", "share", ticks, ticks)
    _histogram(fields[1], report.first.scored, figures)
    fields[2].draw("what a score means", "mean score", "share that is bad", ticks, ticks)
    for each in figures.reliability:
        radius = 3 + 6 * each.count / max(1, figures.good + figures.bad)
        x, y = fields[2].x(each.mean_score), fields[2].y(each.bad_share)
        canvas.add(Dot(x, y, radius, _COLOURS[0], 0.8))
    ends = [(fields[2].x(end), fields[2].y(end)) for end in (0.0, 1.0)]
    canvas.line(ends, "#6b7280", dashed=True)
    return canvas


def _curve(axes: Axes, side: EvaluatedSide, colour: str) -> None:
    _, alarms, caught = roc(*arrays(side.scored))
    points = [(0.0, 0.0), *zip(alarms.tolist(), caught.tolist(), strict=True)]
    axes.canvas.line([(axes.x(x), axes.y(y)) for x, y in points], colour, 2.0)
    # Where the threshold stands.
    overkill, escapes = side.evaluation.overkill.value, side.evaluation.escapes.value
    if overkill is not None and escapes is not None:
        axes.canvas.add(Dot(axes.x(overkill), axes.y(1 - escapes), 4, colour))


def _histogram(axes: Axes, items: Sequence[ScoredItem], figures: Evaluation) -> None:
    scores, bad = arrays(items)
    bottom, width = axes.top + axes.height, axes.width / 40
    for number, (which, colour) in enumerate(((~bad, _GOOD), (bad, _BAD))):
        counts, _ = np.histogram(scores[which], bins=20, range=(0, 1))
        for at, share in enumerate((counts / max(1, counts.sum())).tolist()):
            if share:
                top = axes.y(share)
                left = axes.left + (2 * at + number) * width
                axes.canvas.add(Rectangle(left, top, width, bottom - top, colour, 0.8))
    x = axes.x(figures.threshold)
    axes.canvas.line([(x, axes.top), (x, bottom)], "#111827", 1.5)


def _gallery(side: EvaluatedSide) -> Gallery:
    threshold = side.evaluation.threshold
    escapes = [each for each in side.scored if each.is_bad and each.score < threshold]
    overkill = [each for each in side.scored if not each.is_bad and each.score >= threshold]
    escapes.sort(key=lambda each: (each.score, each.item.name))
    overkill.sort(key=lambda each: (-each.score, each.item.name))
    shown = [_mistake("escape", each) for each in escapes[:_WORST]]
    shown += [_mistake("overkill", each) for each in overkill[:_WORST]]
    return Gallery("the worst mistakes", tuple(shown))


def _mistake(kind: str, scored: ScoredItem) -> GalleryPicture:
    item = scored.item
    lines = [f"score {scored.score:.4f}", item.name]
    lines += [f"part {item.part}"] if item.part else []
    lines += (
        [f"the model says {scored.predicted}"] if scored.predicted and not scored.is_bad else []
    )
    title = f"{kind}: {item.class_name}" if scored.is_bad else kind
    return GalleryPicture(_picture(scored), title, tuple(lines))


def _picture(scored: ScoredItem) -> EmbeddedPicture | None:
    pixels = cv2.imread(str(scored.item.image), cv2.IMREAD_COLOR)
    if pixels is None:
        return None
    mask = cv2.imread(str(scored.item.mask), cv2.IMREAD_GRAYSCALE) if scored.item.mask else None
    if mask is not None and mask.shape == pixels.shape[:2]:
        found, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        cv2.drawContours(pixels, found, -1, (0, 160, 255), max(1, pixels.shape[1] // 200))
    return embed(pixels.astype(np.uint8), _PICTURE)


def _share(share: GroupedShare) -> str:
    if share.value is None:
        return "none"
    told = f"{share.count:,} of {share.of:,} = {share.value:.1%}"
    if share.interval is None:
        return f"{told} (of one group)"
    low, high = share.interval
    return f"{told} ({low:.1%} to {high:.1%})"
