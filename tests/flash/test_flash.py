"""The image onto a disk: checked before, compared afterwards, and a disk that failed says so."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest

from qc_edge.errors import SettingsError, StoreError, UpdateError, UsageError
from qc_edge.setup.flash import writing
from qc_edge.setup.flash.choice import plan_for
from qc_edge.setup.flash.disks import disk_file
from qc_edge.setup.flash.image_file import DiskImage, open_image
from qc_edge.setup.flash.partition_table import lay_out, read_table
from qc_edge.setup.flash.seed_on_stick import leave_seed, seed_beside
from qc_edge.setup.flash.writing import write_image
from tests.cli.runner import invoke
from tests.flash.images import DATA_START, NAME, SIZE, Stick, disk_of, stick, table

__all__ = ["stick"]


def quiet(step: str, done: int, total: int) -> None:
    assert 0 < done <= total, step


def opened(stick: Stick) -> DiskImage:
    return open_image(stick.image, [stick.key], quiet)


def no_cameras() -> frozenset[str]:
    return frozenset({"40000001"})


def test_a_disk_gets_every_byte_of_the_image(stick: Stick, tmp_path: Path) -> None:
    disk = disk_of(tmp_path, SIZE + (1 << 20), b"something old" * 100_000)
    image = opened(stick)
    steps: list[str] = []
    write_image(
        plan_for(disk_file(disk), image.table, "refuse"), image, lambda *told: steps.append(told[0])
    )
    assert disk.read_bytes()[:SIZE] == stick.raw
    assert list(dict.fromkeys(steps)) == ["writing", "reading back"]


def test_kept_records_stay_and_the_table_reaches_to_their_end(stick: Stick, tmp_path: Path) -> None:
    size = SIZE * 2
    old = table(size, size - (1 << 20))
    head, _ = lay_out(old)
    disk = disk_of(tmp_path, size, head)
    with disk.open("r+b") as file:
        file.seek(DATA_START)
        file.write(b"verdicts" * 1000)
        file.seek(size - (1 << 20) - 8)
        file.write(b"the last")
    image = opened(stick)
    write_image(plan_for(disk_file(disk), image.table, "keep"), image, quiet)
    now = disk.read_bytes()
    assert now[1 << 20 : DATA_START] == stick.raw[1 << 20 : DATA_START]
    assert now[DATA_START:].startswith(b"verdicts" * 1000)
    data = read_table(now).find("qc-data")
    assert data is not None
    assert now[data.start : data.start + 8] == b"verdicts"
    assert now[data.end - 8 : data.end] == b"the last"
    assert read_table(now).sectors == size // 512
    assert now[-512:].startswith(b"EFI PART"), "the second table is at the end of the disk"
    again = disk_file(disk)
    assert again.records == (data.start, data.end), "and can be kept once more"


def test_a_disk_that_was_interrupted_has_no_partitions(
    stick: Stick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = disk_of(tmp_path, SIZE, lay_out(table())[0])
    image = opened(stick)
    plan = plan_for(disk_file(disk), image.table, "wipe")

    def pull_the_plug(step: str, done: int, total: int) -> None:
        if done == total:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_image(plan, image, pull_the_plug)
    with pytest.raises(UpdateError, match="no partition table"):
        read_table(disk.read_bytes())


def test_a_disk_that_gives_other_bytes_back_is_named(
    stick: Stick, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = disk_of(tmp_path, SIZE)
    image = opened(stick)
    forget = writing._forget

    def rot(fd: int) -> None:
        os.pwrite(fd, b"rot", 5 << 20)
        forget(fd)

    monkeypatch.setattr(writing, "_forget", rot)
    with pytest.raises(StoreError, match="gives other bytes back at 4,194,304"):
        write_image(plan_for(disk_file(disk), image.table, "refuse"), image, quiet)
    with pytest.raises(UpdateError, match="no partition table"):
        read_table(disk.read_bytes())


def test_a_file_that_changes_between_its_check_and_the_writing_gives_no_disk_that_boots(
    stick: Stick, tmp_path: Path
) -> None:
    disk = disk_of(tmp_path, SIZE)
    image = opened(stick)
    other = bytearray(stick.raw)
    other[5 << 20] ^= 1
    (stick.image / NAME).write_bytes(gzip.compress(other, 1))
    with pytest.raises(StoreError, match="has changed while it was written"):
        write_image(plan_for(disk_file(disk), image.table, "refuse"), image, quiet)
    with pytest.raises(UpdateError, match="no partition table"):
        read_table(disk.read_bytes())


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        ("truncated", "is truncated: "),
        ("altered", "is not the one that was signed"),
        ("unsigned", "the update is not signed"),
        ("strange key", "whom this box does not trust"),
        ("no key", "no key is known"),
        ("resigned bytes", "the signature does not fit"),
        ("no image", "there is no update in"),
    ],
)
def test_a_bad_image_is_refused_before_a_disk_is_looked_at(
    stick: Stick, harm: str, words: str
) -> None:
    file, keys = stick.image / NAME, [stick.key]
    if harm == "truncated":
        file.write_bytes(file.read_bytes()[:-1000])
    elif harm == "altered":
        content = bytearray(file.read_bytes())
        content[len(content) // 2] ^= 1
        file.write_bytes(content)
    elif harm == "unsigned":
        (stick.image / "update.json.sig").unlink()
    elif harm == "strange key":
        keys = ["ed25519:" + "A" * 43 + "= somebody"]
    elif harm == "no key":
        keys = []
    elif harm == "resigned bytes":
        manifest = stick.image / "update.json"
        manifest.write_bytes(manifest.read_bytes().replace(b'"2"', b'"3"'))
    else:
        (stick.image / "update.json").unlink()
    with pytest.raises(UpdateError) as caught:
        open_image(stick.image, keys, quiet)
    assert words in caught.value.message
    assert caught.value.hint


def test_a_stick_without_a_seed_is_told_from_one_with_two(stick: Stick) -> None:
    (stick.directory / "user-data").write_text("#qc-edge\nprovision = 1\n")
    with pytest.raises(UsageError, match="two seeds"):
        seed_beside(stick.directory, no_cameras)
    for name in ("user-data", "qc-edge.toml"):
        (stick.directory / name).unlink()
    assert seed_beside(stick.directory, no_cameras) is None


def test_a_seed_is_checked_with_its_settings_and_cameras_before_anything_is_written(
    stick: Stick,
) -> None:
    stick.seed(
        '[install]\ndisk = "only"', '[[station]]\nname = "line1"\ncameras = { top = "4001" }'
    )
    seed = seed_beside(stick.directory, no_cameras)
    assert seed is not None
    assert seed.install is not None
    assert (seed.install.disk, seed.install.existing) == ("only", "refuse")
    (missing,) = seed.missing
    assert missing.startswith("line1: camera top with serial 4001 is not there; seen: 40000001")
    stick.seed('[[station]]\nname = "line1"\nsettings.model.treshold = 0.4')
    with pytest.raises(SettingsError, match="threshold"):
        seed_beside(stick.directory, no_cameras)


def test_the_seed_is_left_on_the_new_box_without_the_image(stick: Stick, tmp_path: Path) -> None:
    (stick.directory / "credstore").mkdir()
    (stick.directory / "credstore/upstream").write_text("secret")
    seed = seed_beside(stick.directory, no_cameras)
    assert seed is not None
    left = tmp_path / "var/lib/qc-edge-box/seed"
    for older in (left, left.with_name("seed.new")):
        older.mkdir(parents=True)
        (older / "user-data").write_text("of the installation before, or half of this one")
    leave_seed(seed, tmp_path / "var")
    assert [path.name for path in left.parent.iterdir()] == ["seed"]
    files = {
        str(path.relative_to(left)): path.stat().st_mode & 0o777
        for path in left.rglob("*")
        if path.is_file()
    }
    assert files == {"qc-edge.toml": 0o600, "credstore/upstream": 0o600}


def test_the_command_writes_a_disk_and_refuses_one_that_is_too_small(
    stick: Stick, tmp_path: Path
) -> None:
    small = disk_of(tmp_path, SIZE - 512)
    refused = invoke("flash", stick.directory, "--disk", small, "--yes")
    assert isinstance(refused.exception, UsageError)
    assert "it is too small" in refused.exception.message
    assert not any(small.read_bytes()), "nothing was written"
    disk = disk_of(tmp_path, SIZE)
    done = invoke("flash", stick.directory, "--disk", disk, "--yes")
    assert "has qc-edge 2, read back and compared" in done.stdout
    assert disk.read_bytes() == stick.raw
    asked = invoke("flash", stick.directory)
    assert "nobody to ask which disk" in str(asked.exception)
