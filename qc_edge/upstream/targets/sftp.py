"""Files on an SFTP server: each comes whole under a name beside its own, and takes its name last.

A file that was cut goes on where it stopped: the name beside it is made of the digest of its bytes,
so that whoever writes there writes the same, and what is there is read back before it goes on.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from qc_edge.errors import UpstreamError
from qc_edge.upstream.targets import Access, Target
from qc_edge.upstream.targets.host_keys import HostKeys
from qc_edge.upstream.targets.ssh import SshConnection

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SFTPClientFile

_T = TypeVar("_T")

_UNFINISHED = re.compile(r"#\d+$")
"""Ends the name of a file that is not whole; as a mounted directory has them."""
_COMPARED = 1 << 16


class SftpTarget(Target):
    """The directory of an sftp:// url, which must be there; what is below it is made."""

    def __init__(self, url: str, connection: SshConnection, directory: str) -> None:
        super().__init__(url)
        self._ssh = connection
        self._directory = PurePosixPath(directory)
        self._made: set[PurePosixPath] = set()

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """As a Target."""
        path = self._directory / name
        return self._asked(
            f"cannot put {name}", lambda sftp: self._put(sftp, path, data), size=len(data)
        )

    def get(self, name: str) -> bytes | None:
        """As a Target."""

        async def read(sftp: SFTPClient) -> bytes | None:
            return await _read(sftp, self._path(name))

        return self._asked(f"cannot read {name}", read, absent=None)

    def size(self, name: str) -> int | None:
        """As a Target."""

        async def look(sftp: SFTPClient) -> int | None:
            return (await sftp.stat(self._path(name))).size

        return self._asked(f"cannot look at {name}", look, absent=None)

    def piece(self, name: str, start: int, length: int) -> bytes:
        """As a Target."""
        path = self._path(name)
        return self._asked(f"cannot read {name}", lambda sftp: _read(sftp, path, length, start))

    def names(self, folder: str) -> Iterator[str]:
        """As a Target."""
        yield from self._asked(f"cannot list {folder}", lambda sftp: self._listed(sftp, folder))

    def close(self) -> None:
        """Log out."""
        self._ssh.close()

    def _path(self, name: str) -> str:
        return str(self._directory / name)

    async def _put(self, sftp: SFTPClient, path: PurePosixPath, data: bytes) -> bool:
        import asyncssh

        if await sftp.exists(str(path)):
            return False
        await self._make(sftp, path.parent)
        unfinished = f"{path}#{int(hashlib.sha256(data).hexdigest()[:12], 16)}"
        # Neither truncated nor removed while it may be another's, who would then name a part of it.
        flags = asyncssh.FXF_READ | asyncssh.FXF_WRITE | asyncssh.FXF_CREAT
        async with await sftp.open(unfinished, flags, encoding=None) as file:
            start = await _same_bytes(file, data)
            await file.write(data[start:], start)
            await _sync(file)
        was_named = await self._name(sftp, unfinished, str(path))
        # The name itself: a server's file system keeps it with the file that is synced.
        async with await sftp.open(str(path), "rb") as file:
            await _sync(file)
        return was_named

    async def _name(self, sftp: SFTPClient, unfinished: str, path: str) -> bool:
        """Give the file its name, unless somebody has taken it since."""
        import asyncssh

        was_named = True
        try:
            try:
                await sftp.link(unfinished, path)
            except (asyncssh.SFTPOpUnsupported, asyncssh.SFTPPermissionDenied):
                # The server has none, or its file system (FAT says "not permitted"). By the
                # protocol a renaming replaces nothing; not every server keeps to that.
                await sftp.rename(unfinished, path)
                return True
        except asyncssh.SFTPError:
            if not await sftp.exists(path):
                raise
            was_named = False
        with suppress(asyncssh.SFTPNoSuchFile):  # by another sync that has sent the same
            await sftp.remove(unfinished)
        return was_named

    async def _make(self, sftp: SFTPClient, directory: PurePosixPath) -> None:
        """Make a directory below the target's own, and those that lead to it."""
        import asyncssh

        if directory in self._made:
            return
        if directory == self._directory:
            if not await sftp.isdir(str(directory)):
                raise UpstreamError(
                    f"{self.url}: {directory} is no directory there",
                    hint="make it on the server, for the user of the url to write in",
                )
        else:
            await self._make(sftp, directory.parent)
            try:
                await sftp.mkdir(str(directory))
            except asyncssh.SFTPError:
                if not await sftp.isdir(str(directory)):
                    raise
        self._made.add(directory)

    async def _listed(self, sftp: SFTPClient, folder: str) -> list[str]:
        import asyncssh
        from asyncssh.constants import FILEXFER_TYPE_DIRECTORY

        names: list[str] = []
        try:
            async for entry in sftp.scandir(self._path(folder)):
                name = f"{folder}/{entry.filename!s}"
                if entry.filename in (".", "..") or _UNFINISHED.search(name):
                    continue
                if entry.attrs.type == FILEXFER_TYPE_DIRECTORY:
                    names += await self._listed(sftp, name)
                else:
                    names.append(name)
        except asyncssh.SFTPNoSuchFile:
            pass
        return names

    def _asked(
        self,
        what: str,
        request: Callable[[SFTPClient], Awaitable[_T]],
        size: int = 0,
        **otherwise: _T,
    ) -> _T:
        """What the server answers; `absent`, if it is given, where there is no such file."""
        import asyncssh

        try:
            return self._ssh.ask(request)
        except asyncssh.SFTPError as fault:
            if isinstance(fault, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath) and otherwise:
                return otherwise["absent"]
            if isinstance(fault, asyncssh.SFTPPermissionDenied | asyncssh.SFTPWriteProtect):
                raise UpstreamError(
                    f"{self.url} refuses: {what}: permission denied",
                    hint="whose is that directory on the server? the user of the url writes there",
                ) from None
            if size and self._is_full(fault, size):
                raise UpstreamError(
                    f"{self.url}: {what}: the disk of the server is full",
                    hint="make room there; the next sync goes on from where this one stopped",
                ) from None
            raise UpstreamError(
                f"{self.url}: {what}: {fault.reason or type(fault).__name__}",
                hint="what was sent stays; the next sync goes on from there",
            ) from None

    def _is_full(self, fault: Exception, size: int) -> bool:
        """True if there is no room for so many bytes: SFTP 3 says only that it has failed."""
        import asyncssh

        if isinstance(fault, asyncssh.SFTPNoSpaceOnFilesystem | asyncssh.SFTPQuotaExceeded):
            return True

        async def free(sftp: SFTPClient) -> int:
            room = await sftp.statvfs(str(self._directory))
            return int(room.bavail) * int(room.frsize)

        try:
            return self._ssh.ask(free) <= size
        except (asyncssh.SFTPError, UpstreamError):
            return False


async def _read(sftp: SFTPClient, path: str, length: int = -1, start: int = 0) -> bytes:
    async with await sftp.open(path, "rb") as file:
        data = await file.read(length, start)
    return _bytes(data)


async def _same_bytes(file: SFTPClientFile, data: bytes) -> int:
    """How many bytes of `data` the file begins with; what is behind them goes."""
    size = (await file.stat()).size or 0
    if size > len(data):
        await file.truncate(len(data))
    there = _bytes(await file.read(min(size, len(data)), 0)) if size else b""
    same = 0
    while same < len(there) and there[same : same + _COMPARED] == data[same : same + _COMPARED]:
        same = min(same + _COMPARED, len(there))
    return same


def _bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode()


async def _sync(file: SFTPClientFile) -> None:
    import asyncssh

    # Where there is no such thing, a power cut of the server may lose what it says it has.
    with suppress(asyncssh.SFTPOpUnsupported):
        await file.fsync()


def connect(url: str, access: Access) -> Target:
    """The target at `url`. Raises UpstreamError if asyncssh is missing."""
    try:
        import asyncssh  # noqa: F401
    except ImportError:
        raise UpstreamError(
            "sending over SFTP needs the package asyncssh, which is not installed",
            hint="pip install 'qc-edge[sftp]'",
        ) from None
    parts = urlsplit(url)
    user, host, port = unquote(parts.username or ""), parts.hostname or "", parts.port or 22
    keys = HostKeys(host, port, access.host_keys, access.known_hosts)
    connection = SshConnection(user, keys, access.options, access.retry_min)
    return SftpTarget(url, connection, unquote(parts.path) or "/")
