"""Writing so that it lasts, and keeping what belongs to another user."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from qc_edge.errors import DiskFullError, StoreError
from qc_edge.store.durable import Disk


def refuse(code: int) -> object:
    def link(*_: object, **__: object) -> None:
        raise OSError(code, os.strerror(code))

    return link


@pytest.mark.parametrize("code", [errno.EXDEV, errno.EPERM, errno.EMLINK])
def test_a_file_that_may_not_be_linked_is_copied(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    monkeypatch.setattr(os, "link", refuse(code))
    (tmp_path / "theirs").write_bytes(b"frame")
    Disk().link(tmp_path / "theirs", tmp_path / "day/kept")
    assert (tmp_path / "day/kept").read_bytes() == b"frame"
    assert (tmp_path / "theirs").exists()


def test_a_link_that_may_not_be_linked_is_moved_and_never_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    (tmp_path / "secret").write_bytes(b"secret")
    (tmp_path / "link").symlink_to(tmp_path / "secret")
    Disk().link(tmp_path / "link", tmp_path / "kept")
    assert (tmp_path / "kept").is_symlink()


def test_a_pipe_that_may_not_be_linked_is_moved_and_never_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "link", refuse(errno.EPERM))
    os.mkfifo(tmp_path / "pipe")
    Disk().link(tmp_path / "pipe", tmp_path / "kept")
    assert (tmp_path / "kept").is_fifo()


def test_any_other_refusal_to_link_is_a_fault_of_the_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "frame").touch()
    monkeypatch.setattr(os, "link", refuse(errno.EIO))
    with pytest.raises(StoreError, match="cannot link"):
        Disk().link(tmp_path / "frame", tmp_path / "kept")
    monkeypatch.setattr(os, "link", refuse(errno.ENOSPC))
    with pytest.raises(DiskFullError):
        Disk().link(tmp_path / "frame", tmp_path / "kept")


def test_a_second_try_replaces_what_a_crashed_one_left(tmp_path: Path) -> None:
    (tmp_path / "frame").write_bytes(b"new")
    (tmp_path / "kept").write_bytes(b"old")
    Disk().link(tmp_path / "frame", tmp_path / "kept")
    assert (tmp_path / "kept").read_bytes() == b"new"


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "record").write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", refuse(errno.ENOSPC))
    with pytest.raises(DiskFullError):
        Disk().write(tmp_path / "record", [b"new"], tmp_path / "record.new")
    assert [path.name for path in tmp_path.iterdir()] == ["record"]
    assert (tmp_path / "record").read_bytes() == b"old"


def test_what_a_failed_sync_may_have_lost_is_written_once_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk, path, failing = Disk(), tmp_path / "frame", [errno.EIO]
    fsync = os.fsync

    def fails_once(fd: int) -> None:
        if failing:
            os.truncate(path, 0)  # what reached the disk: nothing
            raise OSError(failing[0], os.strerror(failing.pop()))
        fsync(fd)

    monkeypatch.setattr(os, "fsync", fails_once)
    chunks = (b"header", b"pixels")
    fd = disk.write_visible(path, chunks, tmp_path / "new")
    disk.sync_written(fd, path, chunks)
    assert path.read_bytes() == b"headerpixels"
    fd = disk.write_visible(path, chunks, tmp_path / "new")
    failing += [errno.EIO, errno.EIO]
    with pytest.raises(StoreError, match="cannot sync"):
        disk.sync_written(fd, path, chunks)
    assert path.exists()
