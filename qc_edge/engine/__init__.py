"""Engines: a bundle's model, loaded and ready to score prepared frames.

Each backend is a module here, imported when it is used, with `load(bundle, settings, reason) -> Engine`. An
engine scores; it never decides, never touches the disk after loading, never falls back to another.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np
import numpy.typing as npt

from qc_edge.settings import EngineSettings

if TYPE_CHECKING:
    from qc_edge.engine.bundle import Bundle

Prepared = npt.NDArray[np.uint8]
"""The model's input as it is kept: N x H x W, uint8, C-contiguous."""

DefectMap = npt.NDArray[np.float32]
"""h x w, float32 in 0..1: where the defect is, coarser than the input."""


@dataclass(frozen=True, slots=True)
class Score:
    """What the model says of one frame: `value` in 0..1, higher is worse, and where it looks bad."""

    value: float
    defect_map: DefectMap


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Which engine is in force and why: the same words in the log, the status and every row."""

    backend: str
    version: str
    device: str
    reason: str
    plan_sha256: str | None = None


class Engine(Protocol):
    """A loaded model. Used by one thread, made and closed there."""

    @property
    def info(self) -> EngineInfo:
        """Which engine this is and why it was taken."""

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames (N x H x W, uint8), in order.

        Raises EngineError if the model fails; the caller counts that against the frame.
        """

    def close(self) -> None:
        """Free the device. May be called twice."""


BACKENDS = {"onnx": "onnx", "scripted": "scripted"}
"""Backend in the settings -> module in this package, which has `load(bundle, settings, reason) -> Engine`."""

AUTO = ("onnx",)
"""What `auto` tries, best first."""


def choose(backend: str) -> tuple[str, str]:
    """The backend that `backend` of the settings stands for, and why, in words."""
    if backend != "auto":
        return backend, f"{backend}: the settings name it"
    return AUTO[0], f"auto: {AUTO[0]} is the only inference engine of this version"


def load_engine(bundle: Bundle, settings: EngineSettings) -> Engine:
    """The engine of these settings with the bundle's model, its `info.reason` beginning with the choice.

    Raises ModelError if the engine does not take the model, EngineError if it cannot be had here. Whether
    it scores as the approved one did is for `bundle.self_test` to say.
    """
    name, reason = choose(settings.backend)
    module = importlib.import_module(f"{__name__}.{BACKENDS[name]}")
    engine: Engine = module.load(bundle, settings, reason)
    return engine
