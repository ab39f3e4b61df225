"""How well `qc-edge train` does on real photographs, on parts that are held out twice over.

`python -m tests.bench.training DATASET --only magnetic_tile --features DIR --out FILE.json`, with
the extra `train`. For each split four folds of groups: the recipe is fitted on three of them as a
user would (its own folds, fusion, calibration and threshold are inside), and judged on the fourth.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.dataset.reading import open_dataset
from qc_edge.training.choosing import propose_threshold
from qc_edge.training.evaluation import evaluate_items
from qc_edge.training.learning.backbone import pretrained
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.features import Features, compute_features
from qc_edge.training.learning.fitting import FitPlan, HeldOut, fit
from qc_edge.training.learning.folds import grouped_folds
from qc_edge.training.learning.head import head_maps
from qc_edge.training.learning.pictures import (
    LearningPicture,
    learning_pictures,
    proposed_size,
)
from qc_edge.training.learning.reporting import held_out_items
from qc_edge.training.metrics import auc, bootstrap, grouped

FOLDS = 4


def main() -> None:
    options = _options()
    items = [
        item for item in open_dataset(options.dataset).items if item.name.startswith(options.only)
    ]
    size = proposed_size(items)
    pictures = learning_pictures(items, size, lambda: None).pictures
    features = compute_features(
        pictures, size, pretrained(), options.features / options.only, 1, lambda _: None
    )
    told: dict[str, Any] = {"product": options.only, "pictures": len(pictures), "size": size}
    told["groups"] = len({each.item.unit for each in pictures})
    told["splits"] = {}
    for seed in map(int, options.splits.split(",")):
        told["splits"][str(seed)] = _split(pictures, features, seed)
        options.out.write_text(json.dumps(told, indent=1) + "\n")
        print(json.dumps(told["splits"][str(seed)], indent=1), flush=True)


def _split(pictures: list[LearningPicture], features: Features, seed: int) -> dict[str, Any]:
    bad = np.array([each.is_bad for each in pictures], bool)
    units = [each.item.unit for each in pictures]
    folds = grouped_folds(units, bad, FOLDS, seed)
    shape = features.shapes[1]
    scores, probes = np.zeros(len(bad)), np.zeros(len(bad))
    maps = np.zeros((len(bad), shape.height, shape.width), np.float32)
    by_fold = []
    for fold in range(FOLDS):
        learnt, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        begun = time.process_time()
        own = [pictures[at] for at in learnt.tolist()]
        examples = _examples(features, learnt, own)
        plan = replace(FitPlan(), halves=0)
        fitted = fit(examples, [each.item.unit for each in own], plan, None, lambda _: None)
        seconds = time.process_time() - begun
        planes = head_maps(features, out.tolist(), fitted.head)
        highest = planes.reshape(len(out), -1).max(axis=1).astype(np.float64)
        probed = fitted.probe.scores(features.statistics[out, 0])
        scores[out] = fitted.fusion.scores(highest, probed)
        fusion = fitted.fusion
        probes[out] = (probed - fusion.probe_mean) / fusion.probe_deviation
        maps[out] = planes
        threshold, _ = propose_threshold(held_out_items(own, fitted.held_out), 1.0)
        by_fold.append(
            {
                "auc": auc(scores[out], bad[out]),
                "probe": auc(probes[out], bad[out]),
                "head": auc(highest, bad[out]),
                "recall": float((scores[out] >= threshold)[bad[out]].mean()),
                "false_alarms": float((scores[out] >= threshold)[~bad[out]].mean()),
                "cpu_seconds": round(seconds),
            }
        )
        print(seed, fold, by_fold[-1], flush=True)
    members = grouped(units)
    gain = bootstrap(members, lambda at: auc(scores[at], bad[at]) - auc(probes[at], bad[at]))
    scored = held_out_items(pictures, HeldOut(scores, maps, folds))
    found = evaluate_items(scored, 0.5)
    pointing = found.pointing
    return {
        "mean_auc": float(np.mean([each["auc"] for each in by_fold])),
        "mean_probe": float(np.mean([each["probe"] for each in by_fold])),
        "mean_head": float(np.mean([each["head"] for each in by_fold])),
        "pooled_auc": asdict(found.auc),
        "gain_over_probe": asdict(gain),
        "calibration_error": found.calibration_error,
        "pointing": asdict(pointing.hits) if pointing else None,
        "pointing_chance": pointing.chance if pointing else None,
        "baseline": [found.baseline.name, found.baseline.auc] if found.baseline else None,
        "folds": by_fold,
    }


def _examples(
    features: Features, at: npt.NDArray[np.int64], own: list[LearningPicture]
) -> Examples:
    some = Features(
        tuple(np.asarray(tap[at]) for tap in features.taps),
        np.asarray(features.statistics[at]),
        features.shapes,
    )
    bad = np.array([each.is_bad for each in own], bool)
    return Examples(some, bad, [each.marks for each in own])


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--splits", default="1,2")
    parser.add_argument("--features", type=Path, required=True, help="where they are kept")
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
