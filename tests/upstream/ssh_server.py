"""OpenSSH's sshd with its SFTP, as whoever runs the tests: one process for each connection, which
can be cut after so many bytes.
"""

from __future__ import annotations

import getpass
import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from qc_edge.upstream.targets import Access, Target, connect

SSHD = "/usr/sbin/sshd"


@dataclass
class SshServer:
    """Where it answers. `cuts` are the bytes after which the next connections are cut, in their
    order; those that follow are not. `received` has for each connection what came from its client.
    """

    directory: Path
    port: int
    cuts: list[int] = field(default_factory=list)
    received: list[int] = field(default_factory=list)
    ended: list[int] = field(default_factory=list)

    @property
    def is_idle(self) -> bool:
        """Nothing is written any more, not even what had come before a cut."""
        return len(self.ended) == len(self.received)

    def url(self, place: Path) -> str:
        """A directory of this machine there."""
        return f"sftp://{getpass.getuser()}@127.0.0.1:{self.port}{place}"

    @property
    def login(self) -> dict[str, str]:
        """Of one who is let in."""
        return {"sftp_key_file": str(self.directory / "user")}

    def fingerprint(self) -> str:
        """Of its host key, as ssh-keygen says it."""
        public = self.directory / "host.pub"
        said = subprocess.check_output(["ssh-keygen", "-lf", public], text=True)
        return said.split()[1]

    def known_hosts(self, path: Path, key: str = "host") -> Path:
        """A file that has `key` for this server."""
        public = (self.directory / f"{key}.pub").read_text()
        path.write_text(f"[127.0.0.1]:{self.port} {public}")
        return path

    def target(
        self, place: Path, options: Mapping[str, str] | None = None, retry_min: float = 0.0
    ) -> Target:
        """That directory as a target; the host key is pinned."""
        access = Access(
            self.login if options is None else options,
            retry_min=retry_min,
            host_keys=(self.fingerprint(),),
        )
        return connect(self.url(place), access)

    def serve(self, listener: socket.socket) -> None:
        """One thread for each connection, until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        limit = self.cuts.pop(0) if self.cuts else None
        number = len(self.received)
        self.received.append(0)
        ours, theirs = socket.socketpair()
        command: list[str] = [SSHD, "-i", "-e", "-f", str(self.directory / "config")]
        with (self.directory / "log").open("ab") as log, theirs:
            sshd = subprocess.Popen(
                command, stdin=theirs.fileno(), stdout=theirs.fileno(), stderr=log
            )
        with client, ours:
            back = threading.Thread(target=_copy, args=(ours, client), daemon=True)
            back.start()
            with suppress(OSError):
                while data := client.recv(8192):
                    self.received[number] += len(data)
                    if limit is not None and self.received[number] > limit:
                        break
                    ours.sendall(data)
            for each in (client, ours):
                with suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
            back.join()
        sshd.wait()
        self.ended.append(number)


def _copy(source: socket.socket, to: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            to.sendall(data)
    with suppress(OSError):
        to.shutdown(socket.SHUT_RDWR)


@contextmanager
def ssh_server(directory: Path) -> Iterator[SshServer]:
    """One that lets in the key `user` of its directory, and shows the key `host`."""
    if not Path(SSHD).exists() or shutil.which("ssh-keygen") is None:
        pytest.skip("OpenSSH's server is missing: apt install openssh-server")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # what its service makes
    directory.mkdir()
    for key in ("host", "user", "other"):
        make = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(directory / key)]
        subprocess.run(make, check=True)
    shutil.copy(directory / "user.pub", directory / "authorized")
    (directory / "config").write_text(
        f"HostKey {directory / 'host'}\nAuthorizedKeysFile {directory / 'authorized'}\n"
        "StrictModes no\nUsePAM no\nPidFile none\nPermitRootLogin yes\n"
        "PasswordAuthentication no\nSubsystem sftp internal-sftp\n"
    )
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        server = SshServer(directory, listener.getsockname()[1])
        thread = threading.Thread(target=server.serve, args=(listener,), daemon=True)
        thread.start()
        yield server
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()
