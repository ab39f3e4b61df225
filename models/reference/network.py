"""The reference network and its export: a small fully convolutional detector of surface defects.

512 x 512 grey -> stride 8 -> residual blocks with growing reach -> one logit per 8 x 8 cell. The
score of a part is the highest value of its defect map, so what the score saw can always be pointed
at.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

INPUT = 512
MAP = 64
OPSET = 17
STEM = (16, 16, 32)
DILATIONS = (1, 2, 4, 1)


class ConvBlock(nn.Module):
    """Convolution without bias, batch norm; what follows decides on the ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, 3, stride, dilation, dilation, bias=False)
        self.norm = nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """N x inputs x h x w -> N x outputs x h/stride x w/stride."""
        return self.norm(self.conv(x))

    def folded(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights and bias with the batch norm folded in."""
        scale = self.norm.weight / torch.sqrt(self.norm.running_var + self.norm.eps)
        weights = self.conv.weight * scale[:, None, None, None]
        bias = self.norm.bias - self.norm.running_mean * scale
        return weights.detach().numpy(), bias.detach().numpy()


class ReferenceNetwork(nn.Module):
    """Prepared frames (N x 512 x 512 uint8) -> defect logits (N x 64 x 64)."""

    def __init__(self) -> None:
        super().__init__()
        sizes = (1, *STEM)
        self.stem = nn.ModuleList(ConvBlock(a, b, stride=2) for a, b in itertools.pairwise(sizes))
        self.body = nn.ModuleList(ConvBlock(STEM[-1], STEM[-1], dilation=d) for d in DILATIONS)
        self.head = nn.Conv2d(STEM[-1], 1, 1)
        nn.init.constant_(self.head.bias, -3.0)

    def forward(self, prepared: torch.Tensor) -> torch.Tensor:
        """Logits; a cell of 8 x 8 prepared pixels each."""
        x = prepared[:, None].float() / 255 - 0.5
        for block in self.stem:
            x = torch.relu(block(x))
        for block in self.body:
            x = x + torch.relu(block(x))
        return self.head(x)[:, 0]

    def calibrate(self, scale: float, shift: float) -> None:
        """Replace every logit by `scale * logit + shift`, for good."""
        with torch.no_grad():
            self.head.weight *= scale
            self.head.bias.copy_(self.head.bias * scale + shift)


def export(network: ReferenceNetwork, path: Path) -> None:
    """Write the network as ONNX: `prepared` uint8 [N,512,512] -> `score` [N], `defect_map`
    [N,64,64].

    Built node by node, so that the file depends on the weights alone and not on an exporter's
    version, and holds only Cast, Mul, Add, Reshape, Conv, Relu, Sigmoid and ReduceMax.
    """
    nodes: list[Any] = []
    constants: list[Any] = []

    def constant(name: str, value: np.ndarray) -> str:
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def conv(
        name: str, x: str, weights: np.ndarray, bias: np.ndarray, stride: int, dilation: int
    ) -> str:
        kernel, pad = weights.shape[-1], dilation * (weights.shape[-1] // 2)
        inputs = [x, constant(f"{name}.weight", weights), constant(f"{name}.bias", bias)]
        return node(
            "Conv",
            inputs,
            name,
            kernel_shape=[kernel] * 2,
            strides=[stride] * 2,
            pads=[pad] * 4,
            dilations=[dilation] * 2,
        )

    x = node("Cast", ["prepared"], "grey", to=TensorProto.FLOAT)
    x = node("Mul", [x, constant("one_255th", np.float32(1 / 255).reshape(1))], "grey.scaled")
    x = node("Add", [x, constant("minus_half", np.float32(-0.5).reshape(1))], "grey.centred")
    x = node(
        "Reshape", [x, constant("planes", np.array([-1, 1, INPUT, INPUT], np.int64))], "grey.planes"
    )
    for i, block in enumerate(network.stem):
        x = node(
            "Relu", [conv(f"stem{i}", x, *block.folded(), stride=2, dilation=1)], f"stem{i}.relu"
        )
    for i, block in enumerate(network.body):
        y = conv(f"body{i}", x, *block.folded(), stride=1, dilation=DILATIONS[i])
        x = node("Add", [x, node("Relu", [y], f"body{i}.relu")], f"body{i}.sum")
    head = network.head
    x = conv(
        "head", x, head.weight.detach().numpy(), head.bias.detach().numpy(), stride=1, dilation=1
    )
    x = node("Reshape", [x, constant("cells", np.array([-1, MAP, MAP], np.int64))], "logits")
    node("Sigmoid", [x], "defect_map")
    node("ReduceMax", ["defect_map"], "score", axes=[1, 2], keepdims=0)
    graph = helper.make_graph(
        nodes,
        "qc_edge_reference",
        [helper.make_tensor_value_info("prepared", TensorProto.UINT8, ["N", INPUT, INPUT])],
        [
            helper.make_tensor_value_info("score", TensorProto.FLOAT, ["N"]),
            helper.make_tensor_value_info("defect_map", TensorProto.FLOAT, ["N", MAP, MAP]),
        ],
        constants,
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="qc-edge"
    )
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
