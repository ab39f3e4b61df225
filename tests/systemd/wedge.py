"""Put beside the station's software by a test: an engine that hangs while its state has a file
`wedge`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from qc_edge import engine
from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine, EngineInfo, Prepared, Score
from qc_edge.settings import EngineSettings

_load = engine.load_engine
_WEDGE = Path(os.environ.get("HOME", "/nonexistent")) / "wedge"


class Wedged:
    """The real engine, until it hangs."""

    def __init__(self, real: Engine) -> None:
        self._real = real

    @property
    def info(self) -> EngineInfo:
        """The real one's."""
        return self._real.info

    def infer(self, prepared: Prepared) -> list[Score]:
        """Never returns while the file is there."""
        if _WEDGE.exists():
            threading.Event().wait()
        return self._real.infer(prepared)

    def close(self) -> None:
        """The real one's."""
        self._real.close()


def load(
    bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
) -> Engine:
    """In the place of `qc_edge.engine.load_engine`."""
    return Wedged(_load(bundle, settings, build_context))


engine.load_engine = load
