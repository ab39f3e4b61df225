"""ONNX Runtime keeps nothing in the home directory and sends nothing to its maker."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

OURS = """
import pathlib, sys
from qc_edge.engine import load_engine
from qc_edge.bundles.bundle import open_bundle
from qc_edge.settings import EngineSettings
bundle = open_bundle(pathlib.Path(sys.argv[1]).parent)
load_engine(bundle, EngineSettings(backend="onnx", threads=1)).close()
"""
CONVERTED = """
import pathlib, sys
from qc_edge.bundles.bundle import open_bundle
from qc_edge.engine.precision import convert_model
convert_model(open_bundle(pathlib.Path(sys.argv[1]).parent), "int8")
"""
NOT_A_STATIONS = {
    "CI",
    "GITHUB_ACTIONS",
    "ORT_DISABLE_TELEMETRY",
    "XDG_CACHE_HOME",
    "PYTEST_CURRENT_TEST",
}


def left_behind(program: str, model: Path, home: Path) -> list[Path]:
    """The files in the home directory of a Python that ran this, in an environment as a
    station's.
    """
    kept = {key: value for key, value in os.environ.items() if key not in NOT_A_STATIONS}
    subprocess.run(
        [sys.executable, "-c", program, model],
        env=kept | {"HOME": str(home)},
        check=True,
        timeout=120,
    )
    return [path for path in home.rglob("*") if path.is_file()]


@pytest.mark.parametrize("program", [OURS, CONVERTED], ids=["an engine", "a conversion"])
def test_nothing_is_kept_for_reports(program: str, spoilt: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert left_behind(program, spoilt / "model.onnx", home) == []
