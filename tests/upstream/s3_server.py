"""A real S3 server (seaweedfs, from its wheel) that can be killed and started again."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

from tests.station.harness import wait_for

KEY, SECRET, BUCKET = "plant", "hunter2-hunter2", "qc-archive"


def weed() -> str | None:
    """The server's program, where get_server.sh puts it, or on the path; None if it is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    kept = sorted((cache / "qc-edge-ci").glob("seaweedfs-*/bin/weed"))
    return str(kept[-1]) if kept else shutil.which("weed")


@dataclass
class S3Server:
    """Its directory and port; `start` and `kill` as often as one likes."""

    directory: Path
    ports: dict[str, int]
    process: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def endpoint(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.ports['s3']}"

    @property
    def url(self) -> str:
        """A place in its bucket."""
        return f"s3://{BUCKET}/plant-1"

    @property
    def credentials(self) -> dict[str, str]:
        """Of one who may do all."""
        return {"aws_access_key_id": KEY, "aws_secret_access_key": SECRET}

    def start(self) -> None:
        """Start it and wait until it takes requests."""
        program, ports = weed(), self.ports
        assert program, "tests/upstream/get_server.sh brings it"
        command = [
            program,
            "server",
            f"-dir={self.directory / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            "-master.electionTimeout=1s",
            f"-master.port={ports['master']}",
            f"-master.port.grpc={ports['master_grpc']}",
            f"-volume.port={ports['volume']}",
            f"-volume.port.grpc={ports['volume_grpc']}",
            f"-filer.port={ports['filer']}",
            f"-filer.port.grpc={ports['filer_grpc']}",
            "-s3",
            f"-s3.port={ports['s3']}",
            f"-s3.port.grpc={ports['s3_grpc']}",
            "-s3.port.iceberg=0",  # a fixed port, which two servers would want
            f"-s3.config={self.directory / 's3.json'}",
            "-volume.max=20",
            "-master.volumeSizeLimitMB=64",
        ]
        with (self.directory / "log").open("ab") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=said, cwd=self.directory)
        wait_for(self._makes_bucket, "the S3 server answers", 60, 0.1)

    def kill(self) -> None:
        """As a power cut takes it."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def _makes_bucket(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.directory / "log").read_text()[-2000:]
        try:
            urlopen(self.endpoint, timeout=2)  # noqa: S310 - http, see above
        except HTTPError:
            pass  # it wants credentials: it is up
        except (URLError, OSError):
            return False
        import obstore
        from obstore.exceptions import BaseError

        from qc_edge.upstream.targets import Access, connect
        from qc_edge.upstream.targets.stores import StoreTarget

        target = connect(self.url, Access(self.credentials, self.endpoint, "us-east-1", 0.02))
        assert isinstance(target, StoreTarget)
        try:
            obstore.put(target._store, "up", b"1")
        except BaseError:
            return False
        return True


@contextmanager
def s3_server(directory: Path) -> Iterator[S3Server]:
    """The server with one bucket, which it makes with the first object; killed at the end."""
    (directory / "data").mkdir(parents=True)
    identity = {
        "name": "plant",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    (directory / "s3.json").write_text(json.dumps({"identities": [identity]}))
    names = ["master", "volume", "filer", "s3"]
    ports = free_ports([*names, *(f"{name}_grpc" for name in names)])
    server = S3Server(directory, ports)
    try:
        server.start()
        yield server
    finally:
        server.kill()


def free_ports(names: list[str]) -> dict[str, int]:
    """A port for each name that nobody has now."""
    taken = [socket.create_server(("127.0.0.1", 0)) for _ in names]
    ports = {name: each.getsockname()[1] for name, each in zip(names, taken, strict=True)}
    for each in taken:
        each.close()
    return ports
