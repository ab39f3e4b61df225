"""An update as whoever releases it makes one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.setup.update.manifest import sign_update
from qc_edge.setup.update.source import DirectorySource

PACKAGE = "qc-edge_0.2.0-1_amd64.deb"


@dataclass
class Release:
    """An update in a directory, signed by a key that the box trusts."""

    directory: Path
    key: Path
    trusted: tuple[str, ...]

    @property
    def source(self) -> DirectorySource:
        return DirectorySource(self.directory)


@pytest.fixture
def release(tmp_path: Path) -> Release:
    directory = tmp_path / "release"
    directory.mkdir()
    (directory / PACKAGE).write_bytes(b"package" * 1000)
    key = tmp_path / "release.key"
    trusted = make_key(key)
    sign_update(directory, key)
    return Release(directory, key, (f"{trusted} release",))
