"""A bundle whose report says what it was trained on."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from qc_edge.settings import StationPaths

MODEL = "ab" * 32
"""The digest of its model."""

LEARNT = {"focus": [90.0, 110.0], "score": [0.0, 0.4]}


def write_learnt_bundle(
    paths: StationPaths, repository: Path, learnt: dict[str, list[float]]
) -> None:
    """flange@1 of that model, among the station's; its report says what it has learnt from."""
    place = paths.models / "flange/1"
    place.mkdir(parents=True)
    report = json.dumps({"learnt": learnt})
    text = (repository / "models/reference/1/bundle.toml").read_text()
    head, _, files = text.replace('name = "reference"', 'name = "flange"').partition("[files]\n")
    files = "\n".join(line for line in files.splitlines() if "model.onnx" not in line)
    digest = hashlib.sha256(report.encode()).hexdigest()
    files = f'"model.onnx" = "{MODEL}"\n"report.json" = "{digest}"\n{files}\n'
    (place / "bundle.toml").write_text(f"{head}[files]\n{files}")
    (place / "report.json").write_text(report)
