"""The self-test: does this engine score the bundle's golden frames as the approved one did?"""

from __future__ import annotations

import numpy as np

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.golden import GoldenFrame, coarse_maxima
from qc_edge.engine import Engine, Score
from qc_edge.errors import ModelError


def self_test(engine: Engine, bundle: Bundle) -> None:
    """Score the golden frames, each alone and, on an engine that takes several at once, together.

    Raises ModelError with a table if a score or a map moved past the bundle's tolerance.
    """
    frames, moved = bundle.golden_frames, 0
    rounds = [[engine.infer(frame.prepared)[0] for frame in frames]]
    if engine.info.max_batch > 1:
        # TensorRT chooses other kernels for other batch sizes, which may round otherwise.
        rounds.append(engine.infer(np.concatenate([frame.prepared for frame in frames])))
    rows = []
    for frame, *scores in zip(frames, *rounds, strict=True):
        differences = [_difference(frame, score) for score in scores]
        # argmax takes NaN for the largest, and `not <=` refuses it: a score that is no number fails
        worst = int(np.argmax(differences))
        score, difference = scores[worst], differences[worst]
        is_moved = not difference <= bundle.tolerance
        moved += is_moved
        mark = "moved" if is_moved else "ok"
        rows.append(
            f"  {frame.name:24} {frame.score:9.5f} {score.value:9.5f} {difference:9.5f}  {mark}"
        )
    if moved:
        head = f"  {'golden frame':24} {'expected':>9} {'got':>9} {'off by':>9}"
        raise ModelError(
            f"{bundle.reference} on {engine.info.backend} {engine.info.version} "
            f"({engine.info.device}): "
            f"{moved} of {len(rows)} golden frames moved by more than {bundle.tolerance:g}\n"
            + "\n".join([head, *rows]),
            hint="this engine must not judge with this bundle: install the engine version that it "
            "was approved with, or approve the bundle anew",
        )


def _difference(frame: GoldenFrame, score: Score) -> float:
    """The largest of what the score, the classes and the coarse map are off by; NaN if any is."""
    differences = [abs(score.value - frame.score)]
    by_class = score.class_scores or {}
    differences += [
        abs(by_class.get(name, float("nan")) - expected)
        for name, expected in frame.class_scores.items()
    ]
    if frame.map_coarse.size:
        if score.defect_map is None:
            return float("nan")
        coarse = coarse_maxima(score.defect_map, len(frame.map_coarse))
        differences.append(float(np.abs(coarse - frame.map_coarse).max()))
    return float(np.max(differences))
