"""The rule for parts that the settings of a row say, those of a recipe included."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from qc_edge.domain.parts.rules import ExpectedView
from qc_edge.records.record_file import file_digest
from qc_edge.settings import ViewSettings
from qc_edge.settings.view import PartSettings


@dataclass(slots=True)
class PartRulesKept:
    """By the digests of the settings that are kept in `directory`; each is read once."""

    directory: Path
    _known: dict[str, str | None] = field(default_factory=dict)

    def text(self, digest: str) -> str | None:
        """The rule as rows of parts have it; None if those settings are not there any more, are not
        as they were, or are of another version. Whether they are is another check.
        """
        if digest not in self._known:
            self._known[digest] = self._read(digest)
        return self._known[digest]

    def _read(self, digest: str) -> str | None:
        path = self.directory / f"{digest}.json"
        if file_digest(path) != digest:
            return None
        try:
            values = json.loads(path.read_bytes())
            part = PartSettings.model_validate_json(json.dumps(values.get("part", {})))
            views = [ViewSettings.model_validate_json(json.dumps(each)) for each in values["view"]]
        except (OSError, ValueError, KeyError, ValidationError):
            return None
        expected = [ExpectedView(view.name, view.required) for view in views]
        return part.rules(values["station"]["deadline_ms"], views).text(expected)
