"""Engines: a bundle's model, loaded and ready to score prepared frames.

Each backend is a module here, imported when it is used, that has a `load`. An engine scores; it
never decides, never touches the disk after loading, never falls back to another.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from qc_edge.errors import EngineUnavailableError, ModelError
from qc_edge.settings import EngineSettings

if TYPE_CHECKING:
    from qc_edge.bundles.bundle import Bundle

# Set before ONNX Runtime is imported, which only modules of this package do: from 1.29 on it
# reports the models that it runs to its maker, and keeps what it has not sent in a database in
# $HOME, with an fsync each time.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

Prepared = npt.NDArray[np.uint8]
"""The model's input as it is kept: N x H x W, or N x H x W x 3 in RGB, uint8, C-contiguous."""

DefectMap = npt.NDArray[np.float32]
"""h x w, float32 in 0..1: where the defect is, coarser than the input."""


@dataclass(frozen=True, slots=True)
class Score:
    """What the model says of one frame: `value` in 0..1, higher is worse, and the defect map.

    A model without a map gives None. `class_scores` are those of its classes (0..1), None if it has
    none, `defect_class` is the surest of those that are not good. Where the outputs make no sense,
    `value` is NaN and `detail` says why.
    """

    value: float
    defect_map: DefectMap | None = None
    class_scores: Mapping[str, float] | None = None
    defect_class: str | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which engine is in force and why: the same words in the log, the status and every row.

    Up to `max_batch` frames are scored in one go faster than one by one.
    """

    backend: str
    version: str
    device: str
    reason: str
    plan_sha256: str | None = None
    max_batch: int = 1


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What an engine may use while it is loaded, and who waits for it.

    `plans` keeps what was compiled for this device (None: it is compiled anew each time).
    `report(message, limit_s)` is called on the engine's thread while a slow step goes on: the next
    message, or the end, comes within `limit_s` seconds. `is_stopping()` is True once nobody waits
    any more.
    """

    plans: Path | None = None
    report: Callable[[str, float], None] = lambda _words, _limit_s: None
    is_stopping: Callable[[], bool] = lambda: False


DEFAULT_CONTEXT = BuildContext()
"""No plan is kept, progress is reported to nobody."""


class Engine(Protocol):
    """A loaded model. Used by one thread, made and closed there."""

    @property
    def info(self) -> EngineInfo:
        """Which engine this is and why it was taken."""

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames, in order.

        Raises EngineError if the model fails, which the caller counts against the frames, and
        EngineLostError if the device is gone for good.
        """

    def close(self) -> None:
        """Free the device. May be called twice."""


BACKENDS = {"tensorrt": "tensorrt", "onnx": "onnx", "scripted": "scripted"}
"""Backend in the settings -> module here with `load(bundle, settings, reason, build_context)`."""

AUTO = ("tensorrt", "onnx")
"""What `auto` tries, best first."""

Loader = Callable[["Bundle", EngineSettings, BuildContext], Engine]


def load_engine(
    bundle: Bundle, settings: EngineSettings, build_context: BuildContext = DEFAULT_CONTEXT
) -> Engine:
    """The engine of these settings with the bundle's model; `info.reason` says why this one.

    `auto` takes the first of AUTO that this machine has and that takes the model; why the better
    ones were not taken is in the reason, too. Raises ModelError if the engine does not take the
    model, EngineUnavailableError if it cannot be had here, EngineError if its device fails. Whether
    it scores as the approved one did is for `self_test` to say.
    """
    if settings.backend != "auto":
        return _load(
            settings.backend,
            bundle,
            settings,
            f"{settings.backend}: the settings name it",
            build_context,
        )
    declined = ""
    for name in AUTO[:-1]:
        try:
            return _load(name, bundle, settings, f"auto: {name}{declined}", build_context)
        except (EngineUnavailableError, ModelError) as fault:
            declined += f"; not {name}: {' '.join(fault.message.split())}"
    return _load(AUTO[-1], bundle, settings, f"auto: {AUTO[-1]}{declined}", build_context)


def _load(
    name: str, bundle: Bundle, settings: EngineSettings, reason: str, build_context: BuildContext
) -> Engine:
    module = importlib.import_module(f"{__name__}.{BACKENDS[name]}")
    engine: Engine = module.load(bundle, settings, reason, build_context)
    return engine
