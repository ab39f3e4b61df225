"""How well `qc-edge train` does on real photographs, on parts that are held out twice over.

`python -m tests.bench.training DATASET --only magnetic_tile --features DIR --out FILE`, with the
extra `train`. For each split four folds of groups: the recipe is fitted on three of them as a user
would (its own folds, fusion, calibration and threshold are inside), and judged on the fourth.

Each fold is a line of FILE.jsonl when it is done, and is not measured again by the same command;
FILE.json has the figures of what is there.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.dataset.reading import open_dataset
from qc_edge.training.baseline import best_baseline
from qc_edge.training.choosing import propose_threshold
from qc_edge.training.grouped_share import grouped_share
from qc_edge.training.learning.backbone import pretrained
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.features import FLIPS, Features, compute_features
from qc_edge.training.learning.fitting import FitPlan, Fitted, HeldOut, fit
from qc_edge.training.learning.folds import grouped_folds
from qc_edge.training.learning.head import head_maps
from qc_edge.training.learning.pictures import (
    LearningPicture,
    learning_pictures,
    proposed_size,
)
from qc_edge.training.learning.reporting import held_out_items
from qc_edge.training.metrics import Estimate, auc, bootstrap, grouped
from qc_edge.training.pointing import pointing

FOLDS = 4
SCORES = ("fused", "head", "probe", "two_flips", "four_flips")


@dataclass(frozen=True, slots=True)
class Product:
    """The pictures of one product, and where its features and learnt heads are kept."""

    name: str
    pictures: list[LearningPicture]
    features: Features
    kept: Path

    @property
    def units(self) -> list[str]:
        """The group of each picture."""
        return [each.item.unit for each in self.pictures]

    @property
    def bad(self) -> npt.NDArray[np.bool_]:
        """The truth of each picture."""
        return np.array([each.is_bad for each in self.pictures], bool)


def main() -> None:
    options = _options()
    product = _product(options)
    lines = options.out.with_suffix(".jsonl")
    rows = [json.loads(line) for line in lines.read_text().splitlines()] if lines.exists() else []
    for split in map(int, options.splits.split(",")):
        folds = grouped_folds(product.units, product.bad, FOLDS, split)
        for fold in range(FOLDS):
            if any((row["split"], row["fold"]) == (split, fold) for row in rows):
                continue
            row = {"split": split, "fold": fold} | _measured(product, folds, fold)
            rows.append(row)
            with lines.open("a") as file:
                file.write(json.dumps(row) + "\n")
            told = {"product": product.name, "pictures": len(product.pictures)}
            told |= {"groups": len(set(product.units)), "splits": summary(rows)}
            options.out.with_suffix(".json").write_text(json.dumps(told, indent=1) + "\n")
            print({key: value for key, value in row.items() if key != "each"}, flush=True)


def _product(options: argparse.Namespace) -> Product:
    found = open_dataset(options.dataset).items
    items = [item for item in found if item.name.startswith(options.only)]
    size = proposed_size(items)
    pictures = learning_pictures(items, size, lambda: None).pictures
    kept = options.features / (options.only or "all")
    features = compute_features(pictures, size, pretrained(), kept, 1, lambda _: None)
    return Product(options.only, pictures, features, kept)


def _measured(product: Product, folds: npt.NDArray[np.int64], fold: int) -> dict[str, Any]:
    """One fold: fitted on the others, judged on it."""
    learnt, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
    own = [product.pictures[at] for at in learnt.tolist()]
    units = [each.item.unit for each in own]
    begun = time.process_time()
    examples = _examples(product.features, learnt, own)
    fitted = fit(examples, units, replace(FitPlan(), halves=0), product.kept, lambda _: None)
    seconds = time.process_time() - begun
    scores, maps = _scored(product.features, out, fitted)
    threshold, _ = propose_threshold(held_out_items(own, fitted.held_out), 1.0)
    bad = product.bad[out]
    judged = [product.pictures[at] for at in out.tolist()]
    items = held_out_items(judged, HeldOut(scores["fused"], maps, folds[out]))
    pointed, baseline = pointing(items), best_baseline(items)
    missed = set(pointed.missed if pointed else ())
    failed = scores["fused"] >= threshold
    return {
        **{name: auc(scores[name], bad) for name in SCORES},
        "recall": float(failed[bad].mean()),
        "false_alarms": float(failed[~bad].mean()),
        "baseline": [baseline.name, baseline.auc] if baseline else None,
        "pointing_chance": pointed.chance if pointed else None,
        "cpu_seconds": round(seconds),
        "each": {
            "name": [each.item.name for each in judged],
            "unit": [each.item.unit for each in judged],
            "bad": bad.tolist(),
            "failed": failed.tolist(),
            "points": [
                each.item.name not in missed if each.marks is not None else None for each in judged
            ],
            **{name: np.round(scores[name], 5).tolist() for name in SCORES},
        },
    }


def _scored(
    features: Features, out: npt.NDArray[np.int64], fitted: Fitted
) -> tuple[dict[str, npt.NDArray[np.float64]], npt.NDArray[np.float32]]:
    """Each score of SCORES of the pictures, and their maps."""
    highest, probed, first = [], [], None
    for flip in range(len(FLIPS)):
        planes = head_maps(features, out.tolist(), fitted.head, flip)
        first = planes if first is None else first
        highest.append(planes.reshape(len(out), -1).max(axis=1).astype(np.float64))
        probed.append(fitted.probe.scores(features.statistics[out, flip]))
    assert first is not None
    fusion = fitted.fusion

    def fused(flips: int) -> npt.NDArray[np.float64]:
        head = np.asarray(np.mean(highest[:flips], axis=0), np.float64)
        return fusion.scores(head, np.asarray(np.mean(probed[:flips], axis=0), np.float64))

    scores = {"fused": fused(1), "two_flips": fused(2), "four_flips": fused(4)}
    scores |= {"head": highest[0], "probe": probed[0]}
    return scores, fusion.cells(first)


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


def summary(rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Of each split: means over its folds, with intervals over groups drawn anew."""
    found = {}
    for split in sorted({row["split"] for row in rows}):
        own = [row for row in rows if row["split"] == split]
        each = {name: np.concatenate([row["each"][name] for row in own]) for name in own[0]["each"]}
        of = np.repeat([row["fold"] for row in own], [len(row["each"]["bad"]) for row in own])
        members = grouped(each["unit"].tolist())
        hits = [
            (bool(hit), unit)
            for hit, unit in zip(each["points"], each["unit"], strict=True)
            if hit is not None
        ]
        share = grouped_share([hit for hit, _ in hits], [unit for _, unit in hits])
        found[str(split)] = {
            "folds": len(own),
            **{name: _spread(each, of, members, name) for name in SCORES},
            "over_probe": _spread(each, of, members, "fused", "probe"),
            "four_flips_over_one": _spread(each, of, members, "four_flips", "fused"),
            "pointing": share.to_json_values(),
            "recall": [row["recall"] for row in own],
            "false_alarms": [row["false_alarms"] for row in own],
            "cpu_seconds": [row["cpu_seconds"] for row in own],
        }
    return found


def _spread(
    each: dict[str, Any],
    of: npt.NDArray[np.int64],
    members: Sequence[npt.NDArray[np.int64]],
    name: str,
    less: str | None = None,
) -> dict[str, Any]:
    """The mean over folds of the area of `name`, less that of `less`; each fold has its scale."""
    bad = each["bad"].astype(bool)

    def figure(at: npt.NDArray[np.int64]) -> float:
        areas = []
        for fold in np.unique(of):
            own = at[of[at] == fold]
            area = auc(each[name][own], bad[own])
            areas.append(area - auc(each[less][own], bad[own]) if less else area)
        return float(np.mean(areas))  # of a draw without good or bad ones in a fold: NaN

    found: Estimate = bootstrap(members, figure)
    return asdict(found)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--only", default="", help="names that begin so")
    parser.add_argument("--splits", default="1,2")
    parser.add_argument("--features", type=Path, required=True, help="where they are kept")
    parser.add_argument("--out", type=Path, required=True, help="FILE; its ending is replaced")
    return parser.parse_args()


if __name__ == "__main__":
    main()
