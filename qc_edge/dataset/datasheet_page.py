"""The datasheet as one HTML page: a drawing of the classes, tables, and pictures of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import cv2

from qc_edge.dataset.datasheet import Datasheet
from qc_edge.dataset.item import DatasetItem
from qc_edge.dataset.sample import GOOD, UNLABELLED
from qc_edge.plot.canvas import Canvas, Rectangle, Text
from qc_edge.plot.embedded import embed
from qc_edge.plot.page import Gallery, GalleryPicture, Table, page

_WIDTH, _BAR, _LEFT, _TOP = 860, 30, 110, 60
_COLOURS = ("#f97316", "#dc2626", "#a855f7", "#0ea5e9", "#ca8a04", "#be185d", "#65a30d")
_GOOD, _GRAY = "#22c55e", "#9ca3af"
_EACH = 2
"""Pictures of each class."""

_SIDE = 240
_MOST_LEAKS = 50


def datasheet_page(sheet: Datasheet, items: Sequence[DatasetItem]) -> str:
    """The page, which needs nothing beside it."""
    return page(_drawing(sheet), _tables(sheet), _gallery(items), sheet.notes)


def _drawing(sheet: Datasheet) -> Canvas:
    names = sorted({name for of_subset in sheet.classes.values() for name in of_subset})
    defects = [name for name in names if name not in {GOOD, UNLABELLED}]
    colours = {name: _COLOURS[n % len(_COLOURS)] for n, name in enumerate(defects)}
    colours |= {GOOD: _GOOD, UNLABELLED: _GRAY}
    canvas = Canvas(_WIDTH, _TOP + (len(sheet.classes) + 1) * (_BAR + 12), sheet.title)
    about = f"{sheet.pictures:,} pictures of {sheet.parts:,} parts, {sheet.masks:,} with a mask"
    canvas.add(Text(0, 22, sheet.title, 17, "#111827", bold=True), Text(0, 42, about))
    largest = max((sum(each.values()) for each in sheet.classes.values()), default=1)
    scale = (_WIDTH - _LEFT - 60) / largest
    y = float(_TOP)
    for subset, counts in sheet.classes.items():
        canvas.add(Text(0, y + 20, subset))
        x = float(_LEFT)
        for name, count in counts.items():
            canvas.add(Rectangle(x, y, count * scale, _BAR, colours[name]))
            x += count * scale
        canvas.add(Text(x + 6, y + 20, f"{sum(counts.values()):,}"))
        y += _BAR + 12
    x = float(_LEFT)
    for name in names:
        canvas.add(Rectangle(x, y + 4, 12, 12, colours[name]), Text(x + 18, y + 15, name))
        x += 30 + 7.5 * len(name)
    return canvas


def _tables(sheet: Datasheet) -> Mapping[str, Table]:
    names = sorted({name for of_subset in sheet.classes.values() for name in of_subset})
    subsets = tuple(sheet.classes)
    rows = [
        (name, *(f"{sheet.classes[subset].get(name, 0):,}" for subset in subsets)) for name in names
    ]
    groups = tuple(f"{sheet.groups[s]:,}" if s in sheet.groups else "" for s in subsets)
    tables: dict[str, Table] = {
        "pictures by class": (("class", *subsets), [*rows, ("groups", *groups)])
    }
    for key, counts in {**sheet.counts, "day": sheet.days}.items():
        if counts:
            tables[f"by {key}"] = _counted(key, counts)
    if sheet.left_out:
        tables["left out"] = _counted("why", sheet.left_out)
    if sheet.agreement:
        tables["do people agree"] = (
            ("", "and", "parts", "alike", "kappa"),
            [
                (
                    each.one,
                    each.other,
                    f"{each.parts:,}",
                    f"{each.agreed:,}",
                    "" if each.kappa is None else f"{each.kappa:.2f}",
                )
                for each in sheet.agreement
            ],
        )
    if sheet.leaks:
        tables["in two splits"] = (
            ("what", "which", "where", "likeness"),
            [
                (
                    leak.what,
                    " and ".join(leak.names),
                    " and ".join(leak.splits),
                    "" if leak.likeness is None else f"{leak.likeness:.3f}",
                )
                for leak in sheet.leaks[:_MOST_LEAKS]
            ],
        )
    return tables


def _counted(name: str, counts: Mapping[str, int]) -> Table:
    return (name, "pictures"), [(each, f"{count:,}") for each, count in counts.items()]


def _gallery(items: Sequence[DatasetItem]) -> Gallery:
    shown = list[GalleryPicture]()
    taken: dict[str, int] = {}
    for item in items:
        if taken.get(item.class_name, 0) >= _EACH:
            continue
        pixels = cv2.imread(str(item.prepared or item.image), cv2.IMREAD_COLOR)
        if pixels is None:
            continue
        taken[item.class_name] = taken.get(item.class_name, 0) + 1
        lines = (item.name, f"part {item.part}" if item.part else "", item.split or UNLABELLED)
        picture = embed(pixels.astype("uint8"), _SIDE)
        shown.append(GalleryPicture(picture, item.class_name, tuple(filter(None, lines))))
    return Gallery("the first of each class", tuple(sorted(shown, key=lambda each: each.title)))
