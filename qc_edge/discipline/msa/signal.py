"""Signal detection: how wide the zone is in which parts are judged now this way, now that.

AIAG, Measurement Systems Analysis, 4th edition, III section C; ISO 22514-7:2012, 12.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from qc_edge.discipline.msa.trials import Trial


@dataclass(frozen=True, slots=True)
class DoubtZone:
    """From the last value at which everybody said good every time, to the next beyond which
    everybody said bad; `inside` parts lie between. `upper` is False for one below the good parts.
    """

    good_up_to: float
    bad_from: float
    inside: int
    upper: bool

    @property
    def width(self) -> float:
        """In the unit of the value; AIAG's d."""
        return abs(self.bad_from - self.good_up_to)


def doubt_zones(
    values: Mapping[str, float], looks: Mapping[str, Sequence[bool]]
) -> list[DoubtZone]:
    """Above and below the good parts, where there are bad ones. `values` are the true ones, or the
    mean scores, of the parts; `looks` all judgements of each. Empty if nothing is good every time.
    """
    ordered = sorted(values, key=values.__getitem__)
    good = [values[part] for part in ordered if all(looks[part])]
    if not good:
        return []
    zones = []
    above = [part for part in ordered if values[part] > good[-1]]
    if bad := _always_bad_from(above[::-1], looks):
        inside = sum(good[-1] < values[part] < values[bad] for part in above)
        zones.append(DoubtZone(good[-1], values[bad], inside, upper=True))
    below = [part for part in ordered if values[part] < good[0]]
    if bad := _always_bad_from(below, looks):
        inside = sum(values[bad] < values[part] < good[0] for part in below)
        zones.append(DoubtZone(good[0], values[bad], inside, upper=False))
    return zones


def _always_bad_from(outermost: Sequence[str], looks: Mapping[str, Sequence[bool]]) -> str | None:
    """The innermost part of the row of those that are bad every time, from outside inwards."""
    last = None
    for part in outermost:
        if any(looks[part]):
            break
        last = part
    return last


def zones_of(trials: Sequence[Trial]) -> list[DoubtZone]:
    """By the mean value of each part's trials; those without one are left out."""
    values: dict[str, list[float]] = {}
    looks: dict[str, list[bool]] = {}
    for each in trials:
        if each.value is not None:
            values.setdefault(each.part, []).append(each.value)
        if each.is_good is not None:
            looks.setdefault(each.part, []).append(each.is_good)
    means = {part: fmean(of) for part, of in values.items() if part in looks}
    return doubt_zones(means, looks)
