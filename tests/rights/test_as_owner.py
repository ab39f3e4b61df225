"""What root does in a station's directory is done as the station's user: no link leads it out."""

from __future__ import annotations

import os
import pwd
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import pytest

from qc_edge.errors import StoreError
from qc_edge.rendered import render
from qc_edge.service.owner import acting_as_caller, acting_as_owner
from qc_edge.store.durable import write_file
from tests.rights.stations import (
    USER,
    belongs_to_root,
    give,
    owned_station,
    roots_directory,
    run_as,
)
from tests.station.harness import NAME, write_bundle

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as another user")

BY = ("--by", "anna", "--reason", "why")


def test_what_is_made_as_the_owner_is_the_owners_and_closed_to_others() -> None:
    with owned_station() as paths, acting_as_owner(paths.state):
        made = paths.state / "made"
        made.touch()
        with acting_as_caller():
            assert (os.geteuid(), os.getegid()) == (0, 0)
        assert os.geteuid() == USER
        status = made.stat()
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (USER, USER, 0o640)
    assert (os.geteuid(), os.getegid()) == (0, 0)


def test_roots_groups_are_left_with_its_rights(tmp_path: Path) -> None:
    os.chown(tmp_path, USER, USER)
    with acting_as_owner(tmp_path):
        assert os.getgroups() == os.getgrouplist(pwd.getpwuid(USER).pw_name, USER)


def test_a_directory_of_roots_changes_nothing(tmp_path: Path) -> None:
    with acting_as_owner(tmp_path), acting_as_owner(tmp_path / "none"):
        assert os.geteuid() == 0


def test_what_root_writes_belongs_to_the_directorys_owner_and_follows_no_link_of_theirs(
    tmp_path: Path,
) -> None:
    with owned_station() as paths, roots_directory() as roots:
        record = paths.state / "records" / "new.toml"
        write_file(record, b"x")
        assert {path.stat().st_uid for path in (record, record.parent)} == {USER}
        link = paths.state / "evil"
        link.symlink_to(roots)
        os.lchown(link, USER, USER)
        with pytest.raises(StoreError, match="Permission denied"):
            write_file(link / "new.toml", b"x")
        assert not (roots / "new.toml").exists()
        root_link = paths.root / "way"
        root_link.symlink_to(paths.state)
        write_file(root_link / "another.toml", b"x")
        assert (paths.state / "another.toml").stat().st_uid == USER
        assert os.geteuid() == 0


VERBS = {
    "threshold": ("thresholds", ("threshold", NAME, "set", "0.42", "--yes", *BY)),
    "activate": ("activations", ("model", "activate", NAME, "corner@2", *BY)),
    "check": ("spool/tmp", ("check", NAME)),
    "doctor": ("spool/tmp", ("doctor", NAME)),
    "check incoming": ("spool/incoming", ("check", NAME)),
}


@pytest.mark.parametrize("verb", VERBS)
def test_a_link_in_the_place_of_a_directory_leads_root_nowhere(verb: str) -> None:
    place, command = VERBS[verb]
    with owned_station() as paths, roots_directory() as roots:
        write_bundle(paths.models / "corner/2")
        give(paths.models)
        link = paths.state / place
        shutil.rmtree(link)
        link.symlink_to(roots)
        ran = run_as(0, *command, "--root", paths.root)
        assert ran.returncode != 0, ran.stdout
        assert "Traceback" not in ran.stderr


@pytest.mark.parametrize("verb", VERBS)
def test_root_leaves_nothing_of_its_own_in_a_station(verb: str) -> None:
    with owned_station() as paths:
        write_bundle(paths.models / "corner/2")
        give(paths.models)
        run_as(0, *VERBS[verb][1], "--root", paths.root)
        assert not belongs_to_root(paths.state)


def test_root_brings_a_bundle_from_where_only_root_can_read() -> None:
    with owned_station() as paths, tempfile.TemporaryDirectory() as private:
        bundle = write_bundle(Path(private) / "corner/2")
        ran = run_as(0, "model", "install", NAME, bundle, "--root", paths.root)
        assert ran.returncode == 0, ran.stderr
        assert (paths.models / "corner/2/bundle.toml").stat().st_uid == USER
        assert not belongs_to_root(paths.models)


@pytest.fixture(scope="module")
def parts() -> Iterator[Path]:
    """Pictures of good parts, where root alone can read them."""
    with tempfile.TemporaryDirectory() as directory:
        for seed in range(4):
            cv2.imwrite(f"{directory}/{seed}.png", render(seed, size=(320, 256)).pixels)
        yield Path(directory)


def test_a_calibration_that_root_makes_is_one_that_the_station_can_read(parts: Path) -> None:
    with owned_station() as paths:
        ran = run_as(
            0, "calibrate", NAME, "--from", parts, "--by", "anna", "--yes", "--root", paths.root
        )
        assert ran.returncode == 0, ran.stderr
        assert len(list((paths.calibration / "incoming").glob("*.toml"))) == 2
        assert not belongs_to_root(paths.state)


def test_a_calibration_does_not_follow_a_link_out_of_the_station(parts: Path) -> None:
    with owned_station() as paths, roots_directory() as roots:
        shutil.rmtree(paths.calibration / "incoming")
        (paths.calibration / "incoming").symlink_to(roots)
        ran = run_as(
            0, "calibrate", NAME, "--from", parts, "--by", "anna", "--yes", "--root", paths.root
        )
        assert ran.returncode == 74, ran.stderr


def test_a_station_that_root_runs_by_hand_runs_as_its_user() -> None:
    with owned_station() as paths:
        shutil.rmtree(paths.run)
        ran = run_as(0, "run", NAME, "--root", paths.root)
        # The bundle of these tests has no model that an engine could load.
        assert ran.returncode == 65, ran.stderr
        assert (paths.state / "inspect.lock").stat().st_uid == USER
        assert paths.run.stat().st_uid == USER
        assert not belongs_to_root(paths.state)
