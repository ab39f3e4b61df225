"""Parts shared out to folds: never a group in two, and in each about as many good and bad ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]


def grouped_folds(
    units: Sequence[str], bad: npt.NDArray[np.bool_], count: int, seed: int
) -> Places:
    """The fold (0..count - 1) of each picture; the same for the same pictures and seed.

    The largest groups first, each where it disturbs the balance of both kinds least.
    """
    chance = np.random.default_rng(seed)
    names = sorted(set(units))
    chance.shuffle(names)
    of_kind = {kind: Counter[str]() for kind in (False, True)}
    for unit, is_bad in zip(units, bad.tolist(), strict=True):
        of_kind[is_bad][unit] += 1
    totals = np.maximum([of_kind[kind].total() for kind in (False, True)], 1)
    sizes = {
        name: np.array([of_kind[kind][name] for kind in (False, True)]) / totals for name in names
    }
    loads, fold_of = np.zeros((count, 2)), dict[str, int]()
    for name in sorted(names, key=lambda name: -float(sizes[name].sum())):
        costs = ((loads + sizes[name]) ** 2 - loads**2).sum(axis=1)
        fold = int(np.argmin(costs))
        loads[fold] += sizes[name]
        fold_of[name] = fold
    return np.array([fold_of[unit] for unit in units])


def half_of(units: Sequence[str], learnt: Places, seed: int) -> Places:
    """Those of `learnt` that belong to half of their groups."""
    names = sorted({units[at] for at in learnt.tolist()})
    np.random.default_rng(seed).shuffle(names)
    kept = set(names[::2])
    return np.array([at for at in learnt.tolist() if units[at] in kept], np.int64)
