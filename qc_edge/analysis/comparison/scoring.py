"""Scoring of the same inputs by both sides of a comparison, one side after the other."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from qc_edge.analysis.comparison.inputs import ComparisonInput
from qc_edge.analysis.comparison.pairs import PairedScore
from qc_edge.analysis.comparison.side import ComparisonSide
from qc_edge.analysis.scoring import InputScorer, ScoringProgress
from qc_edge.engine import Engine, EngineInfo, load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError, UsageError


@dataclass(frozen=True)
class ScoredSide:
    """A side that has scored every input.

    `scores` (0..1) by the input's name, `skipped` inputs counted by the reason in words, the median
    time of an inference (ms; None without a score), and the message of the self-test if it failed.
    """

    side: ComparisonSide
    engine: EngineInfo
    scores: Mapping[str, float]
    skipped: Mapping[str, int]
    infer_ms: float | None
    self_test_failure: str | None


def score_side(
    side: ComparisonSide, inputs: Sequence[ComparisonInput], progress: ScoringProgress
) -> ScoredSide:
    """Load the side's engine, score every input, and close the engine again.

    Raises ModelError or EngineError if it cannot be loaded, or fails on several inputs in a row.
    """
    # Closed before the other side is loaded: each engine has the machine to itself, so that the
    # times of both can be compared.
    engine = load_engine(side.bundle, side.engine, side.build_context)
    try:
        self_test_failure = _self_test_failure(engine, side)
        scorer = InputScorer(
            engine, side.name, "qc-edge check scores the golden frames of the station's model"
        )
        scores, times_ms = dict[str, float](), list[float]()
        progress.start(side.name, len(inputs))
        for item in inputs:
            prepared = item.load(side.bundle)
            begun = time.perf_counter()
            score = scorer.score(prepared)
            if score is not None:
                scores[item.name] = score
                times_ms.append((time.perf_counter() - begun) * 1e3)
            progress.advance()
    finally:
        engine.close()
    # The median: a few slow inferences must not decide which side looks faster.
    median_ms = float(np.median(times_ms)) if times_ms else None
    return ScoredSide(side, engine.info, scores, scorer.skipped, median_ms, self_test_failure)


def pair_scores(
    a: ScoredSide, b: ScoredSide, inputs: Sequence[ComparisonInput]
) -> list[PairedScore]:
    """The inputs that both could score. Raises UsageError if there is none."""
    pairs = [
        PairedScore(
            item.name,
            item.part_id,
            item.camera,
            item.recorded_at,
            a.scores[item.name],
            b.scores[item.name],
            a.side.threshold,
            b.side.threshold,
            item.is_defect,
        )
        for item in inputs
        if item.name in a.scores and item.name in b.scores
    ]
    if not pairs:
        reasons = [
            f"{scored.side.name}: {count} {reason}"
            for scored in (a, b)
            for reason, count in scored.skipped.items()
        ]
        raise UsageError(
            "no input could be scored by both: " + ", ".join(reasons),
            hint="do both bundles take inputs of the size that was kept?",
        )
    return pairs


def _self_test_failure(engine: Engine, side: ComparisonSide) -> str | None:
    """The first line of what the self-test says, None if it passes.

    An engine whose golden frames have moved would not judge on a line, but it is compared all the
    same: that is just when people compare.
    """
    try:
        self_test(engine, side.bundle)
    except ModelError as fault:
        return fault.message.splitlines()[0]
    return None
