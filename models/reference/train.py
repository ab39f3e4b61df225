"""Train the reference model and write its bundle: `python models/reference/train.py` (CPU,
minutes).

Needs `pip install -e .[train]`. Everything follows from the recipes below; weights agree between
two runs on one machine and differ in the last digits between machines.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path

import numpy as np
import torch
from data import Parts, Recipe, rendered
from network import INPUT, MAP, ReferenceNetwork, export
from torch.nn import functional

TRAINING = Recipe(seed=1, count=2400)
VALIDATION = Recipe(seed=2, count=600)
BATCH = 16
CROPS = 22
"""Epochs on 256 x 256 pieces of the frames, which cost a quarter."""
WHOLE = 3
"""Epochs on whole frames at the end, borders and all."""
LEARNING_RATE = 5e-3
VISIBLE = 0.06
"""A cell with at least this share of defective pixels should light up; with less, it may."""


def main() -> None:
    """Render, train, calibrate, export, evaluate, write the bundle."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument(
        "--to", type=Path, default=Path(__file__).parent / "1", help="bundle directory"
    )
    options.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    options.add_argument("--network-only", action="store_true", help="stop after model.onnx")
    chosen = options.parse_args()
    torch.manual_seed(0)
    torch.use_deterministic_algorithms(True)
    torch.set_num_threads(chosen.workers)
    started = time.perf_counter()
    training = rendered(TRAINING, chosen.workers)
    validation = rendered(VALIDATION, chosen.workers)
    print(f"rendered in {time.perf_counter() - started:.0f} s", flush=True)
    network = fit(training, validation)
    calibrate(network, validation)
    chosen.to.mkdir(parents=True, exist_ok=True)
    export(network, chosen.to / "model.onnx")
    print(f"model.onnx after {time.perf_counter() - started:.0f} s", flush=True)
    if not chosen.network_only:
        from package import write_bundle

        write_bundle(chosen.to, (TRAINING, VALIDATION), chosen.workers)


def fit(training: Parts, validation: Parts) -> ReferenceNetwork:
    """The trained network; the validation parts are only looked at."""
    network = ReferenceNetwork().to(memory_format=torch.channels_last)
    steps = len(training.frames) // BATCH
    optimiser = torch.optim.AdamW(network.parameters(), LEARNING_RATE, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=(CROPS + WHOLE) * steps, pct_start=0.2
    )
    rng = np.random.default_rng(3)
    for epoch in range(CROPS + WHOLE):
        network.train()
        order = rng.permutation(len(training.frames))[: steps * BATCH].reshape(steps, BATCH)
        total = 0.0
        for chosen in order:
            frames, cells = _varied(training, chosen, INPUT // 2 if epoch < CROPS else INPUT, rng)
            loss = _loss(network(frames), cells)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += float(loss.detach())
        print(f"epoch {epoch + 1}: loss {total / steps:.4f}", end="", flush=True)
        if epoch % 5 == 4 or epoch >= CROPS:
            print(f", validation {_ranking(_peaks(network, validation), validation):.4f}", end="")
        print(flush=True)
    return network


def calibrate(network: ReferenceNetwork, validation: Parts) -> None:
    """Shift and scale the logits so that a score is the odds of a defect, as logistic regression
    has it.
    """
    peaks = torch.from_numpy(_peaks(network, validation))
    truth = torch.from_numpy(validation.defective.astype(np.float32))
    line = torch.tensor([1.0, 0.0], requires_grad=True)
    solver = torch.optim.LBFGS([line], max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        solver.zero_grad()
        # a little weight decay: parts that separate without overlap would make the slope infinite
        fault = (
            functional.binary_cross_entropy_with_logits(line[0] * peaks + line[1], truth)
            + 1e-3 * line[0] ** 2
        )
        fault.backward()
        return fault

    solver.step(closure)
    scale, shift = (float(value) for value in line.detach())
    print(f"calibrated: {scale:.3f} * logit {shift:+.3f}", flush=True)
    network.calibrate(scale, shift)


def _varied(
    parts: Parts, chosen: np.ndarray, side: int, rng: np.random.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Pieces of `side` x `side` pixels, most of them where the defect is if there is one; half
    mirrored.

    The fixture is symmetric, so a mirrored part is one more part.
    """
    cell = INPUT // MAP
    span = side // cell
    frames, cells = [], []
    for i in chosen:
        at = rng.integers(0, MAP - span + 1, 2)
        defective = np.argwhere(parts.cells[i] >= VISIBLE)
        if len(defective) and rng.random() < 0.8:
            middle = defective[rng.integers(len(defective))] - rng.integers(
                span // 6, span - span // 6, 2
            )
            at = np.clip(middle, 0, MAP - span)
        row, column = at
        piece = parts.frames[
            i, row * cell : (row + span) * cell, column * cell : (column + span) * cell
        ]
        target = parts.cells[i, row : row + span, column : column + span]
        step = -1 if rng.random() < 0.5 else 1
        frames.append(piece[:, ::step])
        cells.append(target[:, ::step].astype(np.float32))
    return torch.from_numpy(np.stack(frames)), torch.from_numpy(np.stack(cells))


def _loss(logits: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Each cell against the mask, and the highest cell against the truth of the piece."""
    target = (cells >= VISIBLE).float()
    around = functional.max_pool2d(cells[:, None], 3, 1, 1)[:, 0]
    weight = torch.where(target > 0, 6.0, torch.where(around > 0, 0.0, 1.0))
    per_cell = functional.binary_cross_entropy_with_logits(logits, target, weight, reduction="sum")
    peak = logits.flatten(1).amax(1)
    highest = cells.flatten(1).amax(1)
    sure = ((highest == 0) | (highest >= VISIBLE)).float()
    part = functional.binary_cross_entropy_with_logits(peak, (highest > 0).float(), sure)
    return per_cell / target.sum().clamp(min=100.0) + part


def _peaks(network: ReferenceNetwork, parts: Parts) -> np.ndarray:
    network.eval()
    with torch.no_grad():
        batches = torch.from_numpy(parts.frames).split(32)
        return torch.cat([network(batch).flatten(1).amax(1) for batch in batches]).numpy()


def _ranking(scores: np.ndarray, parts: Parts) -> float:
    good, bad = scores[~parts.defective], scores[parts.defective]
    return float((bad[:, None] > good[None, :]).mean())


if __name__ == "__main__":
    main()
