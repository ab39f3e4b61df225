"""Does the review queue make better models than as many random labels? Days of rendered parts.

`make flywheel`. A weak first model judges a day; a reviewer (truth, with MISTAKES) labels from the
queue alone: what FAILed, what is near the threshold, a sample of what PASSed. Beside it the same
number of labels of parts drawn at random. Then both are trained anew; TURNS times, for each seed.
Values in, values out: no station runs, the recipe is that of `qc-edge train` in small.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.dataset.item import DatasetItem
from qc_edge.plot.axes import Axes
from qc_edge.plot.canvas import Canvas, Dot, Text
from qc_edge.rendered.kinds import DefectKind
from qc_edge.rendered.part import render
from qc_edge.training.choosing import propose_threshold
from qc_edge.training.learning.backbone import pretrained
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.features import Features, compute_features
from qc_edge.training.learning.fitting import FitPlan, Fitted, fit
from qc_edge.training.learning.head import HeadPlan, head_maps
from qc_edge.training.learning.pictures import LearningPicture, on_grid
from qc_edge.training.learning.reporting import held_out_items
from qc_edge.training.metrics import auc
from qc_edge.vision.prepare import PrepareParameters, prepare

SIDE = 128
FIRST = (24, 6)
"""Good and bad parts that the first model is made of."""

DAY, TEST, LABELS, TURNS = 150, 250, 30, 4
BAD, MISTAKES, SAMPLE = 0.12, 0.03, 0.05
KINDS = (
    DefectKind.SCRATCH,
    DefectKind.STAIN,
    DefectKind.MISSING_HOLE,
    DefectKind.CHIPPED_EDGE,
)
PLAN = FitPlan(folds=3, halves=0, finals=1, head=HeadPlan(epochs=5))

_STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776}
"""Student's t at 97.5 % for so many seeds."""

Places = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class World:
    """All parts of one seed: what a model sees of them, and what they are."""

    pictures: list[LearningPicture]
    features: Features
    bad: Truths


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--out",
        type=Path,
        required=True,
        help="FILE.json; FILE.svg beside it. Goes on where it was",
    )
    options.add_argument("--seeds", type=int, default=5)
    given = options.parse_args()
    runs = json.loads(given.out.read_text())["runs"] if given.out.exists() else []
    for seed in range(len({run["seed"] for run in runs}), given.seeds):
        with tempfile.TemporaryDirectory() as place:
            runs += _turned(_world(seed, Path(place)), seed)
        _keep(runs, given.out)
    _keep(runs, given.out)


def _keep(runs: list[dict[str, Any]], file: Path) -> None:
    about = {"day": DAY, "labels_a_turn": LABELS, "mistakes": MISTAKES, "bad": BAD}
    told = {"about": about, "summary": _summary(runs), "runs": runs}
    file.write_text(json.dumps(told, indent=1) + "\n")
    print(json.dumps(told["summary"]), flush=True)
    _plot(runs, file.with_suffix(".svg"))


def _world(seed: int, place: Path) -> World:
    chance = np.random.default_rng([seed, 7])
    count = sum(FIRST) + TURNS * DAY + TEST
    bad = chance.random(count) < BAD
    bad[: sum(FIRST)] = np.arange(sum(FIRST)) >= FIRST[0]
    parameters = PrepareParameters(SIDE, SIDE, normalise=False)
    pictures = []
    for number in range(count):
        kind = KINDS[int(chance.integers(len(KINDS)))] if bad[number] else None
        severity = float(chance.uniform(0.4, 1.0)) if kind else None
        part = render(100_000 * (seed + 1) + number, kind, size=(320, 256), severity=severity)
        truth = "defect" if bad[number] else "good"
        item = DatasetItem(f"{number}", Path(f"{number}"), truth, truth, part=f"{number}")
        pixels = np.asarray(prepare(part.pixels, parameters), np.uint8)
        marks = on_grid(part.mask, (SIDE, SIDE)) if kind else None
        pictures.append(LearningPicture(item, pixels, marks, None, part.pixels.shape))
    weights = pretrained()
    features = compute_features(pictures, (SIDE, SIDE), weights, place, 1, lambda _: None)
    loaded = Features(
        tuple(np.array(tap) for tap in features.taps),
        np.array(features.statistics),
        features.shapes,
    )
    return World(pictures, loaded, bad)


def _turned(world: World, seed: int) -> list[dict[str, Any]]:
    first = np.arange(sum(FIRST))
    test = np.arange(len(world.bad) - TEST, len(world.bad))
    found = []
    begun = _fitted(world, first, world.bad[first])
    for way in ("queue", "random"):
        chance = np.random.default_rng([seed, 11])
        known, said = first, world.bad[first].copy()
        model, threshold, band = begun
        for turn in range(TURNS + 1):
            scores = _scores(world, model, test)
            bad = world.bad[test]
            failed = scores >= threshold
            found.append(
                {
                    "seed": seed,
                    "way": way,
                    "turn": turn,
                    "labels": len(known),
                    "escapes": float((~failed[bad]).mean()),
                    "overkill": float(failed[~bad].mean()),
                    "auc": auc(scores, bad),
                }
            )
            if turn == TURNS:
                break
            day = sum(FIRST) + turn * DAY + np.arange(DAY)
            queue = _queue(_scores(world, model, day), threshold, band, chance)
            chosen = queue if way == "queue" else chance.permutation(DAY)[: len(queue)]
            labels = world.bad[day[chosen]] ^ (chance.random(len(chosen)) < MISTAKES)
            known, said = np.concatenate([known, day[chosen]]), np.concatenate([said, labels])
            model, threshold, band = _fitted(world, known, said)
    return found


def _queue(
    scores: npt.NDArray[np.float64], threshold: float, band: float, chance: np.random.Generator
) -> Places:
    """As the station has it, at most LABELS: a third a sample of what PASSed, the rest what is
    near the threshold or FAILed, the nearest first.
    """
    wanted = np.flatnonzero((scores >= threshold) | (np.abs(scores - threshold) <= band))
    near = wanted[np.argsort(np.abs(scores[wanted] - threshold), kind="stable")]
    passed = np.setdiff1d(np.flatnonzero(scores < threshold), near)
    sample = chance.permutation(passed)[: max(round(SAMPLE * DAY), LABELS - len(near))]
    return np.concatenate([near[: LABELS - round(SAMPLE * DAY)], sample])[:LABELS]


def _fitted(world: World, known: Places, said: Truths) -> tuple[Fitted, float, float]:
    some = Features(
        tuple(tap[known] for tap in world.features.taps),
        world.features.statistics[known],
        world.features.shapes,
    )
    own = [world.pictures[at] for at in known.tolist()]
    units = [each.item.unit for each in own]
    # Whoever calls a bad part bad marks it; a good one called bad by mistake has no mark.
    marks = [each.marks if bad else None for each, bad in zip(own, said.tolist(), strict=True)]
    fitted = fit(Examples(some, said, marks), units, PLAN, None, lambda _: None)
    truths = ["defect" if is_bad else "good" for is_bad in said.tolist()]
    labelled = [
        LearningPicture(
            DatasetItem(each.item.name, each.item.image, truth, truth),
            each.pixels,
            None,
            None,
            each.shape,
        )
        for each, truth in zip(own, truths, strict=True)
    ]
    threshold, band = propose_threshold(held_out_items(labelled, fitted.held_out), 3.0)
    return fitted, threshold, band


def _scores(world: World, model: Fitted, at: Places) -> npt.NDArray[np.float64]:
    maps = head_maps(world.features, at.tolist(), model.head)
    highest = maps.reshape(len(at), -1).max(axis=1).astype(np.float64)
    return model.fusion.scores(highest, model.probe.scores(world.features.statistics[at, 0]))


def _summary(runs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean and half of the 95 % interval over seeds."""
    found = []
    for way in ("queue", "random"):
        for turn in range(TURNS + 1):
            own = [run for run in runs if run["way"] == way and run["turn"] == turn]
            row: dict[str, Any] = {"way": way, "turn": turn}
            for name in ("escapes", "overkill", "auc", "labels"):
                values = np.array([run[name] for run in own])
                error = values.std(ddof=1) / len(values) ** 0.5 if len(values) > 1 else 0.0
                half = _STUDENT.get(len(values), 2.0) * float(error)
                row[name] = [round(float(values.mean()), 4), round(half, 4)]
            found.append(row)
    return found


def _plot(runs: list[dict[str, Any]], file: Path) -> None:
    """Means over seeds with their intervals, of both ways, as SVG."""
    seeds = len({run["seed"] for run in runs})
    title = f"{seeds} seeds, mean and 95 % interval over them"
    canvas = Canvas(1080, 330, title)
    summary = _summary(runs)
    for number, name in enumerate(("escapes", "overkill", "auc")):
        axes = Axes(canvas, 60 + 345 * number, 60, 280, 200, 160.0, 1.0)
        ticks = [(30.0 * turn, f"{30 * turn}") for turn in range(1, TURNS + 2)]
        axes.draw(name, "labels", "", ticks, [(tick / 4, f"{tick / 4:g}") for tick in range(5)])
        for way, colour, aside in (("queue", "#2563eb", -1.5), ("random", "#d97706", 1.5)):
            rows = [row for row in summary if row["way"] == way]
            points = [(axes.x(row["labels"][0] + aside), axes.y(row[name][0])) for row in rows]
            canvas.line(points, colour, 2.0)
            for row, (x, y) in zip(rows, points, strict=True):
                mean, half = row[name]
                canvas.line([(x, axes.y(mean - half)), (x, axes.y(mean + half))], colour)
                canvas.add(Dot(x, y, 3.0, colour))
    canvas.add(Text(60, 318, f"blue: the queue, orange: random labels; {title}", 12))
    file.write_text(canvas.svg())


if __name__ == "__main__":
    main()
