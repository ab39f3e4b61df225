"""What is in force at one moment: everything that a verdict depends on, by ids and digests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import PurePosixPath
from typing import Any

_RECORD_ID = re.compile(r"\d{8}T\d{12}Z")


@dataclass(frozen=True, slots=True)
class ViewInForce:
    """What judges one view of a part: model, engine and threshold in the words of `InForce`."""

    model: str
    engine: str
    threshold: str


@dataclass(frozen=True, slots=True)
class InForce:
    """A snapshot, as the event `in_force` holds it in `after`.

    `calibrations` has an id for each camera; `settings` is the digest of the settings, which names
    the file that keeps them. `records` has the sha256 (hex) of each file that decides, by its path
    below the station's state directory; empty in snapshots of earlier versions. `views` has what
    judges each view; where it is empty, `model`, `engine` and `threshold` judge everything.
    `recipe` is the recipe in force as NAME@REVISION, `changeover` the id of the record that put it
    there or went back to the settings.
    """

    software: str
    model: str
    engine: str
    threshold: str
    calibrations: dict[str, str]
    settings: str
    records: dict[str, str] = field(default_factory=dict)
    views: dict[str, ViewInForce] = field(default_factory=dict)
    recipe: str | None = None
    changeover: str | None = None

    def to_json(self) -> str:
        """As the event `in_force` holds it; of a station without views, as ever."""
        values = asdict(self)
        for name in ("views", "recipe", "changeover"):
            if not values[name]:
                del values[name]
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> InForce:
        """The inverse; what a later version has added is left out.

        Raises ValueError, KeyError, TypeError or AttributeError on foreign content.
        """
        values = _known(cls, json.loads(text))
        views = values.get("views", {})
        of_views = {name: ViewInForce(**_known(ViewInForce, view)) for name, view in views.items()}
        return cls(**values | {"views": of_views})

    @property
    def model_reference(self) -> str:
        """The bundle, NAME@VERSION."""
        return self.model.partition(" ")[0]

    @property
    def model_sha256(self) -> str:
        """Digest (hex) of the station's model file."""
        return self.model.rpartition(" ")[2]

    @property
    def own(self) -> ViewInForce:
        """What judges where no view says otherwise."""
        return ViewInForce(self.model, self.engine, self.threshold)

    def of_view(self, view: str | None) -> ViewInForce:
        """What judges this view; None: a frame that is of no view."""
        return self.views.get(view, self.own) if view is not None else self.own

    def ruled_by(self, record_id: str) -> list[tuple[str | None, str]]:
        """What the threshold record `record_id` rules: each view (None: the station) and the digest
        (hex) of its model file.
        """
        places: list[tuple[str | None, ViewInForce]] = [(None, self.own), *self.views.items()]
        return [
            (name, place.model.rpartition(" ")[2])
            for name, place in places
            if threshold_record(place.threshold) == record_id
        ]

    def with_later(self, records: Iterable[tuple[str, str]]) -> InForce:
        """With records (path, sha256) that were put in force after it, each in place of the one of
        its kind and camera; what judges a view stays.
        """
        files = dict(self.records)
        of_views = {path for view in self.views.values() for path in _files(view)}
        for path, sha256 in records:
            replaced = [other for other in files if _place(other) == _place(path)]
            for other in replaced:
                if other not in of_views:
                    del files[other]
            files[path] = sha256
        return replace(self, records=files)

    def record_files(self) -> dict[str, str | None]:
        """The files that decide, with their sha256; None where an earlier version noted none."""
        if self.records:
            return dict(self.records)
        files: dict[str, str | None] = {
            f"calibration/{camera}/{name}.toml": None for camera, name in self.calibrations.items()
        }
        if (name := threshold_record(self.threshold)) is not None:
            files[f"thresholds/{name}.toml"] = None
        return files


def threshold_record(threshold_id: str) -> str | None:
    """The id of the record behind a threshold; None for a value of the settings or the bundle."""
    name = threshold_id.partition(":")[0]
    return name if _RECORD_ID.fullmatch(name) else None


def _known(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    names = {each.name for each in fields(kind)}
    return {name: value for name, value in values.items() if name in names}


def _files(view: ViewInForce) -> Iterator[str]:
    """The files behind what judges a view, as `records` names them."""
    name, _, version = view.model.partition(" ")[0].partition("@")
    yield f"models/{name}/{version}/bundle.toml"
    if (record := threshold_record(view.threshold)) is not None:
        yield f"thresholds/{record}.toml"


def _place(path: str) -> str:
    kind = record_kind(path)
    return kind if kind in {"models", "recipes"} else str(PurePosixPath(path).parent)


def record_kind(path: str) -> str:
    """What kind of record lies there: the first directory of its path (`thresholds`, `models`)."""
    return PurePosixPath(path).parts[0]
