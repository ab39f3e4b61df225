"""Frames that do not belong among the others of a calibration, each kind of fault in one line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from qc_edge.vision.bounds import BoundRule
from qc_edge.vision.gates import GateFigures

_NAMED = 3
"""So many files are named one by one; more of one kind are counted."""

_SIZES_THAT_VARY = 4
"""Parts that are cut out of larger pictures have as many sizes or more, and no usual one."""


@dataclass(frozen=True, slots=True)
class FrameSize:
    """Width and height (pixels) and bits of a pixel."""

    width: int
    height: int
    bit_depth: int

    def __str__(self) -> str:
        return f"{self.width} x {self.height} pixels of {self.bit_depth} bits"


@dataclass(frozen=True, slots=True)
class Strays:
    """The frames that stand apart (their places in the list), and why, in words; `of_size`: in size
    or depth, not in a figure.
    """

    places: frozenset[int]
    reasons: tuple[str, ...]
    of_size: bool


def names_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def grouped(faults: Iterable[tuple[str, str]]) -> tuple[str, ...]:
    """(file, fault) as lines: one for each file, or for each fault that more than a few have."""
    by_fault: dict[str, list[str]] = {}
    for name, fault in faults:
        by_fault.setdefault(fault, []).append(name)
    lines = []
    for fault, names in by_fault.items():
        if len(names) > _NAMED:
            lines.append(f"{len(names)} files: {fault}: {names_of(names)}")
        else:
            lines += [f"{name}: {fault}" for name in names]
    return tuple(lines)


def sizes_vary(sizes: Sequence[FrameSize]) -> bool:
    """True if there is no usual size: many differ, and none is that of half the frames."""
    counts = Counter((size.width, size.height) for size in sizes)
    usual = counts.most_common(1)[0][1]
    return len(counts) >= _SIZES_THAT_VARY and 2 * usual <= len(sizes)


def of_another_size(names: Sequence[str], sizes: Sequence[FrameSize]) -> Strays:
    """The frames whose size or depth is not the usual one; where sizes vary, the depth alone."""
    if sizes_vary(sizes):
        depth = Counter(size.bit_depth for size in sizes).most_common(1)[0][0]
        usual = f"{depth} bits a pixel"
        places = [at for at, size in enumerate(sizes) if size.bit_depth != depth]
    else:
        most = Counter(sizes).most_common(1)[0][0]
        usual = f"{most.width} x {most.height} of {most.bit_depth}"
        places = [at for at, size in enumerate(sizes) if size != most]
    lines = grouped((names[at], f"{sizes[at]}, the others have {usual}") for at in places)
    return Strays(frozenset(places), lines, of_size=True)


def outliers(
    names: Sequence[str], figures: Sequence[GateFigures], rules: Sequence[BoundRule]
) -> Strays:
    """The frames that stand apart from the others in a figure."""
    by_figure: dict[str, dict[int, float]] = {}
    middles: dict[str, float] = {}
    for figure, rule in {rule.figure: rule for rule in rules}.items():
        values = rule.values(figures)
        middles[figure] = median(values)
        apart = {at: value for at, value in enumerate(values) if rule.is_stray(value, values)}
        if apart:
            by_figure[figure] = apart
    places = frozenset(at for apart in by_figure.values() for at in apart)
    if len(places) <= _NAMED:
        lines = [_line(names[at], at, by_figure, middles) for at in sorted(places)]
    else:
        lines = [
            f"{len(apart)} frames stand apart: {figure.replace('_', ' ')} "
            f"{min(apart.values()):.4g} to {max(apart.values()):.4g} where the median is "
            f"{middles[figure]:.4g}: {names_of([names[at] for at in apart])}"
            for figure, apart in by_figure.items()
        ]
    return Strays(places, tuple(lines), of_size=False)


def copies(names: Sequence[str], digests: Sequence[str]) -> str:
    """That pictures are copies of others, pixel by pixel; empty if all differ."""
    counts = Counter(digests)
    if len(counts) == len(digests):
        return ""
    digest, times = counts.most_common(1)[0]
    first = names[list(digests).index(digest)]
    return (
        f"{len(digests)} frames are only {len(counts)} different pictures, the others copies "
        f"({first} comes {times} times): copies say nothing of how good parts differ"
    )


def _line(
    name: str, at: int, by_figure: Mapping[str, Mapping[int, float]], middles: Mapping[str, float]
) -> str:
    reasons = [
        f"{figure.replace('_', ' ')} {apart[at]:.4g} where the median is {middles[figure]:.4g}"
        for figure, apart in by_figure.items()
        if at in apart
    ]
    return (
        f"{name} stands apart: {'; '.join(reasons)}; leave it out if it shows no good part as it "
        "should"
    )
