"""What every test shares: one thread for each worker's numerics, and a station's directory tree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

# Several tests run at once; numerics that each take all cores would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture
def repository() -> Path:
    """The checkout: setup.cfg, qc_edge/, docs/."""
    return Path(__file__).resolve().parent.parent
