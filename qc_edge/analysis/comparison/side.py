"""One side of a comparison: a bundle, on an engine, with a threshold; and how a person names it."""

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
from qc_edge.recipe.active_model import active_reference
from qc_edge.records import activations, thresholds
from qc_edge.service.clock import utc_now
from qc_edge.settings import EngineSettings, Settings, StationPaths
from qc_edge.settings.paths import shipped


@dataclass(frozen=True)
class ComparisonSide:
    """What scores one side. `name` is what the person typed, for instance `reference@1:onnx`.

    `threshold_source` says where the threshold (0..1) comes from: "given", "settings", the id of a
    threshold record, or the bundle. `build_context` is where the engine is built.
    """

    name: str
    bundle: Bundle
    engine: EngineSettings
    threshold: float
    threshold_source: str
    build_context: BuildContext = DEFAULT_CONTEXT


@dataclass(frozen=True)
class SideLookup:
    """Finds the bundle, engine and threshold that a person named.

    With a station: among its bundles, by its settings and its threshold records. Without one: among
    the bundles that come with the program.
    """

    paths: StationPaths | None = None
    settings: Settings | None = None

    def find(self, text: str, threshold: float | None) -> ComparisonSide:
        """The side named by `text`: NAME@VERSION or a bundle's directory, perhaps with :ENGINE.

        A `threshold` (0..1) takes the place of whatever is in force. Raises UsageError for an
        unknown engine, ModelError for a bundle that is missing or does not read.
        """
        bundle_name, engine = _split(text)
        if Path(bundle_name).is_dir():
            bundle = open_bundle(Path(bundle_name))
        else:
            bundle = load_bundle(bundle_name, self._directories())
        settings = self.settings.engine if self.settings else EngineSettings()
        if engine:
            settings = _with_backend(settings, engine)
        build_context = BuildContext(self.paths.plans) if self.paths else DEFAULT_CONTEXT
        if threshold is not None:
            return ComparisonSide(text, bundle, settings, threshold, "given", build_context)
        return ComparisonSide(text, bundle, settings, *self._threshold(bundle), build_context)

    def _directories(self) -> list[Path]:
        return ([self.paths.models] if self.paths else []) + [shipped("models")]

    def _threshold(self, bundle: Bundle) -> tuple[float, str]:
        """What the station would judge this bundle by now, and where that comes from."""
        if self.paths is not None and self.settings is not None:
            # As the station looks it up: a record takes the place of the settings' initial value
            # (docs/decisions/0010).
            records = thresholds.load_all(self.paths.thresholds)
            if record := record_in_force(records, bundle.sha256, utc_now()):
                return record.value, record.threshold_id
            model = self.settings.model
            active = active_reference(activations.load(self.paths.activations), model)
            # The threshold of the settings is for the model of the settings: for another bundle its
            # scores mean something else.
            if active == bundle.reference and model.threshold is not None:
                return model.threshold, "settings"
        return bundle.threshold, bundle.reference


def _split(text: str) -> tuple[str, str]:
    """The bundle and the engine in `text`; the engine is "" if none is named."""
    bundle, colon, engine = text.rpartition(":")
    if not colon or Path(text).is_dir():  # a directory may have a colon in its name
        return text, ""
    return bundle, engine


def _with_backend(settings: EngineSettings, text: str) -> EngineSettings:
    """`settings` with the backend that `text` names, and with the provider behind its `+`."""
    backend, plus, provider = text.partition("+")
    values: dict[str, Any] = settings.model_dump() | {"backend": backend}
    if plus:
        values["providers"] = (provider,)
    try:
        return EngineSettings.model_validate(values)
    except ValidationError:
        backends = ["auto", *BACKENDS]
        similar = difflib.get_close_matches(backend, backends, 1)
        guess = f"; did you mean {similar[0]!r}?" if similar and backend not in backends else ""
        raise UsageError(
            f"there is no engine {text!r}{guess}",
            hint=f"NAME@VERSION:ENGINE with one of {', '.join(backends)}; onnx+PROVIDER names a "
            "provider of it",
        ) from None
