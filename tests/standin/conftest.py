"""The stand-in's own functions, and a TensorRT whose work is a function on the driver's stream."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest

from qc_edge.bundles.bundle import Bundle, load_bundle
from qc_edge.engine import DEFAULT_CONTEXT, BuildContext, Engine
from qc_edge.engine import tensorrt as module
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.runner import PlanRefusedError, Runner
from qc_edge.engine.tensorrt_variants import TENSORRT, ImportedVariant
from qc_edge.errors import EngineError
from qc_edge.settings import EngineSettings
from qc_edge.settings.paths import shipped
from tests.engine.twin_gpu import TwinToolkit

KINDS = ("device memory", "host memory", "streams", "graphs", "contexts", "contexts on this thread")
Load = Callable[..., Engine]
_CALL = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Library:
    """libcuda.so.1 of this process, which must be the stand-in."""

    def __init__(self) -> None:
        self.driver = ctypes.CDLL("libcuda.so.1")
        assert hasattr(self.driver, "standin_left"), (
            "this is a real driver: run `make test-standin`"
        )
        self.driver.standin_memory.restype = ctypes.c_void_p
        self.driver.standin_memory.argtypes = [ctypes.c_uint64, ctypes.c_size_t]

    def left(self) -> dict[str, int]:
        """What was taken and not given back; nothing is left out."""
        return {kind: count for kind in KINDS if (count := self.driver.standin_left(kind.encode()))}

    def fail(self, code: int) -> None:
        """From now on every call on the device answers with this CUresult; 0: all as in a new
        process.
        """
        self.driver.standin_break(code)

    def at(self, address: int, shape: tuple[int, ...], dtype: type[np.generic]) -> npt.NDArray[Any]:
        """The device's memory there, as an array."""
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        memory = self.driver.standin_memory(address, size)
        assert memory, f"{size} bytes at {address:#x} are not of one allocation"
        buffer = (ctypes.c_char * size).from_address(memory)
        return np.frombuffer(memoryview(buffer).cast("B"), dtype).reshape(shape)


class HostRunner:
    """The model, run by ONNX Runtime when the stream comes to it. `refuses` makes the next work
    fail.
    """

    def __init__(self, library: Library, model: bytes, bundle: Bundle) -> None:
        self._library, self._bundle = library, bundle
        self._session = ort.InferenceSession(model, providers=["CPUExecutionProvider"])
        self._at: dict[str, int] = {}
        self._calls: dict[int, Any] = {}
        self.refuses = False

    def bind(self, name: str, address: int) -> None:
        """Noted."""
        self._at[name] = address

    def enqueue(self, batch: int, stream: int) -> None:
        """A host function on the driver's stream, one for each size."""
        if self.refuses:
            raise EngineError("it refuses", "test")
        call = self._calls.setdefault(batch, _CALL(lambda _: self._run(batch)))
        code = self._library.driver.cuLaunchHostFunc(ctypes.c_void_p(stream), call, None)
        assert code == 0, f"cuLaunchHostFunc: {code}"

    def close(self) -> None:
        """Nothing of the device is its own."""
        self._calls.clear()

    def _run(self, batch: int) -> None:
        adapter = Adapter(self._bundle)
        taken = adapter.input
        frames = self._library.at(self._at[taken.name], (batch, *adapter.tensor_shape), taken.dtype)
        names = [spec.name for spec in adapter.outputs]
        for name, values in zip(names, self._session.run(names, {taken.name: frames}), strict=True):
            self._library.at(self._at[name], values.shape, np.float32)[:] = values


class HostWork:
    """The same for the bare loop, which has pycuda's stream. See `tests.gpu.bare.Work`."""

    def __init__(self, library: Library, plan: bytes, bundle: Bundle) -> None:
        self._runner = HostRunner(library, plan.partition(b"|")[2], bundle)
        self.bind = self._runner.bind

    def enqueue(self, batch: int, stream: Any) -> None:
        """On the driver's own handle."""
        self._runner.enqueue(batch, stream.handle)


@dataclass
class HostToolkit(TwinToolkit):
    """The twin's, for a device that pycuda has opened."""

    name: str = "stand-in"
    library: Library | None = None

    def load_plan(self, bundle: Bundle, plan: bytes, graphs: bool) -> Runner:
        """The model stands behind the plan's header."""
        assert self.library is not None
        if not plan.startswith(b"twin plan for "):
            raise PlanRefusedError(
                f"{self.name} {self.version} does not take the plan", "it is made anew"
            )
        runner = HostRunner(self.library, plan.partition(b"|")[2], bundle)
        self.runners.append(runner)  # type: ignore[arg-type]
        return runner


@pytest.fixture
def library(monkeypatch: pytest.MonkeyPatch) -> Iterator[Library]:
    """One device with 512 MB; whatever a test takes of it must be given back."""
    for name in ("DEVICES", "MEMORY_MB", "INTEGRATED", "INIT"):
        monkeypatch.delenv(f"STANDIN_{name}", raising=False)
    loaded = Library()
    assert loaded.left() == {}
    yield loaded
    loaded.fail(0)
    assert loaded.left() == {}


@pytest.fixture(scope="session")
def bundle() -> Bundle:
    """The bundle that comes with the software."""
    return load_bundle("reference@1", [shipped("models")])


@pytest.fixture
def load(library: Library, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Load:
    """`engine.tensorrt.load` as a station calls it, with a TensorRT that computes on the
    processor.
    """
    monkeypatch.setattr(
        module,
        "find_variants",
        lambda: ([ImportedVariant(TENSORRT, None)], ["tensorrt-rtx is not installed"]),
    )
    opened: dict[int, Any] = {}  # by thread: stations load side by side
    from qc_edge.engine import cuda

    open_real = cuda.open_gpu

    def open_gpu(number: int) -> Any:
        return opened.setdefault(threading.get_ident(), open_real(number))

    monkeypatch.setattr(cuda, "open_gpu", open_gpu)
    monkeypatch.setattr(
        module,
        "InstalledToolkit",
        lambda _: HostToolkit(opened[threading.get_ident()], library=library),
    )

    def made(
        build_context: BuildContext = DEFAULT_CONTEXT, loaded: Bundle = bundle, **settings: object
    ) -> Engine:
        chosen = EngineSettings.model_validate({"backend": "tensorrt", "max_batch": 4, **settings})
        try:
            return module.load(loaded, chosen, "test", build_context)
        finally:
            opened.pop(threading.get_ident(), None)

    return made
