"""An update that is cut off, that two people apply, or that cannot be taken back."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
from pathlib import Path
from typing import IO

import pytest

from qc_edge.errors import BusyError, UpdateError, UpstreamError, UsageError
from qc_edge.setup.software import Software, switch
from qc_edge.setup.update import health
from qc_edge.setup.update.apply import after_boot, apply, take_back
from qc_edge.setup.update.boot_entries import other_entry
from qc_edge.setup.update.box_state import STAGED, begin, changing, read_applied
from qc_edge.setup.update.source import DirectorySource
from qc_edge.setup.update.staging import look, stage
from tests.updates.releases import PACKAGE, Release
from tests.updates.releases import release as release
from tests.updates.scripted_box import ScriptedBox, staged


def test_a_version_that_cannot_be_taken_back_is_not_said_to_be(
    tmp_path: Path, release: Release
) -> None:
    class NoWayBack(ScriptedBox):
        def go_back(self) -> str:
            raise UsageError("version 0.1.0-1 cannot read the log any more")

    root, box = tmp_path / "box", NoWayBack(bad={"line1": "it was not started"})
    ended = apply(root, box, staged(root, release), ["line1"], box.said.append)
    assert (ended.outcome, box.version) == ("not_good", "0.2.0-1")
    assert "cannot read the log" in ended.why
    assert not [words for words in box.said if "fell back" in words]


def test_what_runs_is_not_applied_again_but_what_was_cut_off_is(
    tmp_path: Path, release: Release
) -> None:
    root, box = tmp_path / "box", ScriptedBox()
    update = staged(root, release)
    begin(root, "0.2.0-1", "0.1.0-1")  # and the power went, behind the installation
    box.version = "0.2.0-1"
    ended = apply(root, box, update, ["line1"], box.said.append)
    assert (ended.outcome, ended.before) == ("good", "0.1.0-1")
    with pytest.raises(UpdateError, match="runs already"):
        apply(root, box, update, ["line1"], box.said.append)


def test_what_a_person_takes_back_is_not_said_not_to_have_come_up(tmp_path: Path) -> None:
    begin(tmp_path, "2", "1")
    assert take_back(tmp_path, ScriptedBox(before="1")) == "1"
    said: list[str] = []
    assert after_boot(tmp_path, "1", {}, said.append)
    applied = read_applied(tmp_path)
    assert applied is not None
    assert (applied.why.split()[:2], said) == (["a", "person"], [])


def test_one_update_at_a_time(tmp_path: Path) -> None:
    with (
        changing(tmp_path),
        pytest.raises(BusyError, match="staged or applied"),
        changing(tmp_path),
    ):
        pass
    with changing(tmp_path):
        pass


def test_what_a_newer_version_wrote_of_its_update_is_read(tmp_path: Path) -> None:
    kept = begin(tmp_path, "2", "1")
    path = tmp_path / "var/lib/qc-edge-box/update-state.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"signer": "quality"}))
    assert read_applied(tmp_path) == kept


def test_a_state_that_does_not_read_boots_no_box_for_ever(tmp_path: Path) -> None:
    begin(tmp_path, "2", "1")
    (tmp_path / "var/lib/qc-edge-box/update-state.json").write_text("{")
    assert health.main(tmp_path) == 0


class BreaksOff(DirectorySource):
    """A network that goes in the middle of a file."""

    def open(self, name: str) -> IO[bytes]:
        class Half(io.BytesIO):
            def read(self, size: int | None = -1, /) -> bytes:
                raise http.client.IncompleteRead(b"half")

        return Half()


def test_a_transfer_that_breaks_off_is_said_and_leaves_nothing(
    tmp_path: Path, release: Release
) -> None:
    source = BreaksOff(release.directory)
    with pytest.raises(UpstreamError, match=f"{PACKAGE} from .* broke off"):
        stage(tmp_path / "box", source, look(source, release.trusted))
    assert not list((tmp_path / "box" / STAGED).glob("*"))


def test_the_other_slot_is_one_that_comes_up() -> None:
    def listed(*files: str) -> str:
        stripped = [(re.sub(r"\+[0-9-]+", "", file), f"/efi/EFI/Linux/{file}") for file in files]
        return json.dumps([{"id": name, "path": path} for name, path in stripped])

    both = listed("qc-edge_0.1.0.efi", "qc-edge_0.1.0.1.efi")
    assert other_entry(both, "0.1.0") == "qc-edge_0.1.0.1.efi"
    assert other_entry(listed("qc-edge_1.efi", "qc-edge_2+2-1.efi"), "1") == "qc-edge_2.efi"
    with pytest.raises(UpdateError, match="did not come up"):
        other_entry(listed("qc-edge_1.efi", "qc-edge_2+0-3.efi"), "1")


def test_a_switch_that_is_cut_off_leaves_the_version_that_was_wanted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, then = Software(tmp_path / "2"), Software(tmp_path / "1")
    for name, each in (("current", now), ("previous", then)):
        each.directory.mkdir()
        (tmp_path / name).symlink_to(each.version)
    real, cuts = os.replace, iter([False, True])

    def cut(*paths: Path) -> None:
        if next(cuts):
            raise OSError("power")
        real(*paths)

    monkeypatch.setattr("qc_edge.setup.software.os.replace", cut)
    with pytest.raises(OSError, match="power"):
        switch(tmp_path, then, now)
    assert (tmp_path / "current").resolve().name == "1"
