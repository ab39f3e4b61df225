"""What the settings say about the inference engine. Knows the words, not what this machine has."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator

from qc_edge.settings.section import Section

_PROVIDER = re.compile(r"[A-Za-z0-9]+(:[a-z0-9_]+=[^,=]+(,[a-z0-9_]+=[^,=]+)*)?")


class EngineSettings(Section):
    """What runs the model."""

    backend: Literal["auto", "tensorrt", "onnx", "scripted"] = Field(
        default="auto",
        description="auto takes the best that this machine has and says why, and why not the "
        "others.",
    )
    threads: int = Field(
        default=0,
        ge=0,
        le=256,
        description="CPU threads of onnx; 0: all cores but one, at most 4.",
    )
    providers: tuple[str, ...] = Field(
        default=("CPU",),
        min_length=1,
        description="ONNX Runtime's execution providers, preferred first: CPU, CUDA, "
        "OpenVINO:device_type=GPU. What is named must run; CPU takes over only where it is named.",
    )
    device: int = Field(default=0, ge=0, le=15, description="tensorrt: which NVIDIA GPU, from 0.")
    precision: Literal["bundle", "fp32", "fp16", "int8"] = Field(
        default="bundle",
        description="tensorrt: what the model computes in; bundle: as its manifest says. The "
        "golden frames must agree either way.",
    )
    max_batch: int = Field(
        default=8,
        ge=1,
        le=32,
        description="tensorrt: at most this many waiting frames are scored together.",
    )
    tf32: bool = Field(
        default=False,
        description="tensorrt: allow TF32 in fp32 layers; faster, scores move a little.",
    )
    cuda_graph: bool = Field(
        default=False,
        description="tensorrt: record the work for each batch size once and play it back.",
    )
    workspace_mb: int = Field(
        default=1024,
        ge=16,
        le=65536,
        description="tensorrt: at most this much of the GPU's memory (MiB) for a layer's own work; "
        "a build tries nothing that needs more. On a Jetson it is the box's memory.",
    )
    plans_kept: int = Field(
        default=4,
        ge=1,
        le=64,
        description="tensorrt: compiled models kept on disk, the last used ones.",
    )
    build_limit_s: float = Field(
        default=1800.0,
        ge=10,
        le=7200,
        description="tensorrt: compiling may be silent for at most this long (s).",
    )

    @field_validator("providers")
    @classmethod
    def _providers_fit(cls, providers: tuple[str, ...]) -> tuple[str, ...]:
        for text in providers:
            if not _PROVIDER.fullmatch(text):
                raise ValueError(f"got {text!r}, expected NAME or NAME:option=value,option=value")
        names = [text.partition(":")[0].lower() for text in providers]
        if len(set(names)) < len(names):
            raise ValueError("names a provider twice")
        if "cpu" in names[:-1]:
            raise ValueError("has another behind CPU, which takes every model: put CPU last")
        return providers
