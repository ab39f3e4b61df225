"""What is in force at one moment: everything that a verdict depends on, by ids and digests."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import PurePosixPath

_RECORD_ID = re.compile(r"\d{8}T\d{12}Z")


@dataclass(frozen=True, slots=True)
class InForce:
    """A snapshot, as the event `in_force` holds it in `after`.

    `calibrations` has an id for each camera; `settings` is the digest of the settings, which names
    the file that keeps them. `records` has the sha256 (hex) of each file that decides, by its path
    below the station's state directory; empty in snapshots of earlier versions.
    """

    software: str
    model: str
    engine: str
    threshold: str
    calibrations: dict[str, str]
    settings: str
    records: dict[str, str] = field(default_factory=dict)

    def to_json(self) -> str:
        """As the event `in_force` holds it."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> InForce:
        """The inverse; what a later version has added is left out.

        Raises ValueError, KeyError, TypeError or AttributeError on foreign content.
        """
        names = {each.name for each in fields(cls)}
        return cls(**{name: value for name, value in json.loads(text).items() if name in names})

    @property
    def model_reference(self) -> str:
        """The bundle, NAME@VERSION."""
        return self.model.partition(" ")[0]

    @property
    def model_sha256(self) -> str:
        """Digest (hex) of the model file."""
        return self.model.rpartition(" ")[2]

    def with_later(self, records: Iterable[tuple[str, str]]) -> InForce:
        """With records (path, sha256) that were put in force after it, each in place of the one of
        its kind and camera.
        """
        files = dict(self.records)
        for path, sha256 in records:
            for other in [other for other in files if _place(other) == _place(path)]:
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


def _place(path: str) -> str:
    kind = record_kind(path)
    return kind if kind == "models" else str(PurePosixPath(path).parent)


def record_kind(path: str) -> str:
    """What kind of record lies there: the first directory of its path (`thresholds`, `models`)."""
    return PurePosixPath(path).parts[0]
