"""A model fitted: a head for each fold, all as one; a probe; fused on what neither had learnt from.

Knows no files but what a killed training needs to go on.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.store.durable import write_file
from qc_edge.training.learning.folds import Places, grouped_folds, half_of
from qc_edge.training.learning.fusion import Fusion, fit_fusion
from qc_edge.training.learning.head import (
    Examples,
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
    from half of their groups, to see what more parts would bring.
    """

    folds: int = 3
    seed: int = 1
    head: HeadPlan = field(default_factory=HeadPlan)
    penalty: float = 0.01
    halves: int = 1

    @property
    def steps(self) -> int:
        """Heads and probes that are learnt."""
        return 2 * (self.folds + self.halves) + 1


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
    learner = _FoldLearner(examples, plan, kept, advance)
    head_scores, probe_scores = np.zeros(len(bad)), np.zeros(len(bad))
    shape = examples.features.shapes[1]
    maps = np.zeros((len(bad), shape.height, shape.width), np.float32)
    heads = []
    for fold in range(plan.folds):
        learnt, out = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        head, probe = learner.learn(learnt, out, f"fold {fold + 1}", plan.seed * 100 + fold)
        heads.append(head)
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
        head, probe = learner.learn(fewer, out, "half the parts", plan.seed * 100 + 50 + fold)
        found = head_maps(examples.features, out.tolist(), head, device=plan.head.device)
        highest = found.reshape(len(out), -1).max(axis=1).astype(np.float64)
        probed = probe.scores(examples.features.statistics[out, 0])
        half.append((out, fusion.scores(_alike(highest, head_scores[out]), probed), scores[out]))
    advance("the probe of all")
    probe = learn_probe(examples.features, bad, np.arange(len(bad)), plan.penalty)
    held_out = HeldOut(scores, fusion.cells(maps), folds)
    return Fitted(HeadWeights.average(heads), probe, fusion, held_out, half)


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
class _FoldLearner:
    examples: Examples
    plan: FitPlan
    kept: Path | None
    advance: Advance

    def learn(
        self, learnt: Places, held_out: Places, name: str, seed: int
    ) -> tuple[HeadWeights, ProbeWeights]:
        """Head and probe of one fold; from the file of a training that was killed."""
        self.advance(f"{name}: head")
        file = None if self.kept is None else self.kept / f"{self._identity(learnt, seed)}.npz"
        if file is not None and file.exists():
            try:
                found = _read(file.read_bytes())
            except (OSError, ValueError, KeyError):
                file.unlink()  # half written by a disk that was pulled: it is learnt again
            else:
                self.advance(f"{name}: probe")
                return found
        head = learn_head(self.examples, learnt, held_out, self.plan.head, seed, lambda: None)
        self.advance(f"{name}: probe")
        probe = learn_probe(self.examples.features, self.examples.bad, learnt, self.plan.penalty)
        if file is not None:
            write_file(file, _written(head, probe))
        return head, probe

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


def _written(head: HeadWeights, probe: ProbeWeights) -> bytes:
    values: dict[str, Any] = {f"mixer{number}": each for number, each in enumerate(head.mixers)}
    values |= {"bias": head.bias, "out": head.out, "out_bias": np.float64(head.out_bias)}
    values |= {"probe": probe.weights, "probe_bias": np.float64(probe.bias)}
    target = io.BytesIO()
    np.savez(target, **values)
    return target.getvalue()


def _read(data: bytes) -> tuple[HeadWeights, ProbeWeights]:
    with np.load(io.BytesIO(data)) as found:
        mixers = tuple(found[f"mixer{number}"] for number in range(4))
        head = HeadWeights(mixers, found["bias"], found["out"], float(found["out_bias"]))
        return head, ProbeWeights(found["probe"], float(found["probe_bias"]))
