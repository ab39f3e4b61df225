"""Whether another machine serves a directory, and what its silence excuses."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from qc_edge.errors import FileServerError, StoreError
from qc_edge.service.heartbeat import Silence
from qc_edge.service.remote import mounts
from qc_edge.service.remote.file_server import FileServer
from qc_edge.service.remote.mounts import is_remote
from qc_edge.store.disk_errors import store_error

MOUNTS = r"""
22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
40 22 0:50 / /srv/spool\040one rw shared:2 - nfs4 10.9.0.1:/ rw,vers=4.2
41 22 0:51 / /srv/aoi rw - cifs //10.9.0.2/drop rw
42 41 254:1 / /srv/aoi/local rw - xfs /dev/vdb rw
43 22 0:52 / /srv/sshfs rw - fuse.sshfs aoi: rw
44 22 0:53 / /srv/stick rw - fuseblk /dev/sda1 rw
"""


@pytest.mark.parametrize(
    ("directory", "remote"),
    [
        ("/srv", False),
        ("/srv/spool one", True),
        ("/srv/spool one/frames", True),
        ("/srv/aoi/drop/deep", True),
        ("/srv/aoi/local/drop", False),
        ("/srv/sshfs", True),
        ("/srv/stick", False),
        ("/srv/spool", False),
    ],
)
def test_the_kernels_list_tells_what_another_machine_serves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, directory: str, remote: bool
) -> None:
    (tmp_path / "mountinfo").write_text(MOUNTS.lstrip())
    monkeypatch.setattr(mounts, "_MOUNTS", tmp_path / "mountinfo")
    assert is_remote(Path(directory)) is remote


def served(directory: Path) -> FileServer:
    server = FileServer(directory)
    assert not server.is_remote, "no file system of this test's machine is remote"
    server.is_remote = True
    return server


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.ETIMEDOUT, errno.EHOSTDOWN])
def test_the_silence_of_a_server_is_no_fault_of_the_file(tmp_path: Path, code: int) -> None:
    server = served(tmp_path)
    fault = OSError(code, os.strerror(code))
    with pytest.raises(FileServerError, match=os.strerror(code)), server.call():
        raise store_error(fault, "cannot remove x") from fault
    with pytest.raises(FileServerError), server.call():
        raise fault
    assert os.strerror(code) in server.trouble
    with server.call():
        pass
    assert server.trouble == ""


def test_what_a_server_refuses_is_an_answer(tmp_path: Path) -> None:
    server = served(tmp_path)
    fault = PermissionError(errno.EACCES, "Permission denied")
    with pytest.raises(StoreError) as raised, server.call():
        raise store_error(fault, "cannot remove x") from fault
    assert not isinstance(raised.value, FileServerError)
    with pytest.raises(FileNotFoundError), server.call():
        (tmp_path / "gone").stat()
    assert server.trouble == ""


def test_a_local_disk_keeps_its_own_faults(tmp_path: Path) -> None:
    server = FileServer(tmp_path)
    with pytest.raises(OSError, match="Input/output") as raised, server.call():
        raise OSError(errno.EIO, os.strerror(errno.EIO))
    assert raised.value.errno == errno.EIO
    assert server.trouble == ""
    assert server.answers()


def test_only_a_worker_that_fell_silent_with_the_server_is_excused(tmp_path: Path) -> None:
    server = served(tmp_path)
    assert not server.excuses(Silence("inspector", 40.0, 15.0))
    with server.call():
        assert not server.excuses(Silence("inspector", 40.0, 15.0)), "it waits but for a moment"
        server._calls = dict.fromkeys(server._calls, next(iter(server._calls.values())) - 30)
        assert server.excuses(Silence("inspector", 40.0, 15.0))
        assert not server.excuses(Silence("models", 60.0, 15.0)), "it was silent long before"
        assert "does not answer for 30 s" in server.trouble


def test_a_loss_and_a_return_are_news_once(tmp_path: Path) -> None:
    server = served(tmp_path)
    assert server.news() is None
    with pytest.raises(FileServerError), server.call():
        raise OSError(errno.ETIMEDOUT, os.strerror(errno.ETIMEDOUT))
    assert server.news() == (True, server.trouble)
    assert server.news() is None
    assert server.answers()
    assert server.news() == (False, f"the file server of {tmp_path} answers again")
