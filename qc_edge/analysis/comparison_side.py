"""The two sides of a comparison as a person names them: a bundle, on an engine, with a
threshold.
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from qc_edge.bundles.bundle import Bundle, load_bundle, open_bundle
from qc_edge.domain.threshold import record_in_force
from qc_edge.engine import BACKENDS, DEFAULT_CONTEXT, BuildContext
from qc_edge.errors import UsageError
from qc_edge.recipe.active_model import chosen_reference
from qc_edge.records import activations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import EngineSettings, Settings, StationPaths
from qc_edge.settings.paths import shipped


@dataclass(frozen=True)
class Side:
    """What scores: `named` as a person named it, `source` says where the threshold (0..1) comes
    from.

    `build_context` is where its engine is made.
    """

    named: str
    bundle: Bundle
    engine: EngineSettings
    threshold: float
    source: str
    build_context: BuildContext = DEFAULT_CONTEXT


@dataclass(frozen=True)
class SideLookup:
    """Where sides are looked up: a station's bundles, settings and threshold records, or what was
    shipped.
    """

    paths: StationPaths | None = None
    settings: Settings | None = None

    def parse(self, text: str, threshold: float | None) -> Side:
        """`NAME@VERSION`, a bundle's directory, either with `:ENGINE` behind it.

        `threshold` is for both sides, whatever is in force. Raises UsageError for an engine that is
        none, ModelError for a bundle that is none.
        """
        named, engine = _split(text)
        bundle = (
            open_bundle(Path(named)) if Path(named).is_dir() else load_bundle(named, self._search())
        )
        settings = self.settings.engine if self.settings else EngineSettings()
        if engine:
            settings = _with_backend(settings, engine)
        build_context = BuildContext(self.paths.plans) if self.paths else DEFAULT_CONTEXT
        if threshold is not None:
            return Side(text, bundle, settings, threshold, "given", build_context)
        return Side(text, bundle, settings, *self._threshold(bundle), build_context)

    def _search(self) -> list[Path]:
        return ([self.paths.models] if self.paths else []) + [shipped("models")]

    def _threshold(self, bundle: Bundle) -> tuple[float, str]:
        """What the station would judge this bundle by now, else the bundle's own."""
        if self.paths is not None and self.settings is not None:
            records = thresholds.load_all(self.paths.thresholds)
            if record := record_in_force(records, bundle.sha256, utc_now()):
                return record.value, record.threshold_id
            wanted = self.settings.model
            in_force = chosen_reference(activations.load(self.paths.activations), wanted)
            if in_force == bundle.reference and wanted.threshold is not None:
                return wanted.threshold, "settings"
        return bundle.threshold, bundle.reference


def _split(text: str) -> tuple[str, str]:
    """The bundle and the engine in `text`, which is "" if none is named."""
    named, colon, engine = text.rpartition(":")
    if not colon or Path(text).is_dir():
        return text, ""
    return named, engine


def _with_backend(settings: EngineSettings, text: str) -> EngineSettings:
    """`settings` with the backend that `text` names, and with the provider behind its `+`."""
    backend, plus, provider = text.partition("+")
    values: dict[str, Any] = settings.model_dump() | {"backend": backend}
    if plus:
        values["providers"] = (provider,)
    try:
        return EngineSettings.model_validate(values)
    except ValidationError:
        known = ["auto", *BACKENDS]
        near = difflib.get_close_matches(backend, known, 1)
        raise UsageError(
            f"there is no engine {text!r}"
            + (f"; did you mean {near[0]!r}?" if near and backend not in known else ""),
            hint=f"NAME@VERSION:ENGINE with one of {', '.join(known)}; onnx+PROVIDER names a "
            "provider of it",
        ) from None
