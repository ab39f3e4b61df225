"""Through the real compiler of TensorRT for RTX, without a GPU: what compiles, and what is said if
not.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.bundles.manifest import Precision
from qc_edge.engine.offline_build import BuiltPlan, build_offline
from qc_edge.engine.precision import convert_model
from qc_edge.engine.tensorrt_variants import RTX, VARIANTS, find_compiler, find_variants
from qc_edge.errors import EngineUnavailableError, ModelError, UsageError
from tests.adapted import CLASSES, classifier, map_only, network, score_only
from tests.cli.runner import run

onnx = pytest.importorskip("onnx")
from onnx import helper, numpy_helper  # noqa: E402

pytestmark = pytest.mark.skipif(
    RTX.module() is None,
    reason="TensorRT for RTX is not installed: pip install 'qc-edge[compile]' (x86-64)",
)


def built(bundle: Bundle, precision: Precision = "fp32", *targets: str) -> list[BuiltPlan]:
    return list(build_offline(bundle, targets or ("sm89",), precision, 8))


def with_model(spoilt: Path, change: Callable[[bytes], bytes]) -> Bundle:
    """A bundle whose model is changed and whose manifest approves of that."""
    model, manifest = spoilt / "model.onnx", spoilt / "bundle.toml"
    before = model.read_bytes()
    model.write_bytes(change(before))
    old, new = (hashlib.sha256(data).hexdigest() for data in (before, model.read_bytes()))
    manifest.write_text(manifest.read_text().replace(old, new))
    return open_bundle(spoilt)


def edited(edit: Callable[[Any], None]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        model = onnx.load_model_from_string(data)
        edit(model)
        return bytes(model.SerializeToString())

    return change


def test_the_reference_bundle_compiles_for_every_gpu_that_the_compiler_knows(
    bundle: Bundle,
) -> None:
    targets = ("sm75", "sm80", "sm86", "sm89", "sm120")
    plans = built(bundle, "fp32", *targets)
    assert [plan.target for plan in plans] == list(targets)
    assert all(len(plan.data) > 100_000 for plan in plans)
    assert len({plan.sha256 for plan in plans}) > 1


@pytest.mark.parametrize("kind", [classifier, score_only, map_only])
def test_a_bundle_with_an_adapter_compiles(tmp_path: Path, kind: Callable[[Path], Bundle]) -> None:
    (plan,) = built(kind(tmp_path / "colours/1"))
    assert plan.data


def test_a_model_with_another_count_of_classes_is_refused(tmp_path: Path) -> None:
    wrong = classifier(
        tmp_path / "colours/1",
        model=network(batch=1, classes=4),
        class_scores=dict.fromkeys(CLASSES, 0.0),
    )
    with pytest.raises(ModelError, match=r"'logits' is FLOAT \(1, 4\), expected FLOAT \(1, 3\)"):
        built(wrong)


@pytest.mark.parametrize("precision", ["fp16", "int8"])
def test_the_reference_bundle_compiles_in_other_precisions(
    bundle: Bundle, precision: Precision
) -> None:
    (plan,) = built(bundle, precision)
    assert plan.precision == precision
    assert plan.sha256 != built(bundle)[0].sha256


@pytest.mark.parametrize(("precision", "moved"), [("fp32", 1e-6), ("fp16", 0.01), ("int8", 0.3)])
def test_a_converted_model_still_scores_as_the_bundle_does(
    bundle: Bundle, precision: Precision, moved: float
) -> None:
    session = ort.InferenceSession(
        convert_model(bundle, precision), providers=["CPUExecutionProvider"]
    )
    off = [
        abs(float(session.run(["score"], {"prepared": frame.prepared})[0][0]) - frame.score)
        for frame in bundle.golden_frames
    ]
    assert max(off) <= moved + bundle.tolerance / 10
    assert sorted(off)[len(off) // 2] < 0.001, (
        "most parts are far from the threshold and stay there"
    )


def test_an_int8_model_has_quantized_convolutions(bundle: Bundle) -> None:
    kinds = [
        node.op_type
        for node in onnx.load_model_from_string(convert_model(bundle, "int8")).graph.node
    ]
    assert kinds.count("QuantizeLinear") >= kinds.count("Conv") > 0


def test_a_model_that_is_quantized_already_stays_as_it_is(bundle: Bundle, spoilt: Path) -> None:
    quantized = with_model(spoilt, lambda _: convert_model(bundle, "int8"))
    assert convert_model(quantized, "int8") == quantized.model_path.read_bytes()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda data: data[: len(data) // 2], "no ONNX model, or not whole"),
        (lambda _: b"", "it has no operators"),
        (lambda _: b"hello world " * 100, "is no ONNX model"),
    ],
    ids=["truncated", "empty", "not ONNX"],
)
def test_a_file_that_is_no_model_is_refused(
    spoilt: Path, change: Callable[[bytes], bytes], said: str
) -> None:
    with pytest.raises(ModelError, match=said):
        built(with_model(spoilt, change))


def _set_opset(model: Any) -> None:
    model.opset_import[0].version = 99


def _spoil_weight(model: Any) -> None:
    (weights,) = [each for each in model.graph.initializer if each.name == "body0.weight"]
    values = numpy_helper.to_array(weights).copy()
    values[0, 0, 0, 0] = np.nan
    weights.CopyFrom(numpy_helper.from_array(values, weights.name))


def _narrow(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_value = 256


def _fix_batch(model: Any) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 4


def _rename_score(model: Any) -> None:
    for node in model.graph.node:
        node.output[:] = ["points" if name == "score" else name for name in node.output]
    model.graph.output[0].name = "points"


def _use_strange_operator(model: Any) -> None:
    (sigmoid,) = [node for node in model.graph.node if node.op_type == "Sigmoid"]
    sigmoid.op_type, sigmoid.domain = "Frobnicate", "example.org"
    model.opset_import.append(helper.make_opsetid("example.org", 1))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (_set_opset, r"uses ONNX opset 99, onnx [\d.]+ knows up to \d+"),
        (_spoil_weight, "1 of 9216 weights in 'body0.weight' are NaN or infinite"),
        (_narrow, r"input 'prepared' is UINT8 \(-1, 256, 512\), expected UINT8 \(-1, 512, 512\)"),
        (_fix_batch, r"input 'prepared' is UINT8 \(4, 512, 512\), expected UINT8 \(-1, 512, 512\)"),
        (_rename_score, r"no output 'score', expected FLOAT \(-1,\); it has points, defect_map"),
        (_use_strange_operator, "cannot parse .*Frobnicate 'defect_map'"),
    ],
)
def test_a_model_that_would_not_run_is_refused_with_the_reason(
    spoilt: Path, edit: Callable[[Any], None], said: str
) -> None:
    with pytest.raises(ModelError, match=said) as raised:
        built(with_model(spoilt, edited(edit)))
    assert raised.value.exit_code == 65
    assert raised.value.hint


@pytest.mark.parametrize("edit", [_narrow, _use_strange_operator])
def test_a_refusal_keeps_nothing_of_tensorrt(spoilt: Path, edit: Callable[[Any], None]) -> None:
    """A builder that is freed later, by the garbage collector, may be freed within a build."""
    with pytest.raises(ModelError) as raised:
        built(with_model(spoilt, edited(edit)))
    kept = [
        f"{frame.f_code.co_name}: {name}"
        for frame, _ in traceback.walk_tb(raised.value.__traceback__)
        for name, value in frame.f_locals.items()
        if type(value).__name__ in {"Builder", "INetworkDefinition", "OnnxParser"}
    ]
    assert not kept


def test_a_gpu_that_the_compiler_does_not_know_is_refused_with_those_that_it_does(
    bundle: Bundle,
) -> None:
    with pytest.raises(UsageError, match="does not compile for 'sm90'") as raised:
        built(bundle, "fp32", "sm89", "sm90")
    assert "sm86, sm89" in raised.value.hint


def test_the_command_keeps_the_plans_and_tells_their_size(tmp_path: Path) -> None:
    said = run(
        "engine", "build", "reference@1", "--for", "sm89,sm120", "--out", str(tmp_path), "--json"
    )
    assert said.returncode == 0, said.stderr
    answer = json.loads(said.stdout)
    assert answer["bundle"] == "reference@1"
    assert [plan["target"] for plan in answer["plans"]] == ["sm89", "sm120"]
    for plan in answer["plans"]:
        data = Path(plan["file"]).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (plan["bytes"], plan["sha256"])


def test_without_the_compiler_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(EngineUnavailableError) as raised:
        find_compiler()
    assert "qc-edge[compile]" in raised.value.hint


def test_a_box_without_a_driver_loads_nothing_of_cuda(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in RTX.modules:
        monkeypatch.delitem(sys.modules, name, raising=False)
    with pytest.raises(EngineUnavailableError, match="no NVIDIA driver on this machine") as raised:
        find_variants(driver=lambda: False)
    assert raised.value.exit_code == 70
    assert not {"pycuda", *RTX.modules} & set(sys.modules)
    with pytest.raises(
        EngineUnavailableError, match="tensorrt is not installed, tensorrt-rtx is not installed"
    ):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
        find_variants(VARIANTS)
