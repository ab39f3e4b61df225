"""An update: signed, staged whole or not at all, proven, and taken back with words that say why."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.bundles.signing import make_key
from qc_edge.errors import UpdateError, UpstreamError, UsageError
from qc_edge.records import notices
from qc_edge.settings import StationPaths
from qc_edge.setup.changeover import Unit
from qc_edge.setup.new_station import CameraChoice, provision
from qc_edge.setup.software import Software, refuse_unreadable_log
from qc_edge.setup.update.apply import after_boot, apply
from qc_edge.setup.update.box_state import STAGED, begin, read_applied
from qc_edge.setup.update.boxes import this_box, version_of
from qc_edge.setup.update.manifest import MANIFEST, SIGNATURE, sign_update
from qc_edge.setup.update.moment import wait_until_between_parts
from qc_edge.setup.update.source import HttpsSource
from qc_edge.setup.update.staging import look, refuse_unfit, staged_update
from qc_edge.setup.update.stations_health import wait_for_health
from qc_edge.setup.update.versions import is_newer
from tests.cli.runner import invoke
from tests.updates.releases import PACKAGE, Release
from tests.updates.releases import release as release
from tests.updates.scripted_box import ScriptedBox, staged


def test_what_is_signed_is_staged_whole_and_then_applied(tmp_path: Path, release: Release) -> None:
    root, box = tmp_path / "box", ScriptedBox()
    ended = apply(root, box, staged(root, release), ["line1"], box.said.append)
    assert (ended.outcome, box.version) == ("good", "0.2.0-1")
    assert read_applied(root) == ended
    assert box.said == ["version 0.2.0-1 is good"]
    assert staged_update(root, release.trusted) is None, "its pieces take no room any more"


Change = Callable[[Release], None]


def unsigned(release: Release) -> None:
    (release.directory / SIGNATURE).unlink()


def manifest_altered(release: Release) -> None:
    path = release.directory / MANIFEST
    path.write_text(path.read_text().replace("0.2.0-1", "0.3.0-1"))


def of_a_stranger(release: Release) -> None:
    key = release.key.with_name("stranger.key")
    make_key(key)
    sign_update(release.directory, key)


def truncated(release: Release) -> None:
    (release.directory / PACKAGE).write_bytes(b"package" * 10)


def longer(release: Release) -> None:
    with (release.directory / PACKAGE).open("ab") as file:
        file.write(b"more")


def other_bytes(release: Release) -> None:
    (release.directory / PACKAGE).write_bytes(b"PACKAGE" * 1000)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (unsigned, "is not signed"),
        (manifest_altered, "the signature does not fit update.json"),
        (of_a_stranger, "whom this box does not trust"),
        (truncated, "70 bytes of 7,000"),
        (longer, "bytes of 7,000"),
        (other_bytes, "not the one that was signed: other bytes"),
    ],
)
def test_what_was_not_signed_so_is_not_staged(
    tmp_path: Path, release: Release, change: Change, said: str
) -> None:
    change(release)
    with pytest.raises(UpdateError, match=said):
        staged(tmp_path / "box", release)
    assert not list((tmp_path / "box" / STAGED).glob("*"))


def test_a_file_that_is_not_there_leaves_nothing(tmp_path: Path, release: Release) -> None:
    (release.directory / PACKAGE).unlink()
    with pytest.raises(UpstreamError, match=PACKAGE):
        staged(tmp_path / "box", release)
    assert not list((tmp_path / "box" / STAGED).glob("*"))


def test_what_is_altered_after_it_was_staged_is_not_applied(
    tmp_path: Path, release: Release
) -> None:
    found = staged(tmp_path / "box", release)
    found.files[0].write_bytes(b"x")
    with pytest.raises(UpdateError, match="altered since it was staged"):
        staged_update(tmp_path / "box", release.trusted)


@pytest.mark.parametrize(
    ("kind", "architecture", "running", "said"),
    [
        ("image", "amd64", "0.1.0-1", "this box takes a image for amd64"),
        ("deb", "arm64", "0.1.0-1", "this box takes a deb for arm64"),
        ("deb", "amd64", "0.2.0-1", "runs already"),
        ("deb", "amd64", "0.2.0-2", "older than 0.2.0-2"),
    ],
)
def test_an_update_for_another_box_or_time_is_refused(
    release: Release, kind: str, architecture: str, running: str, said: str
) -> None:
    offer = look(release.source, release.trusted)
    with pytest.raises(UpdateError, match=said):
        refuse_unfit(offer, kind, architecture, running, older=False)


def test_an_older_one_is_taken_if_it_is_meant_so(release: Release) -> None:
    refuse_unfit(look(release.source, release.trusted), "deb", "amd64", "0.3.0-1", older=True)


def test_a_version_that_is_not_good_is_taken_back_and_says_why(
    tmp_path: Path, release: Release
) -> None:
    root = tmp_path / "box"
    paths = provision(root, "line1", CameraChoice(None)).paths
    box = ScriptedBox(bad={"line1": "it ended with exit code 65: golden frame a.png scores 0.9"})
    ended = apply(root, box, staged(root, release), ["line1"], box.said.append)
    assert (ended.outcome, box.version) == ("fell_back", "0.1.0-1")
    assert "golden frame a.png" in ended.why
    assert box.said[-1].startswith("fell back from 0.2.0-1 to 0.1.0-1: line1: it ended with exit")
    assert "golden frame a.png" in told(paths)


def told(paths: StationPaths) -> str:
    """The one event that waits for the station's log."""
    [name] = notices.names(paths.notices)
    values = json.loads((paths.notices / f"{name}.json").read_text())
    assert values["kind"] == "software_fell_back"
    return str(values["detail"])


def test_a_station_that_did_not_run_before_decides_nothing(
    tmp_path: Path, release: Release
) -> None:
    root, box = tmp_path / "box", ScriptedBox(bad={"line2": "it was not started"})
    assert apply(root, box, staged(root, release), ["line1"], box.said.append).outcome == "good"


def test_a_package_manager_that_refuses_changes_nothing_and_is_known(
    tmp_path: Path, release: Release
) -> None:
    root, box = tmp_path / "box", ScriptedBox(refuses="dpkg: no room")
    with pytest.raises(UpdateError, match="no room"):
        apply(root, box, staged(root, release), ["line1"], box.said.append)
    applied = read_applied(root)
    assert applied is not None
    assert (applied.outcome, applied.why, box.version) == ("fell_back", "dpkg: no room", "0.1.0-1")


def test_a_box_with_two_slots_proves_it_at_its_next_boot(tmp_path: Path, release: Release) -> None:
    root, box = tmp_path / "box", ScriptedBox(boots=True)
    update = staged(root, release)
    assert apply(root, box, update, ["line1"], box.said.append).outcome == "trying"
    place = update.directory.parent
    (place / update.files[0].name).hardlink_to(update.files[0])  # as SlotBox for systemd-sysupdate
    (place / "0.3.0-1").mkdir()
    assert after_boot(root, "0.2.0-1", {}, box.said.append)
    assert [path.name for path in place.iterdir()] == ["0.3.0-1"], "its pieces take no room"
    applied = read_applied(root)
    assert applied is not None
    assert applied.outcome == "good"


def test_a_slot_that_is_not_good_boots_again_and_the_one_before_says_why(tmp_path: Path) -> None:
    paths = provision(tmp_path, "line1", CameraChoice(None)).paths
    said: list[str] = []
    begin(tmp_path, "2", "1")
    for _ in range(3):
        assert not after_boot(tmp_path, "2", {"line1": "it ended with exit code 74"}, said.append)
    assert after_boot(tmp_path, "1", {}, said.append), "the version before is good"
    assert said[-1] == "fell back from 2 to 1: line1: it ended with exit code 74"
    assert "exit code 74" in told(paths)
    assert after_boot(tmp_path, "1", {}, said.append)
    assert len(said) == 4, "it is told once"


def test_a_slot_that_never_came_up_is_said_to_be_so(tmp_path: Path) -> None:
    said: list[str] = []
    begin(tmp_path, "2", "1")
    assert after_boot(tmp_path, "1", {}, said.append)
    assert "fell back from 2 to 1: it did not come up" in said[-1]


def unit(state: str, substate: str = "running", words: str = "") -> Unit:
    return Unit("line1", state, substate, "78", 7, words, has_job=False)


def test_a_dark_camera_is_no_reason_to_go_back() -> None:
    dark = unit("active", words="NOT READY: camera top is missing")
    assert wait_for_health(["line1"], 0, lambda: {"line1": dark}) == {}


def test_a_station_that_ends_hangs_or_is_gone_is_one() -> None:
    units = {"a": unit("failed", "failed", "settings"), "b": unit("activating", "start", "engine")}
    faults = wait_for_health(["a", "b", "c"], 0, lambda: units)
    assert faults == {
        "a": "it ended with exit code 78: settings",
        "b": "it has not started in time: engine",
        "c": "it was not started",
    }


def test_a_station_left_in_the_version_before_is_known_by_its_interpreter() -> None:
    top = Path("/opt/qc-edge")
    assert version_of(top / "0.1.0-1/bin/python3.11", top) == "0.1.0-1"
    assert version_of(Path("/usr/bin/python3.10"), top) is None


def software(top: Path, version: str, *migrations: str) -> Software:
    """A version that knows these changes of the log."""
    package = top / version / "lib/python3/qc_edge"
    for name in ("setup/preflight.py", "store/log/schema.sql"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("".join(f"-- migration {name}\n" for name in migrations))
    return Software(top / version)


def test_back_and_forth_is_allowed_while_the_log_has_only_grown(tmp_path: Path) -> None:
    old = software(tmp_path, "1", "m001_a")
    grown = software(tmp_path, "2", "m001_a", "m002_adds_a_column")
    refuse_unreadable_log(grown, old)
    refuse_unreadable_log(old, grown)
    rebuilt = software(tmp_path, "3", "m001_a", "rebuilt_without_a_column")
    with pytest.raises(UsageError, match="cannot read the log any more: it lacks rebuilt"):
        refuse_unreadable_log(rebuilt, old)


def test_under_another_prefix_no_software_is_changed(tmp_path: Path) -> None:
    with pytest.raises(UpdateError, match="is not what runs here"):
        this_box(print, tmp_path)


def test_between_parts_is_when_no_frames_wait(tmp_path: Path) -> None:
    status = tmp_path / "run/qc-edge/line1/status.json"
    status.parent.mkdir(parents=True)
    status.write_text(json.dumps({"spool_depth": 3}))
    assert wait_until_between_parts(tmp_path, 0) == ["line1"]
    status.write_text(json.dumps({"spool_depth": 0}))
    assert wait_until_between_parts(tmp_path, 10) == []


@pytest.mark.parametrize(
    ("newer", "older"),
    [
        ("0.2.0-1", "0.1.9-9"),
        ("0.10.0-1", "0.9.0-1"),
        ("0.2.0-1", "0.2.0~rc1-1"),
        ("0.2.0-1+b1", "0.2.0-1"),
        ("1:0.1-1", "0.2-1"),
        ("0.2.0-10", "0.2.0-9"),
    ],
)
def test_versions_are_ordered_as_debian_orders_them(newer: str, older: str) -> None:
    assert is_newer(newer, older)
    assert not is_newer(older, newer)
    assert not is_newer(newer, newer)


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(UpstreamError, match=r"https://127\.0\.0\.1:1/qc/update\.json"):
        look(HttpsSource("https://127.0.0.1:1/qc"), ())


def test_the_box_says_what_is_staged_and_how_the_last_one_ended(
    tmp_path: Path, release: Release
) -> None:
    root, box = tmp_path / "box", ScriptedBox(bad={"line1": "it was not started"})
    apply(root, box, staged(root, release), ["line1"], box.said.append)
    status = json.loads(invoke("update", "status", "--root", root, "--json").output)
    assert status["staged"] == "0.2.0-1"
    assert (status["last"]["outcome"], status["last"]["before"]) == ("fell_back", "0.1.0-1")
    plain = invoke("update", "status", "--root", root).output
    assert "fell back: line1: it was not started" in " ".join(plain.split())


def test_an_image_is_three_pieces(tmp_path: Path, release: Release) -> None:
    shutil.rmtree(release.directory)
    release.directory.mkdir()
    for name in ("qc-edge_2.root.0f.raw", "qc-edge_2.verity.0e.raw", "qc-edge_2.efi"):
        (release.directory / name).write_bytes(b"x")
    told = invoke("update", "sign", release.directory, "--key", release.key)
    assert "image 2 is signed: 3 file(s)" in told.output
    assert look(release.source, release.trusted).manifest.kind == "image"
