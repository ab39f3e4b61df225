"""One SSH connection with SFTP on it, for any thread: made when it is needed, made again when cut.

asyncssh lives on an event loop of a thread of its own. Nobody's ~/.ssh and no agent is asked: which
key or password it logs in with is given, and nothing else is tried.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import TimeoutError as NoAnswer
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from qc_edge.errors import UpstreamError
from qc_edge.upstream.credentials import hide, ssh_login
from qc_edge.upstream.targets.host_keys import HostKeys

if TYPE_CHECKING:
    from asyncssh import SFTPClient, SSHClientConnection, SSHKey

_T = TypeVar("_T")

CONNECT_S = 20
_REQUEST_S = 600
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.2, 20.0


class SshConnection:
    """Logged in at one server as one user. Any thread may ask; requests go side by side."""

    def __init__(
        self, user: str, keys: HostKeys, options: Mapping[str, str], retry_min: float
    ) -> None:
        self._user = user
        self._keys = keys
        self._options = options
        self._retry_s = retry_min * 60
        self._connection: SSHClientConnection | None = None
        self._sftp: SFTPClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connecting = asyncio.Lock()
        self._starting = threading.Lock()
        self._never = threading.Event()

    @property
    def place(self) -> str:
        """Where it is, in words."""
        return f"{self._user}@{self._keys.host} port {self._keys.port}"

    def ask(self, request: Callable[[SFTPClient], Awaitable[_T]]) -> _T:
        """What `request` gives, which is asked again while the connection fails; so it must do no
        harm twice. Raises UpstreamError where it cannot be had, asyncssh.SFTPError if it is
        refused.
        """
        until, pause = time.monotonic() + self._retry_s, _FIRST_PAUSE_S
        while True:
            try:
                return self._once(request)
            except _Cut as fault:
                if time.monotonic() > until:
                    raise UpstreamError(
                        f"{self.place}: {hide(str(fault), self._options)}",
                        hint="what was sent stays; the next sync goes on from there",
                    ) from None
            # So that stations that were cut off together do not come back together.
            self._never.wait(pause * random.uniform(0.5, 1.5))  # noqa: S311
            pause = min(2 * pause, _LONGEST_PAUSE_S)

    def close(self) -> None:
        """Log out. May be called twice."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        asyncio.run_coroutine_threadsafe(self._log_out(), loop).result(CONNECT_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
        self._loop = self._thread = None

    def _once(self, request: Callable[[SFTPClient], Awaitable[_T]]) -> _T:
        running = asyncio.run_coroutine_threadsafe(self._answer(request), self._running_loop())
        try:
            return running.result(_REQUEST_S)
        except NoAnswer:
            running.cancel()
            raise _Cut(f"no answer in {_REQUEST_S} s") from None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="ssh", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _answer(self, request: Callable[[SFTPClient], Awaitable[_T]]) -> _T:
        import asyncssh

        sftp = await self._session()
        try:
            return await request(sftp)
        except (
            asyncssh.SFTPConnectionLost,
            asyncssh.SFTPNoConnection,
            asyncssh.SFTPBadMessage,
            asyncssh.DisconnectError,
            asyncssh.ChannelOpenError,
            OSError,
        ) as fault:
            if self._sftp is sftp:
                await self._log_out()
            raise _Cut(f"the connection was cut: {fault}") from None

    async def _session(self) -> SFTPClient:
        import asyncssh

        async with self._connecting:
            if self._sftp is None:
                self._connection = await self._log_in()
                try:
                    # Names that are not UTF-8 are somebody else's files, and are read as what they
                    # are.
                    self._sftp = await self._connection.start_sftp_client(
                        path_errors="surrogateescape"
                    )
                except (asyncssh.Error, OSError) as fault:
                    await self._log_out()
                    refused = isinstance(fault, asyncssh.ChannelOpenError)
                    what = "it gives this user no SFTP" if refused else "the connection was cut"
                    raise _Cut(f"{what}: {fault}") from None
            return self._sftp

    async def _log_in(self) -> SSHClientConnection:
        import asyncssh

        keys = self._keys
        keys.seen.clear()
        trusted = keys.options()
        known = trusted["known_hosts"]
        if isinstance(known, bytes):
            try:
                asyncssh.import_known_hosts(known.decode())
            except ValueError as fault:
                raise keys.unreadable(str(fault)) from None

        class Client(asyncssh.SSHClient):
            def validate_host_public_key(
                self, _host: str, _addr: str, _port: int, key: SSHKey
            ) -> bool:
                return keys.accepts(key.get_algorithm(), key.get_fingerprint())

        try:
            return await asyncio.wait_for(
                asyncssh.connect(
                    keys.host,
                    keys.port,
                    username=self._user,
                    client_factory=Client,
                    config=None,
                    agent_path=None,
                    gss_host=None,
                    keepalive_interval=15,
                    keepalive_count_max=4,
                    **trusted,
                    **self._login(),
                ),
                CONNECT_S,
            )
        except asyncssh.HostKeyNotVerifiable:
            raise keys.refusal(await self._is_known(known)) from None
        except asyncssh.PermissionDenied:
            raise UpstreamError(
                f"{self.place} does not let this station in: its key or password is refused",
                hint="is the public key in authorized_keys there? see docs/integrator.md",
            ) from None
        except (asyncio.TimeoutError, TimeoutError):
            raise _Cut(f"cannot connect: no answer in {CONNECT_S} s") from None
        except (OSError, asyncssh.Error) as fault:
            raise _Cut(f"cannot connect: {fault}") from None

    async def _is_known(self, known_hosts: bytes | tuple[object, ...]) -> bool:
        import asyncssh

        if isinstance(known_hosts, tuple):
            return False
        found = asyncssh.match_known_hosts(known_hosts, self._keys.host, "", self._keys.port)
        return any(found)

    def _login(self) -> dict[str, Any]:
        key_file, password = ssh_login(self._options)
        if key_file is None and password is None:
            raise UpstreamError(
                f"no key and no password for {self.place}",
                hint="the systemd credential upstream-key, or SFTP_PASSWORD=... in the credential "
                "upstream; see docs/integrator.md",
            )
        login: dict[str, Any] = {"client_keys": None, "password": password}
        if key_file is not None:
            login["client_keys"] = [_private_key(key_file)]
        return login

    async def _log_out(self) -> None:
        connection, self._connection, self._sftp = self._connection, None, None
        if connection is not None:
            connection.abort()
            await connection.wait_closed()


def _private_key(path: Path) -> object:
    import asyncssh

    try:
        return asyncssh.import_private_key(path.read_bytes())
    except OSError as fault:
        why = fault.strerror
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError) as fault:
        why = str(fault)
    raise UpstreamError(
        f"cannot read the private key {path}: {why}",
        hint="expected one without a passphrase: ssh-keygen -t ed25519 -N '' -f FILE",
    )


class _Cut(Exception):  # noqa: N818
    """There is no connection, in words; another try may have one."""
