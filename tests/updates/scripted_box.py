"""A box that an update is applied to, without a package manager."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from qc_edge.errors import UpdateError
from qc_edge.setup.update.staging import StagedUpdate, look, stage, staged_update
from tests.updates.releases import Release


@dataclass
class ScriptedBox:
    """A box whose package manager does as it is told."""

    said: list[str] = field(default_factory=list)
    version: str = "0.1.0-1"
    before: str = ""
    bad: dict[str, str] = field(default_factory=dict)
    refuses: str = ""
    boots: bool = False
    kind: str = "deb"
    architecture: str = "amd64"

    def running(self) -> str:
        return self.version

    def install(self, staged: StagedUpdate) -> None:
        if self.refuses:
            raise UpdateError(self.refuses)
        assert all(path.is_file() for path in staged.files)
        self.before, self.version = self.version, staged.manifest.version

    def proves_later(self) -> bool:
        return self.boots

    def faults(self, ran: Iterable[str]) -> dict[str, str]:
        return {name: why for name, why in self.bad.items() if name in ran}

    def go_back(self) -> str:
        self.version = self.before
        return self.version


def staged(root: Path, release: Release) -> StagedUpdate:
    stage(root, release.source, look(release.source, release.trusted))
    found = staged_update(root, release.trusted)
    assert found is not None
    return found
