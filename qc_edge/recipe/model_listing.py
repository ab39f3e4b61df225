"""Which bundles a station has, and what each is: found on disk, held to its digests. Changes
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from qc_edge.bundles.bundle import Bundle, load_bundle, open_bundle
from qc_edge.bundles.evaluated import check_evaluation
from qc_edge.bundles.manifest import MANIFEST
from qc_edge.bundles.signing import check_signature
from qc_edge.engine import load_engine
from qc_edge.engine.self_test import self_test
from qc_edge.errors import ModelError
from qc_edge.recipe.model_change import CurrentModel
from qc_edge.settings import StationPaths
from qc_edge.settings.paths import shipped


@dataclass(frozen=True, slots=True)
class ListedBundle:
    """One bundle: NAME@VERSION, where it is, whether it judges; `fault` is what is wrong with it,
    or "".
    """

    reference: str
    directory: Path
    in_force: bool
    signed: str
    fault: str


def list_bundles(paths: StationPaths, now: CurrentModel) -> Iterator[ListedBundle]:
    """The station's own bundles, then those that came with the software and are not hidden by
    one.
    """
    seen = set()
    for place in (paths.models, shipped("models")):
        for manifest in sorted(place.glob(f"*/*/{MANIFEST}")):
            directory = manifest.parent
            reference = f"{directory.parent.name}@{directory.name}"
            if reference.startswith(".") or reference in seen:
                continue
            seen.add(reference)
            signed, fault = "", ""
            try:
                bundle = load_bundle(reference, [place])
                signed = check_signature(bundle, now.settings.model)
                check_evaluation(bundle, now.settings.model)
            except ModelError as refusal:
                fault = refusal.message
            yield ListedBundle(reference, directory, reference == now.reference, signed, fault)


def find_bundle(paths: StationPaths, reference: str | None, now: CurrentModel) -> Bundle:
    """The bundle `reference`, or the one in force. Raises ModelError if it is nowhere, or not
    whole.
    """
    if reference is not None and "/" in reference:
        return open_bundle(Path(reference))
    return load_bundle(reference or now.reference, [paths.models, shipped("models")])


def verify(bundle: Bundle, now: CurrentModel) -> list[str]:
    """Check digests, signature and, on this machine's engine, golden frames; what was found right,
    in words.

    Raises ModelError or EngineError with what is wrong.
    """
    whole = f"every file is what the manifest {bundle.digest[:12]} says"
    findings = [whole, check_signature(bundle, now.settings.model)]
    check_evaluation(bundle, now.settings.model)
    engine = load_engine(bundle, now.settings.engine)
    try:
        self_test(engine, bundle)
        info = engine.info
        on = f"{info.backend} {info.version} ({info.device})"
        findings.append(f"{len(bundle.golden_frames)} golden frames score as approved on {on}")
    finally:
        engine.close()
    return findings
