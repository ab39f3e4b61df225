"""Which TensorRT this machine has: `tensorrt` of NVIDIA or JetPack, or TensorRT for RTX.

Imports a variant only when there is a driver and pycuda, so that a CPU box loads nothing of CUDA.
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import util
from typing import Any

from qc_edge.errors import EngineUnavailableError

_DRIVER = "libcuda.so.1"
_HOW = (
    "on a Jetson, JetPack brings tensorrt; else pip install 'qc-edge[tensorrt]' or "
    "'qc-edge[tensorrt-rtx]' (docs/engines.md says what each needs). Without a GPU: "
    'engine.backend = "auto" or "onnx"'
)


@dataclass(frozen=True, slots=True)
class Variant:
    """A distribution of TensorRT: its name in rows, and the modules that it may be imported as."""

    name: str
    modules: tuple[str, ...]

    def module(self) -> str | None:
        """The first of its modules that is installed."""
        return next((name for name in self.modules if util.find_spec(name)), None)


TENSORRT = Variant("tensorrt", ("tensorrt",))
RTX = Variant("tensorrt-rtx", ("tensorrt_rtx", "tensorrt_rtx_bindings"))
VARIANTS = (TENSORRT, RTX)
"""Best first."""


@dataclass(frozen=True, slots=True)
class ImportedVariant:
    """A variant that was imported, with its module `trt`; the API is the same for all."""

    variant: Variant
    trt: Any

    @property
    def name(self) -> str:
        """Its name in rows."""
        return self.variant.name

    @property
    def version(self) -> str:
        """`10.13.0.35`."""
        return str(self.trt.__version__)


def has_driver() -> bool:
    """True if the library of NVIDIA's driver can be loaded."""
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True


def find_variants(
    variants: Sequence[Variant] = VARIANTS, driver: Callable[[], bool] = has_driver
) -> tuple[list[ImportedVariant], list[str]]:
    """The variants that can be imported, best first, and in words why the others cannot.

    Raises EngineUnavailableError if there is none, or no pycuda, or no driver.
    """
    modules = {variant: variant.module() for variant in variants}
    missing = [
        f"{variant.name} is not installed" for variant, module in modules.items() if module is None
    ]
    if len(missing) == len(modules):
        raise EngineUnavailableError(", ".join(missing), _HOW)
    installed = ", ".join(variant.name for variant, module in modules.items() if module)
    if not driver():
        raise EngineUnavailableError(
            f"{installed}: no NVIDIA driver on this machine ({_DRIVER})", _HOW
        )
    if util.find_spec("pycuda") is None:
        raise EngineUnavailableError(
            f"{installed}: the Python package pycuda is not installed", _HOW
        )
    imported: list[ImportedVariant] = []
    for variant, module in modules.items():
        if module is None:
            continue
        # An installed package can still fail to import: a library that it needs is missing, or the
        # stub on PyPI could not fetch the real one from NVIDIA.
        try:
            imported.append(ImportedVariant(variant, importlib.import_module(module)))
        except (ImportError, OSError) as fault:
            missing.append(f"{variant.name} does not import: {fault}")
    if not imported:
        raise EngineUnavailableError("; ".join(missing), _HOW)
    return imported, missing


def find_compiler() -> ImportedVariant:
    """TensorRT for RTX, the only variant that compiles without a GPU.

    Raises EngineUnavailableError if it is not installed.
    """
    module = RTX.module()
    if module is None:
        raise EngineUnavailableError(
            "compiling ahead of time needs TensorRT for RTX, which is not installed",
            "pip install 'qc-edge[compile]' (x86-64); no GPU is needed",
        )
    return ImportedVariant(RTX, importlib.import_module(module))
