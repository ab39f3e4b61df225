"""Where the seed is: one on a labelled stick or in a directory, or words that say what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from qc_edge.errors import UsageError
from qc_edge.setup.provision.seed import seed_in, the_stick


def test_the_seed_of_a_directory_is_found(tmp_path: Path) -> None:
    (tmp_path / "meta-data").write_text("instance-id: qc-17\n")
    (tmp_path / "user-data").write_text("#qc-edge\nprovision = 1\n")
    assert seed_in(tmp_path).name == "user-data"


def test_a_user_data_of_cloud_init_is_no_seed(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text("#cloud-config\nhostname: x\n")
    with pytest.raises(UsageError, match="no seed") as caught:
        seed_in(tmp_path)
    assert "qc-edge.toml" in caught.value.hint


def test_two_seeds_are_refused(tmp_path: Path) -> None:
    (tmp_path / "user-data").write_text("#qc-edge\n")
    (tmp_path / "qc-edge.toml").write_text("provision = 1\n")
    with pytest.raises(UsageError, match=r"two seeds in .*qc-edge\.toml, user-data"):
        seed_in(tmp_path)


def test_there_is_exactly_one_stick(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no stick with a seed"):
        the_stick(tmp_path)
    (tmp_path / "CIDATA").touch()
    assert the_stick(tmp_path).name == "CIDATA"
    with pytest.raises(UsageError, match="two media are called CIDATA: /dev/sdb, /dev/sdc"):
        the_stick(tmp_path, lambda label: {"/dev/sdb", "/dev/sdc"} if label == "CIDATA" else set())
    (tmp_path / "QC-EDGE").touch()
    with pytest.raises(UsageError, match="two sticks have a seed: QC-EDGE, CIDATA"):
        the_stick(tmp_path)
