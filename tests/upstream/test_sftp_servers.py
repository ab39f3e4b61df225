"""SFTP servers that are not OpenSSH's: they know passwords alone, have no hard links, are full."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from errno import EACCES, ENOSPC
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from qc_edge.errors import UpstreamError, UsageError
from qc_edge.upstream.targets import Access, Target, connect
from tests.cli.runner import invoke

PASSWORD = "hunter2-hunter2"  # noqa: S105


class Login(asyncssh.SSHServer):
    """Lets in one user with one password."""

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return (username, password) == ("plant", PASSWORD)


class PlainFiles(asyncssh.SFTPServer):
    """A directory; without OpenSSH's extensions."""

    def __init__(self, channel: asyncssh.SSHServerChannel[bytes], root: Path) -> None:
        super().__init__(channel, chroot=str(root).encode())

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPOpUnsupported("no links")

    def fsync(self, file_obj: object) -> None:
        raise asyncssh.SFTPOpUnsupported("no fsync")


class FatDisk(PlainFiles):
    """OpenSSH's words for a file system without links: EPERM."""

    def link(self, oldpath: bytes, newpath: bytes) -> None:
        raise asyncssh.SFTPPermissionDenied("Operation not permitted")


class FullDisk(PlainFiles):
    """There is no room for a byte; SFTP 3 says only "failure", and how much is free."""

    def write(self, file_obj: object, offset: int, data: bytes) -> int:
        raise OSError(ENOSPC, "")

    def statvfs(self, path: bytes) -> Any:
        return asyncssh.SFTPVFSAttrs(bsize=4096, frsize=4096, bavail=0)


class ReadOnly(PlainFiles):
    """Others may write there."""

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        raise OSError(EACCES, "")


@contextmanager
def target_at(root: Path, files: type[PlainFiles], password: str = PASSWORD) -> Iterator[Target]:
    """The root of a server that has these files."""
    key = asyncssh.generate_private_key("ssh-ed25519")
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    listening = asyncssh.listen(
        "127.0.0.1",
        0,
        server_factory=Login,
        server_host_keys=[key],
        sftp_factory=lambda channel: files(channel, root),
        allow_scp=False,
    )
    server = asyncio.run_coroutine_threadsafe(_awaited(listening), loop).result(60)
    access = Access({"sftp_password": password}, retry_min=0, host_keys=(key.get_fingerprint(),))
    try:
        with connect(f"sftp://plant@127.0.0.1:{server.get_port()}/", access) as target:
            yield target
    finally:
        asyncio.run_coroutine_threadsafe(_ended(server), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _awaited(listening: Any) -> asyncssh.SSHAcceptor:
    server: asyncssh.SSHAcceptor = await listening
    return server


async def _ended(server: asyncssh.SSHAcceptor) -> None:
    server.close()
    await server.wait_closed()


@pytest.mark.parametrize("files", [PlainFiles, FatDisk])
def test_a_server_without_hard_links_replaces_nothing_either(
    tmp_path: Path, files: type[PlainFiles]
) -> None:
    with target_at(tmp_path, files) as target:
        assert target.put_if_absent("a/b.json", b"first")
        assert not target.put_if_absent("a/b.json", b"second")
        assert target.get("a/b.json") == b"first"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["b.json"]


def test_a_password_that_is_refused_is_not_told(tmp_path: Path) -> None:
    with (
        target_at(tmp_path, PlainFiles, "a-wrong-password") as target,
        pytest.raises(UpstreamError, match="refused") as refused,
    ):
        target.get("a")
    assert "a-wrong-password" not in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize(
    "command",
    [
        ("restore", "line1", "--from"),
        ("fleet", "compact"),
        ("fleet", "publish", "--key", "none", "--by", "anna", "--valid-days", "3"),
    ],
)
@pytest.mark.parametrize("scheme", ["sftp", "ftp"])
def test_a_password_in_a_url_is_refused_and_not_told(command: tuple[str, ...], scheme: str) -> None:
    refused = invoke(*command, f"{scheme}://plant:{PASSWORD}@h/p").exception
    assert isinstance(refused, UsageError) and "do not stand in the url" in str(refused)
    assert PASSWORD not in f"{refused!r} {refused.hint}"


def test_a_full_disk_there_is_called_so(tmp_path: Path) -> None:
    with (
        target_at(tmp_path, FullDisk) as target,
        pytest.raises(UpstreamError, match=r"cannot put a.json: the disk of the server is full"),
    ):
        target.put_if_absent("a.json", b"bytes")
    assert not (tmp_path / "a.json").exists()


def test_a_directory_of_somebody_else_is_called_so(tmp_path: Path) -> None:
    with (
        target_at(tmp_path, ReadOnly) as target,
        pytest.raises(UpstreamError, match=r"cannot put a/b.json: permission denied"),
    ):
        target.put_if_absent("a/b.json", b"bytes")
