"""The model as TensorRT gets it: checked first, then in the precision of the settings.

TensorRT computes in the types of the graph, so a precision is a property of the model: fp16 and
int8 are made here from the bundle's own by ONNX Runtime's converters (decision 0017). Never writes
into the bundle.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from qc_edge.bundles.bundle import Bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.adapter import Adapter
from qc_edge.errors import EngineUnavailableError, ModelError

try:
    import onnx
    from onnx import numpy_helper
except ImportError as fault:
    raise EngineUnavailableError(
        f"the Python package onnx is not installed ({fault})", "pip install 'qc-edge[compile]'"
    ) from fault

_EXPORT = "export the model again: models/README.md says how the reference model is made"
_QUANTIZED = {"QuantizeLinear", "DequantizeLinear"}


def convert_model(bundle: Bundle, precision: Precision) -> bytes:
    """The bundle's model as ONNX in `precision`; inputs and outputs stay as they are.

    `int8`: as it is if the model was exported with Q/DQ nodes, else its convolutions are quantized
    by the ranges that the golden frames give. Raises ModelError if the file is torn, uses newer
    operators than the installed onnx knows, or has weights that are no finite numbers.
    """
    data = bundle.model_path.read_bytes()
    model = _checked(data, str(bundle.model_path))
    if precision == "fp32":
        return data
    if precision == "fp16":
        return _in_half(model)
    if any(node.op_type in _QUANTIZED for node in model.graph.node):
        return data
    adapter = Adapter(bundle)
    return _quantized(
        model, adapter.input.name, [adapter.tensor(f.prepared) for f in bundle.golden_frames]
    )


def _checked(data: bytes, name: str) -> Any:
    try:
        model = onnx.load_model_from_string(data)
    except Exception as fault:  # protobuf's error types differ between its releases
        raise ModelError(f"{name} is no ONNX model, or not whole: {fault}", _EXPORT) from fault
    if not model.graph.node:
        raise ModelError(f"{name} is no ONNX model: it has no operators", _EXPORT)
    newest = onnx.defs.onnx_opset_version()
    for opset in model.opset_import:
        if opset.domain in {"", "ai.onnx"} and opset.version > newest:
            raise ModelError(
                f"{name} uses ONNX opset {opset.version}, onnx {onnx.__version__} knows up to "
                f"{newest}",
                "export the model with an older opset (17 is understood everywhere)",
            )
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as fault:
        raise ModelError(f"{name} is not valid ONNX: {fault}", _EXPORT) from fault
    # A damaged file can still be valid ONNX: such weights would give scores that are no numbers.
    for weights in model.graph.initializer:
        values = numpy_helper.to_array(weights)
        if values.dtype.kind == "f" and not (finite := np.isfinite(values)).all():
            bad = int(values.size - finite.sum())
            raise ModelError(
                f"{name}: {bad} of {values.size} weights in {weights.name!r} are NaN or infinite",
                _EXPORT,
            )
    return model


def _in_half(model: Any) -> bytes:
    from onnxruntime.transformers.float16 import convert_float_to_float16

    # keep_io_types: inputs, scores and maps stay as the manifest has them
    return bytes(convert_float_to_float16(model, keep_io_types=True).SerializeToString())


def _quantized(model: Any, name: str, frames: Sequence[npt.NDArray[Any]]) -> bytes:
    from onnxruntime import quantization

    class Golden(quantization.CalibrationDataReader):  # type: ignore[misc]
        """Feeds the golden frames, one by one."""

        def __init__(self) -> None:
            self._frames: Iterator[npt.NDArray[Any]] = iter(frames)

        def get_next(self) -> dict[str, npt.NDArray[Any]] | None:
            """The next frame, None after the last."""
            frame = next(self._frames, None)
            return None if frame is None else {name: frame}

    level = logging.getLogger().level
    # By a file, since the quantizer takes no other target.
    with tempfile.TemporaryDirectory() as directory:
        target = Path(directory) / "int8.onnx"
        # The quantizer logs advice about its options to the root logger.
        logging.getLogger().setLevel(logging.ERROR)
        try:
            quantization.quantize_static(
                model,
                str(target),
                Golden(),
                quant_format=quantization.QuantFormat.QDQ,
                per_channel=True,
                activation_type=quantization.QuantType.QInt8,
                weight_type=quantization.QuantType.QInt8,
                op_types_to_quantize=["Conv"],
                # what TensorRT takes: symmetric, and no integer bias
                extra_options={
                    "ActivationSymmetric": True,
                    "WeightSymmetric": True,
                    "QuantizeBias": False,
                },
            )
        finally:
            logging.getLogger().setLevel(level)
        return target.read_bytes()
