"""Execution providers of ONNX Runtime as settings name them: `CUDA`, `OpenVINO:device_type=GPU`.

Knows names, never the runtime: what an installation has is passed to it.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass

from qc_edge.errors import EngineUnavailableError

CPU = "CPU"
_SUFFIX = "ExecutionProvider"

_PACKAGES = {
    "cuda": "onnxruntime-gpu",
    "tensorrt": "onnxruntime-gpu",
    "openvino": "onnxruntime-openvino",
    "dml": "onnxruntime-directml",
    "qnn": "onnxruntime-qnn",
}
"""Provider -> the package on PyPI that has it, in the place of the plain onnxruntime."""

_THREADS = {"OpenVINO": "num_of_threads"}
"""Providers with threads of their own: the option that says how many."""

_ON_THIS_CPU = {CPU, "OpenVINO", "XNNPACK", "Dnnl", "ACL", "ArmNN"}
"""Providers that compute on the processor unless an option names another device."""


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider as ONNX Runtime spells it, and its options."""

    name: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def full_name(self) -> str:
        """The name that the runtime lists, `CUDAExecutionProvider`."""
        return self.name + _SUFFIX

    def device(self, cpu: str) -> str:
        """The name of the processor that it computes on; `cpu` is the name of this machine's."""
        options = dict(self.options)
        chosen = options.get("device_type") or options.get("device_id")
        if chosen is None and self.name in _ON_THIS_CPU:
            return cpu
        return f"{self.name} device {chosen or 0}"


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that a session is made with, preferred first; the CPU only if it is named."""

    all: tuple[Provider, ...]

    @property
    def first(self) -> Provider:
        """The preferred provider."""
        return self.all[0]

    @property
    def description(self) -> str:
        """For the reason in rows and status: `CUDA, CPU for what it does not take`."""
        first, *rest = (provider.name for provider in self.all)
        return ", ".join([first, *(f"{name} for what it does not take" for name in rest)])

    @property
    def may_use_cpu(self) -> bool:
        """False if the whole model must run on what is named."""
        return any(provider.name == CPU for provider in self.all)

    def for_session(self, threads: int) -> list[tuple[str, dict[str, str]]]:
        """The providers and their options as an InferenceSession takes them.

        A provider with threads of its own gets `threads` of them.
        """
        return [
            (
                provider.full_name,
                ({_THREADS[provider.name]: str(threads)} if provider.name in _THREADS else {})
                | dict(provider.options),
            )
            for provider in self.all
        ]

    def missing(self, taken: Sequence[str]) -> list[str]:
        """The names of those that are not among `taken`, the providers that a session lists."""
        return [provider.name for provider in self.all if provider.full_name not in taken]


def resolve_providers(named: Sequence[str], available: Sequence[str], version: str) -> Providers:
    """The providers `named` in the settings, as this installation spells them.

    `available` are those that ONNX Runtime `version` lists; upper and lower case do not matter.
    Raises EngineUnavailableError that lists what this installation has.
    """
    known = {name.removesuffix(_SUFFIX).lower(): name.removesuffix(_SUFFIX) for name in available}
    providers = []
    for text in named:
        name, _, options = text.partition(":")
        short = name.lower().removesuffix(_SUFFIX.lower())
        if short not in known:
            near = difflib.get_close_matches(short, known, 1)
            package = _PACKAGES.get(short)
            raise EngineUnavailableError(
                f"ONNX Runtime {version} has no provider {name!r} here, it has "
                f"{', '.join(known.values())}"
                + (f"; did you mean {known[near[0]]!r}?" if near else ""),
                hint=f"install {package} in the place of onnxruntime, or change engine.providers"
                if package
                else "install the onnxruntime that has it, or change engine.providers",
            )
        providers.append(
            Provider(known[short], tuple(map(_option, options.split(","))) if options else ())
        )
    return Providers(tuple(providers))


def startup_error(providers: Providers, version: str, why: str) -> EngineUnavailableError:
    """The error for providers that this installation has and that do not run the model."""
    hint = (
        "look at the driver and the libraries that it needs; change engine.providers to go on "
        "without it"
    )
    if not providers.may_use_cpu:
        hint += f'; providers = ["{providers.first.name}", "CPU"] lets the CPU take what it cannot'
    return EngineUnavailableError(
        f"ONNX Runtime {version} does not run the model on {providers.description}: {why}", hint
    )


def _option(text: str) -> tuple[str, str]:
    key, _, value = text.partition("=")
    return key, value
