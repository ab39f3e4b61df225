"""An ONNX graph in the making: nodes and constants, each with a name of its own.

All shapes are static, batch 1, so that TensorRT compiles it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

OPSET = 17
"""TensorRT 10 and ONNX Runtime 1.20 know all of it."""

_IR = 8


@dataclass(slots=True)
class Graph:
    """Collects nodes; `model` makes the file of them."""

    nodes: list[Any] = field(default_factory=list)
    constants: list[Any] = field(default_factory=list)

    def add(self, kind: str, inputs: Sequence[str], name: str = "", **attributes: Any) -> str:
        """A node with one output; the name of that."""
        return self.add_all(kind, inputs, [name], **attributes)[0]

    def add_all(
        self, kind: str, inputs: Sequence[str], names: Sequence[str], **attributes: Any
    ) -> list[str]:
        """A node with several outputs; an empty name stands for one that is made here."""
        from onnx import helper

        number = len(self.nodes)
        outputs = [name or f"{kind.lower()}_{number}_{at}" for at, name in enumerate(names)]
        self.nodes.append(helper.make_node(kind, list(inputs), outputs, **attributes))
        return outputs

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike = np.float32) -> str:
        """A constant tensor; its name."""
        from onnx import numpy_helper

        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values, dtype), name))
        return name

    def convolution(
        self,
        source: str,
        weights: npt.NDArray[np.float32],
        bias: npt.NDArray[np.float32],
        **attributes: Any,
    ) -> str:
        """A convolution with fixed weights [out, in, height, width]."""
        return self.add("Conv", [source, self.constant(weights), self.constant(bias)], **attributes)

    def model(
        self,
        picture: tuple[int, int],
        outputs: Sequence[tuple[str, Sequence[int]]],
        input_name: str = "picture",
    ) -> bytes:
        """The model's file: it takes uint8 [1, height, width], and gives float32 outputs."""
        from onnx import TensorProto, checker, helper

        taken = helper.make_tensor_value_info(input_name, TensorProto.UINT8, [1, *picture])
        given = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, list(shape))
            for name, shape in outputs
        ]
        graph = helper.make_graph(self.nodes, "qc-edge", [taken], given, self.constants)
        opset = helper.make_opsetid("", OPSET)
        about = {"ir_version": _IR, "producer_name": "qc-edge train"}
        made = helper.make_model(graph, opset_imports=[opset], **about)
        checker.check_model(made, full_check=True)
        content: bytes = made.SerializeToString(deterministic=True)
        return content
