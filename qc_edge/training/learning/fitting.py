"""A model fitted: a head for each fold, all as one; a probe; fused on what neither had learnt from.

Knows no files but what a killed training needs to go on.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.store.durable import write_file
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.folds import Places, grouped_folds, half_of
from qc_edge.training.learning.fusion import Fusion, fit_fusion
from qc_edge.training.learning.head import (
    HeadPlan,
    HeadWeights,
    head_maps,
    learn_head,
)
from qc_edge.training.learning.logistic import ProbeWeights, learn_probe
from qc_edge.training.learning.memory import PatchMemory, calibrated, learn_memory

Floats = npt.NDArray[np.float32]
Scores = npt.NDArray[np.float64]
Advance = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class FitPlan:
    """How it is fitted: `penalty` is the probe's; `halves` says how many folds are learnt once more
    from half of their groups, to see what more parts would bring; `finals` how many heads from all
    parts make up the model's.
    """

    folds: int = 3
    seed: int = 1
    head: HeadPlan = field(default_factory=HeadPlan)
    penalty: float = 0.05
    halves: int = 1
    finals: int = 3

    @property
    def heads(self) -> int:
        """That are learnt."""
        return self.folds + self.halves + self.finals


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """What each picture got from the model that had not learnt from its part."""

    scores: Scores
    maps: Floats
    folds: Places


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """The model, and what it did on pictures that it had not learnt from.

    `half` are (fold, area with half of the parts, with all of them).
    """

    head: HeadWeights
    probe: ProbeWeights
    fusion: Fusion
    held_out: HeldOut
    half: Sequence[tuple[Places, Scores, Scores]]


def fit(
    examples: Examples, units: Sequence[str], plan: FitPlan, kept: Path | None, advance: Advance
) -> Fitted:
    """Fit it. What `kept` has of the same plan and pictures is not learnt again."""
    bad = examples.bad
    folds = grouped_folds(units, bad, plan.folds, plan.seed)
    learner = _Learner(examples, plan, kept)
    head_scores, probe_scores = np.zeros(len(bad)), np.zeros(len(bad))
    shape = examples.features.shapes[1]
    maps = np.zeros((len(bad), shape.height, shape.width), np.float32)
    for fold in range(plan.folds):
        learnt, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        advance(f"fold {fold + 1} of {plan.folds}")
        head, probe = learner.head(learnt, out, plan.seed * 100 + fold), learner.probe(learnt)
        maps[out] = head_maps(examples.features, out.tolist(), head, device=plan.head.device)
        head_scores[out] = maps[out].reshape(len(out), -1).max(axis=1)
        probe_scores[out] = probe.scores(examples.features.statistics[out, 0])
    fusion = fit_fusion(head_scores, probe_scores, bad)
    scores = fusion.scores(head_scores, probe_scores)
    half = []
    for fold in range(min(plan.halves, plan.folds)):
        learnt, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        fewer = half_of(units, learnt, plan.seed)
        if not 0 < bad[fewer].sum() < len(fewer):
            continue
        advance("half the parts")
        head, probe = learner.head(fewer, out, plan.seed * 100 + 50 + fold), learner.probe(fewer)
        found = head_maps(examples.features, out.tolist(), head, device=plan.head.device)
        highest = found.reshape(len(out), -1).max(axis=1).astype(np.float64)
        probed = probe.scores(examples.features.statistics[out, 0])
        half.append((out, fusion.scores(_alike(highest, head_scores[out]), probed), scores[out]))
    everything, nothing = np.arange(len(bad)), np.arange(0)
    heads = []
    for number in range(plan.finals):
        advance(f"all parts, {number + 1} of {plan.finals}")
        heads.append(learner.head(everything, nothing, plan.seed * 100 + 70 + number))
    held_out = HeldOut(scores, fusion.cells(maps), folds)
    return Fitted(HeadWeights.average(heads), learner.probe(everything), fusion, held_out, half)


@dataclass(frozen=True, slots=True, eq=False)
class FittedMemory:
    """A memory of good parts, and what good parts got from one that had not learnt from them."""

    memory: PatchMemory
    held_out: HeldOut


def fit_memory(
    examples: Examples, units: Sequence[str], plan: FitPlan, advance: Advance
) -> FittedMemory:
    """From good parts alone."""
    folds = grouped_folds(units, examples.bad, plan.folds, plan.seed)
    shape = examples.features.shapes[1]
    far = np.zeros((len(folds), shape.height, shape.width), np.float32)
    for fold in range(plan.folds):
        advance(f"fold {fold + 1}")
        memory = learn_memory(examples.features, np.flatnonzero(folds != fold), plan.seed)
        out = np.flatnonzero(folds == fold)
        far[out] = memory.distances(examples.features, out.tolist())
    advance("the memory of all")
    memory = learn_memory(examples.features, np.arange(len(folds)), plan.seed)
    memory = calibrated(memory, far.reshape(len(folds), -1).max(axis=1))
    maps = memory.scores(far)
    scores = maps.reshape(len(maps), -1).max(axis=1).astype(np.float64)
    return FittedMemory(memory, HeldOut(scores, maps, folds))


@dataclass(frozen=True, slots=True)
class _Learner:
    examples: Examples
    plan: FitPlan
    kept: Path | None

    def probe(self, learnt: Places) -> ProbeWeights:
        """Learnt from these."""
        features, bad = self.examples.features, self.examples.bad
        return learn_probe(features, bad, learnt, self.plan.penalty)

    def head(self, learnt: Places, held_out: Places, seed: int) -> HeadWeights:
        """Learnt from these, stopped by what is held out, or after all epochs; from the file of a
        training that was killed.
        """
        file = None if self.kept is None else self.kept / f"{self._identity(learnt, seed)}.npz"
        if file is not None and file.exists():
            try:
                return _read(file.read_bytes())
            except (OSError, ValueError, KeyError):
                file.unlink()  # of a disk that was pulled: it is learnt again
        plan = self.plan.head if len(held_out) else replace(self.plan.head, patience=0)
        head = learn_head(self.examples, learnt, held_out, plan, seed)
        if file is not None:
            write_file(file, _written(head))
        return head

    def _identity(self, learnt: Places, seed: int) -> str:
        digest = hashlib.sha256(f"{self.plan} {seed}".encode())
        digest.update(learnt.astype(np.int64).tobytes())
        digest.update(self.examples.bad.tobytes())
        digest.update(np.ascontiguousarray(self.examples.features.statistics[:, 0]).data)
        for marks in self.examples.marks:
            digest.update(b"-" if marks is None else marks.tobytes())
        return digest.hexdigest()[:32]


def _alike(scores: Scores, others: Scores) -> Scores:
    """On the scale of other scores: heads that were learnt apart have scales of their own."""
    spread = max(float(scores.std()), 1e-6)
    moved = (scores - scores.mean()) / spread * others.std() + others.mean()
    return np.asarray(moved, np.float64)


def _written(head: HeadWeights) -> bytes:
    values: dict[str, Any] = {f"mixer{number}": each for number, each in enumerate(head.mixers)}
    values |= {"bias": head.bias, "out": head.out, "out_bias": np.float64(head.out_bias)}
    target = io.BytesIO()
    np.savez(target, **values)
    return target.getvalue()


def _read(data: bytes) -> HeadWeights:
    with np.load(io.BytesIO(data)) as found:
        mixers = tuple(found[f"mixer{number}"] for number in range(4))
        return HeadWeights(mixers, found["bias"], found["out"], float(found["out_bias"]))
