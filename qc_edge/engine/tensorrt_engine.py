"""Scoring on an NVIDIA GPU: from host memory through the model to scores, over one stream.

Owns the buffers and the order of the steps. Never decides, and never allocates device or
page-locked memory for a frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.engine import EngineInfo, Prepared, Score
from qc_edge.engine.adapter import Adapter
from qc_edge.engine.gpu import Gpu
from qc_edge.engine.runner import Runner
from qc_edge.errors import EngineError

_RELATIVE, _ABSOLUTE = 1e-4, 1e-6
"""By how much the same kernels on the same frames may differ, where they add in any order."""


class TensorRTEngine:
    """A loaded plan with its buffers. Used by one thread, on which the context of `gpu` is current.

    Its memory is allocated once: an allocation of device or page-locked memory waits for all
    streams of the device (CUDA programming guide, "Implicit Synchronization"), and a copy from
    memory that is not page-locked blocks the host.
    """

    def __init__(
        self, gpu: Gpu, runner: Runner, adapter: Adapter, info: EngineInfo, captures: bool
    ) -> None:
        """Takes `gpu` and `runner` over. Runs each batch size once: no frame pays for a first time.

        `captures`: the work of each size is captured as a CUDA graph.
        """
        self._gpu: Gpu | None = gpu
        self._runner = runner
        self._info, self._adapter = info, adapter
        most = info.max_batch
        self._frames = gpu.allocate((most, *adapter.tensor_shape), adapter.input.dtype)
        # The first of the shapes that a tensor may have: a 1 more in it changes no address.
        self._outputs = {
            spec.name: gpu.allocate((most, *spec.shapes[0]), spec.dtype) for spec in adapter.outputs
        }
        runner.bind(adapter.input.name, self._frames.device)
        for name, buffer in self._outputs.items():
            runner.bind(name, buffer.device)
        # The plan's weights may still be on their way, on a stream that ours does not wait for.
        gpu.settle()
        self._sizes = batch_sizes(most)
        self._work: dict[int, Callable[[], None]] = {}
        _fill(self._frames.host)
        launched = {}
        for size in self._sizes:
            self._work[size] = lambda size=size: self._enqueue(gpu, size)  # type: ignore[misc]
            # Also before a capture: TensorRT updates its own state when it first sees a shape, and
            # that must not be part of the graph (TensorRT developer guide, "CUDA Graphs").
            launched[size] = self._run(gpu, size, 0)
            if captures:
                self._work[size] = gpu.capture_graph(self._work[size])
        if captures:
            # After the last capture: what comes later may spoil an earlier graph.
            for size in self._sizes:
                _compare(size, launched[size], self._run(gpu, size, 1))

    @property
    def info(self) -> EngineInfo:
        """Which engine this is and why it was taken."""
        return self._info

    def infer(self, prepared: Prepared) -> list[Score]:
        """One Score for each of the N prepared frames, in order.

        More than `max_batch` are taken in turns. Raises EngineError if TensorRT refuses the work,
        EngineLostError if the device fails; then no score of these frames is given.
        """
        gpu = self._gpu
        if gpu is None:
            raise EngineError("the TensorRT engine is closed", hint="load it again")
        frames, most = self._adapter.tensor(prepared), self._info.max_batch
        scores: list[Score] = []
        for start in range(0, len(frames), most):
            scores += self._infer_batch(gpu, frames[start : start + most])
        return scores

    def close(self) -> None:
        """Free the plan, the buffers and the context. May be called twice."""
        gpu, self._gpu = self._gpu, None
        if gpu is not None:
            # In this order, and before the context goes: the graphs refer to the plan's memory, the
            # plan to the buffers, and what outlives its context can never be freed.
            self._work.clear()
            self._runner.close()
            self._outputs.clear()
            del self._frames
            gpu.close()

    def _run(self, gpu: Gpu, size: int, before: int) -> dict[str, npt.NDArray[Any]]:
        """The outputs for the frames as they lie in the buffer; `before` stands in them until they
        are written.
        """
        for buffer in self._outputs.values():
            buffer.host.fill(before)
        self._work[size]()
        gpu.synchronize()
        return {name: buffer.host[:size].copy() for name, buffer in self._outputs.items()}

    def _infer_batch(self, gpu: Gpu, frames: npt.NDArray[Any]) -> list[Score]:
        count = len(frames)
        size = next(size for size in self._sizes if size >= count)
        self._frames.host[:count] = frames
        try:
            self._work[size]()
        except EngineError:
            # A lost device may first be seen as work that TensorRT refuses, above all where memory
            # is shared and nothing is copied. Then this raises EngineLostError: the device's fault
            # is the station's end, a refusal the frame's.
            gpu.synchronize()
            raise
        gpu.synchronize()
        # Copied: the next batch writes into the same page-locked memory.
        return self._adapter.scores(
            {name: buffer.host[:count].copy() for name, buffer in self._outputs.items()}
        )

    def _enqueue(self, gpu: Gpu, size: int) -> None:
        """Put upload, model and download on the stream; they are done once the stream is."""
        gpu.upload(self._frames, size)
        self._runner.enqueue(size, gpu.stream)
        for buffer in self._outputs.values():
            gpu.download(buffer, size)


def _fill(frames: npt.NDArray[Any]) -> None:
    """Frames that show nothing: seeded noise over the range of their type."""
    chance = np.random.default_rng(0)
    if np.issubdtype(frames.dtype, np.integer):
        frames[:] = chance.integers(0, 256, frames.shape, frames.dtype)
    else:
        frames[:] = chance.random(frames.shape, np.float32)


def _compare(
    size: int, launched: dict[str, npt.NDArray[Any]], replayed: dict[str, npt.NDArray[Any]]
) -> None:
    """Raises EngineError if the graph of this batch size computes something else than its work
    launched one by one.
    """
    for name, values in launched.items():
        if not np.allclose(values, replayed[name], _RELATIVE, _ABSOLUTE, equal_nan=True):
            off = np.abs(values.astype(float) - replayed[name].astype(float))
            raise EngineError(
                f"a recorded batch of {size} does not repeat its own output {name!r}: off by up "
                f"to {float(np.nanmax(off)):g}",
                "set engine.cuda_graph = false",
            )


def batch_sizes(most: int) -> tuple[int, ...]:
    """1, 2, 4 ... and `most`: the batch sizes that are ever run.

    A batch in between is run as the next larger one, filled up with what the buffer held before;
    those scores are not looked at. Few sizes, so that each can be run once before the first frame.
    """
    powers = (1 << power for power in range(most.bit_length()))
    return tuple(sorted({*(size for size in powers if size < most), most}))
