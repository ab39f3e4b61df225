"""What is to be packed as a bundle, as a person asks for it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from qc_edge.dataset.item import DatasetItem
from qc_edge.service.clock import utc_now
from qc_edge.training.bundle_files import BundleContent
from qc_edge.training.packing.adapter_search import NO_WISH, AdapterWish


@dataclass(frozen=True, slots=True)
class PackRequest:
    """What is to be packed, and what a person has said of it. `out` is the directory of bundles;
    `compile_for` are the compute capabilities that TensorRT is to compile it for (`sm89`).
    """

    model: Path
    name: str
    version: str
    by: str
    out: Path
    adapter: str | None = None
    output: str | None = None
    wish: AdapterWish = NO_WISH
    description: str = ""
    licence: str = "not stated"
    learnt_from: str = "not stated"
    escape_cost: float = 1.0
    key: Path | None = None
    compile_for: tuple[str, ...] = ()

    @property
    def directory(self) -> Path:
        """Where the bundle goes."""
        return self.out / self.name / self.version


def draft_of(
    request: PackRequest, samples: Sequence[DatasetItem], adapter: Mapping[str, Any]
) -> BundleContent:
    """What the manifest says before anything is measured."""
    good = sum(item.truth == "good" for item in samples)
    listed = "\n".join(sorted(f"{item.truth} {item.name}" for item in samples))
    return BundleContent(
        name=request.name,
        version=request.version,
        by=request.by,
        today=utc_now().date(),
        description=request.description or f"packed from {request.model.name}",
        licence=request.licence,
        adapter=adapter,
        learnt_from=f"{request.learnt_from}; threshold set on {good} good and "
        f"{len(samples) - good} bad pictures",
        learnt_from_sha256=hashlib.sha256(listed.encode()).hexdigest(),
        stretched=request.wish.stretched,
    )
