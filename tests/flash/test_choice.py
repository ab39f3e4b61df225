"""Which disk the image goes to: lsblk's words in, a plan or a refusal in words out."""

from __future__ import annotations

import json
from typing import Any

import pytest

from qc_edge.errors import UsageError
from qc_edge.setup.flash.choice import choose, plan_for, refuse_another
from qc_edge.setup.flash.disks import BlockDevice, parse_lsblk
from tests.flash.images import DATA_START, SIZE, table

GB = 10**9


def device(path: str, size: int = 64 * GB, **more: Any) -> dict[str, Any]:
    name = path.removeprefix("/dev/")
    plain = {"name": name, "path": path, "type": "disk", "size": size, "log-sec": 512}
    return plain | {"model": None, "serial": None, "tran": "nvme", "rm": False, "ro": False} | more


def partition(path: str, **more: Any) -> dict[str, Any]:
    return device(path, **{"type": "part", "start": 2048, **more})


def listed(*devices: dict[str, Any]) -> list[BlockDevice]:
    return parse_lsblk(json.dumps({"blockdevices": devices}))


INSIDE = device("/dev/nvme0n1", model="Samsung 980", serial="S4EV")
STICK = device(
    "/dev/sda",
    tran="usb",
    rm=True,
    model="DataTraveler",
    children=[partition("/dev/sda2", partlabel="qc-edge-stick")],
)
WINDOWS = device(
    "/dev/sdb",
    serial="W1",
    tran="sata",
    children=[partition("/dev/sdb1", fstype="ntfs", label="Windows")],
)
RECORDS = device(
    "/dev/nvme1n1",
    serial="Q1",
    children=[
        partition("/dev/nvme1n1p3", partlabel="qc-data", start=DATA_START // 512, size=50 * GB)
    ],
)


def test_the_one_disk_inside_is_taken_and_the_stick_is_not() -> None:
    plan = choose(listed(STICK, INSIDE), "only", table(), "refuse")
    assert plan.disk.path == "/dev/nvme0n1"
    assert not plan.keep
    assert (
        plan.words == "nvme0n1 (64.0 GB, Samsung 980) is overwritten, and all that is on it is lost"
    )


def test_what_is_lost_is_said() -> None:
    plan = choose(listed(WINDOWS), "W1", table(), "refuse")
    assert plan.words.endswith('all that is on it is lost: ntfs "Windows"')


def test_two_disks_that_fit_are_no_choice() -> None:
    with pytest.raises(UsageError, match=r"more than one disk can take the image: nvme0n1.*sdb"):
        choose(listed(INSIDE, WINDOWS), "only", table(), "refuse")


@pytest.mark.parametrize("existing", ["refuse", "keep", "wipe"])
def test_a_disk_with_records_beside_an_empty_one_is_no_choice_and_is_named(existing: Any) -> None:
    with pytest.raises(UsageError, match=r"nvme0n1.*nvme1n1.*, with the records") as caught:
        choose(listed(INSIDE, RECORDS), "only", table(), existing)
    assert "kept or wiped (existing), or taken out" in caught.value.hint


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (STICK, "the installer runs from it"),
        (
            device("/dev/sdc", children=[partition("/dev/sdc1", mountpoints=[None, "/"])]),
            "this system runs from it",
        ),
        (
            device("/dev/sdc", children=[partition("/dev/sdc1", mountpoints=["/mnt/data"])]),
            "it is in use: /mnt/data",
        ),
        (
            device(
                "/dev/sdc",
                children=[partition("/dev/sdc1", children=[device("/dev/dm-0", type="crypt")])],
            ),
            "it is in use by dm-0",
        ),
        (device("/dev/sdc", ro=True), "it is write-protected"),
        (device("/dev/sdc", size=1 << 20), "it is too small: 0.0 GB, the image needs 0.0 GB"),
        (device("/dev/sdc", **{"log-sec": 4096}), "its sectors have 4096 bytes"),
        (RECORDS, "it holds the records of a qc-edge: say whether they are kept or wiped"),
    ],
)
def test_a_disk_is_refused_in_words(found: dict[str, Any], why: str) -> None:
    (disk,) = listed(found)
    with pytest.raises(UsageError) as caught:
        plan_for(disk, table(), "refuse")
    assert why in caught.value.message
    assert caught.value.hint


def test_records_are_kept_only_where_the_image_has_its_own() -> None:
    plan = choose(listed(RECORDS), "only", table(), "keep")
    assert plan.keep
    assert plan.words.endswith("gets the software anew and keeps its records")
    assert not choose(listed(RECORDS), "only", table(), "wipe").keep
    assert not choose(listed(INSIDE), "only", table(), "keep").keep, "there is nothing to keep"
    elsewhere = RECORDS | {"children": [RECORDS["children"][0] | {"start": 4096}]}
    with pytest.raises(UsageError, match="its records cannot be kept"):
        choose(listed(elsewhere), "only", table(), "keep")


def test_without_a_disk_that_fits_all_are_named_with_the_reason() -> None:
    small = device("/dev/mmcblk0", size=SIZE - 512, model="eMMC")
    with pytest.raises(UsageError, match=r"no disk is called S9: .*mmcblk0.*too small") as caught:
        choose(listed(small, STICK), "S9", table(), "refuse")
    assert "the installer runs from it" in caught.value.message
    with pytest.raises(UsageError, match="there is none at all"):
        choose([], "only", table(), "refuse")


def test_what_is_no_disk_is_not_shown() -> None:
    assert (
        listed(device("/dev/zram0"), device("/dev/sr0", type="rom"), device("/dev/sdd", size=0))
        == []
    )


def test_a_name_that_another_disk_has_got_since_is_not_written_to() -> None:
    (chosen,) = listed(INSIDE)
    refuse_another(chosen, listed(STICK, INSIDE))
    mounted = INSIDE | {"mountpoints": ["/mnt"]}
    for now in (INSIDE | {"serial": "S5"}, INSIDE | {"size": 65 * GB}, mounted, STICK):
        with pytest.raises(UsageError, match="is not the disk any more that was chosen"):
            refuse_another(chosen, listed(now))
