"""What engine tests share: the shipped bundle, a copy that may be spoilt, and every engine there
is.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.engine import BACKENDS, DEFAULT_CONTEXT, Engine, load_engine
from qc_edge.engine.tensorrt import make
from qc_edge.settings import EngineSettings
from qc_edge.settings.paths import shipped
from tests.engine.twin_gpu import TwinGpu, TwinToolkit


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The bundle that comes with the software."""
    return load_bundle("reference@1", [shipped("models")])


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """A copy of the shipped bundle's directory, to be edited."""
    return Path(shutil.copytree(shipped("models") / "reference/1", tmp_path / "models/reference/1"))


@pytest.fixture(params=sorted(BACKENDS))
def engine(request: pytest.FixtureRequest, bundle: Bundle) -> Iterator[Engine]:
    """Each backend with the shipped bundle, one thread."""
    loaded = loaded_here(request.param, bundle)
    yield loaded
    loaded.close()


def loaded_here(backend: str, bundle: Bundle) -> Engine:
    """The backend's engine as this machine can have it: TensorRT's on the twin of a device."""
    settings = EngineSettings.model_validate({"backend": backend, "threads": 1})
    if backend == "tensorrt":
        gpu = TwinGpu()
        return make(
            TwinToolkit(gpu),
            gpu,
            bundle,
            settings,
            "tensorrt: the settings name it",
            DEFAULT_CONTEXT,
        )
    return load_engine(bundle, settings)
