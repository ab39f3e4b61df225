"""Make a bundle of a trained model.onnx: golden frames, evaluation, report, manifest with every
digest.
"""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime as ort
from data import Parts, Recipe, rendered
from report import evaluate, write_report

from qc_edge.bundles.bundle import open_bundle
from qc_edge.bundles.golden import coarse_maxima
from qc_edge.bundles.manifest import GOLDEN, MANIFEST, MODEL
from qc_edge.engine.onnx import load
from qc_edge.engine.self_test import self_test
from qc_edge.rendered import DefectKind, render
from qc_edge.settings import EngineSettings
from qc_edge.vision.prepare import prepare, preprocess_id

EVALUATION = Recipe(seed=4, count=2000)
COARSE = 8
THRESHOLD = 0.5
REVIEW_BAND = 0.3
TOLERANCE = 1e-3
GOLDEN_PARTS: tuple[tuple[int, DefectKind | None, float], ...] = (
    (9001, None, 0.0),
    (9002, None, 0.0),
    (9010, None, 0.0),
    (9003, DefectKind.SCRATCH, 0.5),
    (9004, DefectKind.PIT, 0.5),
    (9005, DefectKind.STAIN, 0.5),
    (9006, DefectKind.CHIPPED_EDGE, 0.5),
    (9007, DefectKind.MISSING_HOLE, 0.5),
    (9008, DefectKind.PIT, 0.0),
)

MANIFEST_TEXT = '''\
name = "reference"
version = "1"
created = {today}
licence = "Apache-2.0"
description = """
Surface defects of the rendered flange: scratch, pit, stain, chipped edge, missing hole.
A demonstration and a yardstick; train your own for your parts."""

[input]
name = "prepared"
shape = [512, 512]
dtype = "uint8"
preprocess = "{preprocess}"

[outputs]
score = "score"
score_means = "the highest value of the defect map: the odds of a defect where half of the parts have one"
defect_map = "defect_map"
map_shape = [64, 64]

[decision]
threshold = {threshold}
review_band = {band}
tolerance = {tolerance}
classes = {classes}

[training]
data = "{data}"
sha256 = "{data_sha256}"

[approved]
by = "qc-edge maintainers"
at = {today}

[files]
{files}
'''


def write_bundle(directory: Path, learnt_from: Sequence[Recipe], workers: int) -> None:
    """Everything of the bundle beside its model.onnx, then the proof that the product takes it."""
    golden = directory / "golden"
    golden.mkdir(exist_ok=True)
    for old in golden.iterdir():
        old.unlink()
    session = ort.InferenceSession(str(directory / MODEL), providers=["CPUExecutionProvider"])
    entries = [_golden(session, golden, *part) for part in GOLDEN_PARTS]
    (directory / GOLDEN).write_text(_golden_json(entries), encoding="utf-8")
    parts = rendered(EVALUATION, workers)
    evaluation = evaluate(scores(session, parts), parts, THRESHOLD, REVIEW_BAND)
    write_report(directory, evaluation, EVALUATION, learnt_from, session)
    _write_manifest(directory, learnt_from)
    bundle = open_bundle(directory)
    engine = load(bundle, EngineSettings(), "packaging")
    self_test(engine, bundle)
    print(f"{bundle.reference}: ROC-AUC {evaluation.auc:.4f}, model sha256 {bundle.sha256[:12]}")


def scores(session: ort.InferenceSession, parts: Parts) -> np.ndarray:
    """The model's score of each part, N float32."""
    return np.concatenate(
        [session.run(["score"], {"prepared": frame[None]})[0] for frame in parts.frames]
    )


def _golden(
    session: ort.InferenceSession, golden: Path, seed: int, kind: DefectKind | None, severity: float
) -> dict[str, object]:
    frame = prepare(render(seed, kind, severity=severity).pixels)
    name = f"{seed}-{kind or 'good'}.png"
    cv2.imwrite(str(golden / name), frame, [cv2.IMWRITE_PNG_COMPRESSION, 9])
    score, defect_map = session.run(["score", "defect_map"], {"prepared": frame[None]})
    shows = str(kind or "good") + (", barely visible" if kind and severity == 0 else "")
    if abs(score[0] - THRESHOLD) <= REVIEW_BAND:
        shows += ", near the threshold: where a score moves first"
    values = [[round(float(v), 5) for v in row] for row in coarse_maxima(defect_map[0], COARSE)]
    return {"file": name, "shows": shows, "score": round(float(score[0]), 6), "map_coarse": values}


def _golden_json(entries: Sequence[dict[str, object]]) -> str:
    engine = f"onnxruntime {ort.__version__}, CPU"
    return (
        json.dumps({"engine": engine, "coarse": COARSE, "frames": list(entries)}, indent=1) + "\n"
    )


def _write_manifest(directory: Path, learnt_from: Sequence[Recipe]) -> None:
    found = [
        directory / MODEL,
        *sorted(directory.glob("report.*")),
        *sorted(directory.glob("golden/*")),
    ]
    digests = {
        p.relative_to(directory).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in found
    }
    recipes = [
        f"{recipe.count} parts of seed {recipe.seed} ({recipe.renderer})" for recipe in learnt_from
    ]
    together = "".join(recipe.sha256 for recipe in learnt_from)
    text = MANIFEST_TEXT.format(
        today=datetime.datetime.now(datetime.timezone.utc).date(),
        preprocess=preprocess_id(),
        threshold=THRESHOLD,
        band=REVIEW_BAND,
        tolerance=TOLERANCE,
        classes=json.dumps([str(kind) for kind in DefectKind]),
        data="rendered: trained on " + ", calibrated on ".join(recipes),
        data_sha256=hashlib.sha256(together.encode()).hexdigest(),
        files="\n".join(f'"{name}" = "{digest}"' for name, digest in digests.items()),
    )
    (directory / MANIFEST).write_text(text, encoding="utf-8")
