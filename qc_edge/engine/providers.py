"""Execution providers of ONNX Runtime by the names that settings have: `CUDA`,
`OpenVINO:device_type=GPU`.

Knows names, never the runtime: what an installation has is told to it.
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
"""Each brings its own onnxruntime and takes the place of the plain package."""

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
    def full(self) -> str:
        """As the runtime lists it, `CUDAExecutionProvider`."""
        return self.name + _SUFFIX

    def device(self, cpu: str) -> str:
        """The processor that it computes on; `cpu` is this machine's."""
        options = dict(self.options)
        chosen = options.get("device_type") or options.get("device_id")
        if chosen is None and self.name in _ON_THIS_CPU:
            return cpu
        return f"{self.name} device {chosen or 0}"


@dataclass(frozen=True, slots=True)
class Providers:
    """The providers that a session is made with, preferred first; never the CPU unless it is asked
    for.
    """

    all: tuple[Provider, ...]

    @property
    def first(self) -> Provider:
        """The one that is preferred."""
        return self.all[0]

    @property
    def description(self) -> str:
        """For the reason in rows and status: `CUDA, CPU for what it does not take`."""
        first, *others = (each.name for each in self.all)
        return ", ".join([first, *(f"{name} for what it does not take" for name in others)])

    @property
    def may_use_cpu(self) -> bool:
        """False if the whole model must run on what is named."""
        return any(each.name == CPU for each in self.all)

    def for_session(self, threads: int) -> list[tuple[str, dict[str, str]]]:
        """As an InferenceSession takes them; one with threads of its own gets `threads` of them."""
        return [
            (
                each.full,
                ({_THREADS[each.name]: str(threads)} if each.name in _THREADS else {})
                | dict(each.options),
            )
            for each in self.all
        ]

    def missing(self, taken: Sequence[str]) -> list[str]:
        """The names of those that are not among `taken`, which a session says it uses."""
        return [each.name for each in self.all if each.full not in taken]


def resolve_providers(wanted: Sequence[str], available: Sequence[str], version: str) -> Providers:
    """`wanted` of the settings among what ONNX Runtime `version` says is `available` here.

    Upper and lower case do not matter. Raises EngineUnavailableError that lists what this
    installation has.
    """
    known = {name.removesuffix(_SUFFIX).lower(): name.removesuffix(_SUFFIX) for name in available}
    found = []
    for text in wanted:
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
        found.append(
            Provider(known[short], tuple(map(_option, options.split(","))) if options else ())
        )
    return Providers(tuple(found))


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
