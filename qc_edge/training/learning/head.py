"""A head that gives a map of defects: some 50,000 weights on frozen features, learnt with PyTorch.

Each map of features goes through a 1 x 1 convolution to HIDDEN channels (of the finest one the mean
and the highest of 2 x 2 cells); all are added at the middle grid, rectified, and weighed to one
value a cell. The score of a picture is its highest cell.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.errors import ModelError
from qc_edge.training.learning.examples import Examples
from qc_edge.training.learning.features import FLIPS, Features
from qc_edge.training.learning.head_loss import head_loss
from qc_edge.training.metrics import auc

HIDDEN = 96

_BAD_SHARE = 0.4
"""Of a batch: defects are rare, and would hardly be seen."""

_RATE, _DECAY, _DROPOUT = 3e-3, 0.05, 0.25

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class HeadPlan:
    """How a head is learnt. `patience` epochs without a better validation end it, 0: none."""

    epochs: int = 10
    patience: int = 4
    batch: int = 32
    device: str = "cpu"


@dataclass(frozen=True, slots=True, eq=False)
class HeadWeights:
    """A learnt head: `mixers` are 1 x 1 convolutions [hidden, channels] of the maps (of the finest
    one's mean), and the last one of the finest map's highest; the standardisation is in them.
    """

    mixers: tuple[Floats, ...]
    bias: Floats
    out: Floats
    out_bias: float

    @staticmethod
    def average(heads: Sequence[HeadWeights]) -> HeadWeights:
        """One wide head whose map is the mean of the maps of all."""
        count = len(heads)
        return HeadWeights(
            tuple(
                np.concatenate([head.mixers[number] for head in heads])
                for number in range(len(heads[0].mixers))
            ),
            np.concatenate([head.bias for head in heads]),
            np.asarray(np.concatenate([head.out for head in heads]) / count, np.float32),
            float(np.mean([head.out_bias for head in heads])),
        )


def learn_head(
    examples: Examples,
    learnt: npt.NDArray[np.int64],
    held_out: npt.NDArray[np.int64],
    plan: HeadPlan,
    seed: int,
) -> HeadWeights:
    """A head learnt from some pictures; it stops by the others, if the plan has patience. Raises
    ModelError for a loss that is no number, torch.OutOfMemoryError.
    """
    import torch

    torch.manual_seed(seed)
    # On CUDA some of what is used has no such form: there it is repeatable but for rounding.
    torch.use_deterministic_algorithms(mode=True, warn_only=plan.device != "cpu")
    chance = np.random.default_rng(seed)
    learner = _Learner(examples, plan, _standard(examples.features, learnt))
    rounds = max(12, -(-len(learnt) // plan.batch))
    optimiser = torch.optim.AdamW(learner.parameters, lr=_RATE, weight_decay=_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, max_lr=_RATE, total_steps=plan.epochs * rounds, pct_start=0.3
    )
    best, best_auc, waited = learner.weights(), -1.0, 0
    for epoch in range(plan.epochs):
        for _ in range(rounds):
            loss = learner.loss(_drawn(examples.bad, learnt, plan.batch, chance), chance)
            if not torch.isfinite(loss):
                raise ModelError(
                    f"the loss is no number any more in epoch {epoch + 1}",
                    hint="is a picture or its mask damaged? qc-edge dataset check; or --seed 2",
                )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
        weights = learner.weights()
        if not plan.patience:
            best = weights
            continue
        found = _validated(examples, held_out, weights, plan)
        if found > best_auc:
            best, best_auc, waited = weights, found, 0
        else:
            waited += 1
        if waited >= plan.patience:
            break
    return best


def head_maps(
    features: Features, at: Sequence[int], weights: HeadWeights, flip: int = 0, device: str = "cpu"
) -> Floats:
    """The maps of pictures [picture, height, width]."""
    import torch

    found = []
    with torch.no_grad():
        parameters = [torch.from_numpy(each).to(device) for each in weights.mixers]
        bias, out = (torch.from_numpy(each).to(device) for each in (weights.bias, weights.out))
        for start in range(0, len(at), 64):
            taps = _tensors(features, list(at[start : start + 64]), flip, device)
            hidden = torch.relu(_mixed(taps, parameters, bias))
            plane = torch.conv2d(hidden, out[None, :, None, None])[:, 0] + weights.out_bias
            found.append(plane.cpu().numpy())
    return np.concatenate(found)


class _Learner:
    """The weights while they are learnt."""

    def __init__(self, examples: Examples, plan: HeadPlan, standard: list[tuple[Floats, Floats]]):
        import torch

        self._examples, self._plan = examples, plan
        device = plan.device
        self._standard = [
            tuple(torch.from_numpy(each).to(device)[None, :, None, None] for each in pair)
            for pair in standard
        ]
        channels = [shape.channels for shape in examples.features.shapes]
        channels.append(channels[0])
        scale = (1.0 / sum(channels)) ** 0.5
        self._mixers = [
            (torch.randn(HIDDEN, count) * scale).to(device).requires_grad_() for count in channels
        ]
        self._bias = torch.zeros(HIDDEN, device=device, requires_grad=True)
        self._out = (torch.randn(HIDDEN) * HIDDEN**-0.5).to(device).requires_grad_()
        self._out_bias = torch.tensor(-2.0, device=device, requires_grad=True)
        self.parameters = [*self._mixers, self._bias, self._out, self._out_bias]

    def loss(self, drawn: npt.NDArray[np.int64], chance: np.random.Generator) -> Any:
        """Of a batch."""
        import torch
        from torch.nn import functional

        flips = chance.integers(0, len(FLIPS), len(drawn))
        device = self._plan.device
        taps = [
            (tap - mean) / deviation
            for tap, (mean, deviation) in zip(
                _tensors(self._examples.features, drawn, flips, device), self._standard, strict=True
            )
        ]
        hidden = torch.relu(_mixed(taps, self._mixers, self._bias))
        hidden = functional.dropout2d(hidden, _DROPOUT, training=True)
        plane = torch.conv2d(hidden, self._out[None, :, None, None])[:, 0] + self._out_bias
        marks = np.stack(
            [
                self._examples.flipped_marks(at, flip)
                for at, flip in zip(drawn.tolist(), flips.tolist(), strict=True)
            ]
        )
        bad = torch.from_numpy(self._examples.bad[drawn].astype(np.float32)).to(device)
        return head_loss(plane.flatten(1), torch.from_numpy(marks).to(device).flatten(1), bad)

    def weights(self) -> HeadWeights:
        """As they are now, with the standardisation in them."""
        arrays = [each.detach().cpu().numpy().copy() for each in self.parameters]
        *mixers, bias, out, out_bias = arrays
        folded = []
        for number, mixer in enumerate(mixers):
            mean, deviation = (each.flatten().cpu().numpy() for each in self._standard[number % 3])
            folded.append((mixer / deviation).astype(np.float32))
            bias = bias - folded[-1] @ mean
        return HeadWeights(tuple(folded), bias.astype(np.float32), out, float(out_bias))


def _mixed(taps: Sequence[Any], mixers: Sequence[Any], bias: Any) -> Any:
    """All maps at the middle grid, added."""
    import torch
    from torch.nn import functional

    mean, highest = functional.avg_pool2d(taps[0], 2), functional.max_pool2d(taps[0], 2)
    fine = torch.cat([mixers[0], mixers[3], mixers[1]], dim=1)[:, :, None, None]
    found = functional.conv2d(torch.cat([mean, highest, taps[1]], dim=1), fine, bias)
    mixed = functional.conv2d(taps[2], mixers[2][:, :, None, None])
    size = found.shape[2:]
    return found + functional.interpolate(mixed, size, mode="bilinear", align_corners=False)


def _tensors(features: Features, at: Any, flips: Any, device: str) -> list[Any]:
    """The maps of some pictures, each in one orientation."""
    import torch

    return [torch.from_numpy(tap[at, flips].astype(np.float32)).to(device) for tap in features.taps]


def _drawn(
    bad: npt.NDArray[np.bool_],
    learnt: npt.NDArray[np.int64],
    batch: int,
    chance: np.random.Generator,
) -> npt.NDArray[np.int64]:
    defects, goods = learnt[bad[learnt]], learnt[~bad[learnt]]
    count = round(batch * _BAD_SHARE)
    return np.concatenate([chance.choice(defects, count), chance.choice(goods, batch - count)])


def _standard(features: Features, learnt: npt.NDArray[np.int64]) -> list[tuple[Floats, Floats]]:
    """Mean and deviation of each channel, over what is learnt from."""
    some = learnt[:: 1 + len(learnt) // 200]
    found = []
    for tap in features.taps:
        values = tap[some, 0].astype(np.float32)
        mean, deviation = values.mean(axis=(0, 2, 3)), values.std(axis=(0, 2, 3))
        found.append((mean, np.maximum(deviation, 1e-3).astype(np.float32)))
    return found


def _validated(
    examples: Examples, held_out: npt.NDArray[np.int64], weights: HeadWeights, plan: HeadPlan
) -> float:
    maps = head_maps(examples.features, held_out.tolist(), weights, device=plan.device)
    found = auc(maps.reshape(len(maps), -1).max(axis=1).astype(np.float64), examples.bad[held_out])
    return 0.0 if np.isnan(found) else found
