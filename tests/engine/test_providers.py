"""ONNX Runtime's providers by name: what is named runs, or the engine says what this installation
has.
"""

from __future__ import annotations

import onnxruntime as ort
import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.engine import load_engine
from qc_edge.engine.providers import resolve_providers
from qc_edge.engine.self_test import self_test
from qc_edge.errors import EngineUnavailableError, SettingsError
from qc_edge.settings import EngineSettings, parse_settings

DEFAULT_CONTEXT = [name.removesuffix("ExecutionProvider") for name in ort.get_available_providers()]
LOCAL = [name for name in DEFAULT_CONTEXT if name != "Azure"]  # which computes elsewhere
GPU_BOX = ["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"]


@pytest.mark.parametrize("name", LOCAL)
def test_every_provider_of_this_installation_passes_the_self_test(
    name: str, bundle: Bundle
) -> None:
    engine = load_engine(bundle, EngineSettings(backend="onnx", threads=1, providers=(name,)))
    self_test(engine, bundle)
    assert engine.info.backend == f"onnx-{name.lower()}"
    assert engine.info.reason == f"onnx: the settings name it; on {name}; 1 thread"
    engine.close()


def test_a_provider_that_is_not_installed_is_refused_with_those_that_are(bundle: Bundle) -> None:
    with pytest.raises(EngineUnavailableError) as refused:
        load_engine(bundle, EngineSettings(providers=("ROCM",)))
    assert str(refused.value).startswith(
        f"ONNX Runtime {ort.__version__} has no provider 'ROCM' here, it has "
    )
    assert all(name in str(refused.value) for name in DEFAULT_CONTEXT)


def test_the_package_that_has_a_provider_is_named() -> None:
    with pytest.raises(EngineUnavailableError) as refused:
        resolve_providers(("OpenVINO",), GPU_BOX, "1.24.1")
    assert "install onnxruntime-openvino in the place of onnxruntime" in refused.value.hint


def test_a_misspelt_provider_is_answered_with_the_nearest() -> None:
    with pytest.raises(EngineUnavailableError, match="did you mean 'CUDA'"):
        resolve_providers(("CUDDA",), GPU_BOX, "1.24.1")


def test_names_are_taken_as_people_write_them() -> None:
    found = resolve_providers(("cuda:device_id=1", "cpu"), GPU_BOX, "1.24.1")
    assert found.for_session(3) == [
        ("CUDAExecutionProvider", {"device_id": "1"}),
        ("CPUExecutionProvider", {}),
    ]
    assert found.description == "CUDA, CPU for what it does not take"
    assert found.first.device("Xeon") == "CUDA device 1"
    assert (
        resolve_providers(("TensorrtExecutionProvider",), GPU_BOX, "1").first.device("Xeon")
        == "Tensorrt device 0"
    )
    assert resolve_providers(("CPU",), GPU_BOX, "1").first.device("Xeon") == "Xeon"


def test_openvino_gets_the_threads_of_the_engine_unless_it_is_told_otherwise() -> None:
    available = ["OpenVINOExecutionProvider", "CPUExecutionProvider"]
    plain, told = (
        resolve_providers((text,), available, "1").for_session(3)[0][1]
        for text in ("OpenVINO", "OpenVINO:device_type=GPU,num_of_threads=8")
    )
    assert plain == {"num_of_threads": "3"}
    assert told == {"num_of_threads": "8", "device_type": "GPU"}


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        # whole model or nothing: the runtime is told not to share it with the CPU
        (("CUDA",), "nodes that are assigned to the default CPU"),
        # the CPU may help, but not alone
        (("CUDA", "CPU"), "CUDA did not start"),
    ],
)
@pytest.mark.filterwarnings("ignore:Specified provider 'CUDAExecutionProvider'")
def test_a_provider_that_does_not_start_is_never_replaced_by_the_cpu(
    wanted: tuple[str, ...], says: str, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where its libraries are missing: the runtime lists it, warns, and goes on with the CPU."""
    assert "CUDA" not in DEFAULT_CONTEXT
    monkeypatch.setattr(ort, "get_available_providers", lambda: GPU_BOX)
    with pytest.raises(EngineUnavailableError, match=says) as refused:
        load_engine(bundle, EngineSettings(backend="onnx", providers=wanted))
    assert "driver" in refused.value.hint
    assert ('providers = ["CUDA", "CPU"]' in refused.value.hint) == ("CPU" not in wanted)


@pytest.mark.parametrize(
    ("providers", "says"),
    [
        ("[]", "at least 1 item"),
        ('["CUDA", "cuda"]', "names a provider twice"),
        ('["CPU", "CUDA"]', "put CPU last"),
        ('["CUDA:device_id"]', "expected NAME or NAME:option=value"),
        ('["CUDA 0"]', "expected NAME or NAME:option=value"),
    ],
)
def test_settings_that_make_no_sense_are_refused(providers: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse_settings(
            f'[station]\nname = "line1"\n[engine]\nproviders = {providers}\n', "line1.toml"
        )
