"""Show the same inputs to one side after the other, each engine alone on the machine while it
scores.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qc_edge.analysis.comparison_side import Side
from qc_edge.analysis.input_scoring import InputScorer
from qc_edge.analysis.inputs import Input
from qc_edge.analysis.paired_scores import PairedScore
from qc_edge.engine import Engine, EngineInfo, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError, UsageError

Progress = Callable[[Side, int], Callable[[int], object]]
"""Told which side begins and how many inputs it is shown; gives what is told of each one done."""


@dataclass(frozen=True)
class ScoredSide:
    """A side that has been shown every input.

    `scores` (0..1) by name, `skipped` inputs by the reason in words, the median time of an
    inference (ms), and what the self-test said if the golden frames have moved.
    """

    side: Side
    engine: EngineInfo
    scores: Mapping[str, float]
    skipped: Mapping[str, int]
    infer_ms: float | None
    golden: str | None


def score_side(side: Side, inputs: Sequence[Input], progress: Progress) -> ScoredSide:
    """Load the side's engine, show it every input, let it go.

    Raises ModelError or EngineError if it cannot be had, or fails on several inputs in a row. An
    engine that fails its self-test is shown the inputs all the same: that is when people compare.
    """
    engine = load_engine(side.bundle, side.engine, side.build_context)
    try:
        golden = _golden(engine, side)
        scorer = InputScorer(
            engine, side.named, "qc-edge check scores the golden frames of the station's model"
        )
        scores, times = dict[str, float](), list[float]()
        advance = progress(side, len(inputs))
        for each in inputs:
            prepared = each.load(side.bundle.input_shape)
            begun = time.perf_counter()
            score = scorer.score(prepared)
            if score is not None:
                scores[each.name] = score
                times.append((time.perf_counter() - begun) * 1e3)
            advance(1)
    finally:
        engine.close()
    median = float(np.median(times)) if times else None
    return ScoredSide(side, engine.info, scores, scorer.skipped, median, golden)


def pair(a: ScoredSide, b: ScoredSide, inputs: Sequence[Input]) -> list[PairedScore]:
    """The inputs that both could score. Raises UsageError if there is none."""
    pairs = [
        PairedScore(
            each.name,
            each.part_id,
            each.camera,
            each.recorded_at,
            a.scores[each.name],
            b.scores[each.name],
            a.side.threshold,
            b.side.threshold,
            each.is_defect,
        )
        for each in inputs
        if each.name in a.scores and each.name in b.scores
    ]
    if not pairs:
        said = [
            f"{one.side.named}: {count} {why}"
            for one in (a, b)
            for why, count in one.skipped.items()
        ]
        raise UsageError(
            "no input could be scored by both: " + ", ".join(said),
            hint="do both bundles take inputs of the size that was kept?",
        )
    return pairs


def _golden(engine: Engine, side: Side) -> str | None:
    try:
        self_test(engine, side.bundle)
    except ModelError as fault:
        return fault.message.splitlines()[0]
    return None
