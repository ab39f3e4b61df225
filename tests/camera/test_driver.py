"""pypylon as it is loaded: what it leaves in the home directory, what it says where it is
missing.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from qc_edge.errors import CameraError
from tests.camera.conftest import Open

pytestmark = pytest.mark.usefixtures("pylon")

BARE = """
import warnings
warnings.simplefilter("ignore")
from pypylon import pylon
pylon.InstantCamera(pylon.TlFactory.GetInstance().CreateFirstDevice()).Open()
"""
OURS = """
import pathlib, sys
from qc_edge.camera import connect
from qc_edge.settings import CameraSettings
camera = connect(CameraSettings(name="top", backend="emulated", images=pathlib.Path(sys.argv[1])))
camera.open()
assert camera.grab(5.0) is not None
"""


def ran(program: str, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A Python of its own with this home directory, and no choice of a cache in its environment."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GENICAM_CACHE")}
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=kept | {"HOME": str(home), "PYLON_CAMEMU": "1"},
        capture_output=True,
        text=True,
        timeout=60,
    )


class TestCache:
    def test_what_a_full_disk_tore_does_not_keep_a_camera_from_opening(
        self, tmp_path: Path, folder: Path
    ) -> None:
        assert ran(BARE, tmp_path).returncode == 0
        torn = sorted((tmp_path / "genicam_xml_cache").iterdir())
        assert torn, "pylon no longer keeps a cache there"
        for file in torn:
            os.truncate(file, file.stat().st_size // 2)
        assert ran(BARE, tmp_path).returncode != 0, "pylon sees by itself that its cache is torn"
        ours = ran(OURS, tmp_path, str(folder))
        assert ours.returncode == 0, ours.stderr

    def test_nothing_is_kept(self, tmp_path: Path, folder: Path) -> None:
        ours = ran(OURS, tmp_path, str(folder))
        assert ours.returncode == 0, ours.stderr
        assert not list(tmp_path.rglob("*.bin"))


@pytest.mark.parametrize(
    "fault", [None, RuntimeError("NULL pointer dereferenced")], ids=["missing", "broken"]
)
def test_a_pypylon_that_does_not_load_is_said_with_what_to_do(
    camera_of: Open, monkeypatch: pytest.MonkeyPatch, fault: Exception | None
) -> None:
    for module in ("basler", "driver"):
        monkeypatch.delitem(sys.modules, f"qc_edge.camera.{module}", raising=False)
    if fault is None:
        monkeypatch.setitem(sys.modules, "pypylon", None)
    else:
        monkeypatch.setitem(sys.modules, "pypylon", Broken("pypylon", fault))
    with pytest.raises(CameraError, match="pypylon cannot be loaded") as refused:
        camera_of(backend="emulated")
    assert "qc-edge[basler]" in refused.value.hint


class Broken(type(sys)):  # type: ignore[misc]
    """A package that fails while it is imported, with `fault`."""

    def __init__(self, name: str, fault: Exception) -> None:
        super().__init__(name)
        self._fault = fault

    def __getattr__(self, _: str) -> object:
        raise self._fault
