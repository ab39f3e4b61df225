"""What the station sends to: an object store, a mounted directory or an SFTP server.

Each kind is a module here, imported when it is used. Nothing replaces or removes what is there: an
object is put where none is, or not at all.
"""

from __future__ import annotations

import importlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from pydantic import ValidationError

from qc_edge.errors import UsageError
from qc_edge.service.logs import LOG
from qc_edge.settings import UpstreamSettings
from qc_edge.upstream.credentials import store_options


class Target(ABC):
    """One place upstream. Any thread may use it. Every method raises UpstreamError."""

    def __init__(self, url: str) -> None:
        self.url = url

    @abstractmethod
    def put_if_absent(self, name: str, data: bytes) -> bool:
        """Put `data` under `name` if there is nothing; False if there is. Whole or not at all."""

    @abstractmethod
    def get(self, name: str) -> bytes | None:
        """The bytes under `name`; None if there are none."""

    @abstractmethod
    def size(self, name: str) -> int | None:
        """How many bytes are under `name`; None if there is nothing."""

    @abstractmethod
    def piece(self, name: str, start: int, length: int) -> bytes:
        """So many bytes of `name` from `start` on; fewer at its end."""

    @abstractmethod
    def names(self, folder: str) -> Iterator[str]:
        """The names in `folder` and below, in no order."""

    def newest(self, folder: str) -> tuple[int, str, bytes]:
        """The highest number among the names in `folder`, which are numbers, and name and bytes of
        the highest that has bytes; 0, "" and none where there is none.
        """
        stems = {name.rpartition("/")[2].partition(".")[0]: name for name in self.names(folder)}
        numbers = sorted((int(stem), name) for stem, name in stems.items() if stem.isdecimal())
        for _, name in reversed(numbers):
            if data := self.get(name):
                return numbers[-1][0], name, data
            # What a power cut has left of a file server's file says nothing, and would for ever.
            LOG.warning("%s/%s is empty: passed over", self.url, name)
        return (numbers[-1][0] if numbers else 0), "", b""

    def close(self) -> None:  # noqa: B027 - most have nothing open
        """Nothing more will be asked."""

    def __enter__(self) -> Target:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


@dataclass(frozen=True, slots=True)
class Access:
    """What is known of a place beside its url. `options` are its credentials, which are never told.

    A request is tried again for `retry_min` minutes. Of an SSH server, one of the `host_keys`
    (SHA256:...) is expected or, where there are none, a key in the file `known_hosts`.
    """

    options: Mapping[str, str]
    endpoint: str = ""
    region: str = ""
    retry_min: float = 3
    host_keys: tuple[str, ...] = ()
    known_hosts: Path = Path("/etc/ssh/ssh_known_hosts")

    @classmethod
    def of(cls, upstream: UpstreamSettings) -> Access:
        """As the settings say, with the credentials of systemd. Raises SettingsError."""
        return cls(
            store_options(),
            upstream.endpoint,
            upstream.region,
            upstream.retry_min,
            upstream.host_keys,
            upstream.known_hosts,
        )


def place_at(
    url: str, endpoint: str = "", region: str = "", host_keys: Sequence[str] = ()
) -> UpstreamSettings:
    """What a command is told of a place, held against the rules of the section [upstream]. Raises
    UsageError, which tells no password.
    """
    try:
        return UpstreamSettings(
            url=url, endpoint=endpoint, region=region, host_keys=tuple(host_keys)
        )
    except ValidationError as faults:
        first = faults.errors(include_input=False)[0]
        words = first["msg"].removeprefix("Value error, ")
        raise UsageError(f"{first['loc'][0]}: {words}", hint="see docs/integrator.md") from None


_MODULES = {"file": "stores", "s3": "stores", "gs": "stores", "az": "stores", "sftp": "sftp"}


def connect(url: str, access: Access) -> Target:
    """The target at `url`. Asks nothing yet.

    Raises UpstreamError if what it needs is not installed or an option is not taken.
    """
    module = importlib.import_module(f"{__name__}.{_MODULES[url.partition(':')[0]]}")
    target: Target = module.connect(url, access)
    return target
