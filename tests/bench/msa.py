"""The studies of qc_edge.discipline.msa beside statsmodels and scipy, not needed by it.

`python -m venv V; V/bin/pip install statsmodels`, then with both on the path:
`PYTHONPATH=.:V/lib/python3.11/site-packages python -m tests.bench.msa`
"""

from __future__ import annotations

import importlib
import json
import sys
from itertools import combinations

import numpy as np

from qc_edge.discipline.msa.attribute import analyse_attribute, fleiss_kappa
from qc_edge.discipline.msa.gauge import analyse_values
from qc_edge.domain.reporting.binomial import exact_interval, f_above
from tests.discipline.published_msa import AIAG_GAUGE
from tests.discipline.test_msa import aiag_trials


def main() -> None:
    """Print the largest differences as JSON."""
    scipy = importlib.import_module("scipy")
    stats = importlib.import_module("scipy.stats")
    models = importlib.import_module("statsmodels")
    rater = importlib.import_module("statsmodels.stats.inter_rater")
    trials = aiag_trials()
    study = analyse_attribute(trials)
    by = {name: [t.is_good for t in trials if t.appraiser == name] for name in "ABC"}
    cohen = []
    for a, b in combinations("ABC", 2):
        table = np.zeros((2, 2))
        for first, second in zip(by[a], by[b], strict=True):
            table[int(bool(first)), int(bool(second))] += 1
        theirs = rater.cohens_kappa(table, return_results=False)
        cohen.append(abs(theirs - (study.kappas[a, b] or 0)))
    parts = sorted({t.part for t in trials})
    good = {p: sum(bool(t.is_good) for t in trials if t.part == p) for p in parts}
    counts = [(good[p], 9 - good[p]) for p in parts]
    fleiss = abs(rater.fleiss_kappa(np.array(counts)) - (fleiss_kappa(counts) or 0))
    intervals = [
        abs(theirs - ours)
        for k, n in ((0, 48), (3, 48), (42, 50), (102, 102), (5, 100_000))
        for theirs, ours in zip(
            (
                stats.beta.ppf(0.025, k, n - k + 1) if k else 0.0,
                stats.beta.ppf(0.975, k + 1, n - k) if k < n else 1.0,
            ),
            exact_interval(k, n) or (),
            strict=True,
        )
    ]
    f = [
        abs(stats.f.sf(value, a, b) - f_above(value, a, b))
        for value in (0.1, 0.434, 1.0, 4.0, 40.0)
        for a, b in ((18, 60), (2, 18), (9, 78), (1, 1))
    ]
    gauge = {row.source: row.p for row in analyse_values(np.array(AIAG_GAUGE)).table}
    json.dump(
        {
            "what": "largest differences from scipy and statsmodels",
            "scipy": scipy.__version__,
            "statsmodels": models.__version__,
            "cohen_kappa_aiag": max(cohen),
            "fleiss_kappa_aiag": fleiss,
            "clopper_pearson": max(intervals),
            "f_distribution": max(f),
            "p_of_aiag_gauge": gauge,
        },
        sys.stdout,
        indent=1,
    )


if __name__ == "__main__":
    main()
