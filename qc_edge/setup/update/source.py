"""Where an update is fetched from: a directory, a labelled stick, or HTTPS."""

from __future__ import annotations

import http.client
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from qc_edge.errors import UpdateError, UpstreamError, UsageError
from qc_edge.setup.provision.seed import mounted_stick

_TIMEOUT_S = 30.0
_SMALL = 1 << 20
"""No manifest is larger."""


class Source(Protocol):
    """A place with one update in it."""

    @property
    def where(self) -> str:
        """The place, in words."""
        ...

    def read(self, name: str) -> bytes | None:
        """A small file, None if it is not there. Raises UpstreamError, UpdateError."""
        ...

    def open(self, name: str) -> IO[bytes]:
        """A file to be read piece by piece. Raises UpstreamError."""
        ...


@dataclass(frozen=True, slots=True)
class DirectorySource:
    """An update in a directory: one that is mounted, or that a sync has pulled."""

    directory: Path

    @property
    def where(self) -> str:
        """The directory."""
        return str(self.directory)

    def read(self, name: str) -> bytes | None:
        """A small file, None if it is not there. Raises UpdateError."""
        try:
            with (self.directory / name).open("rb") as file:
                return _small(file.read(_SMALL + 1), name)
        except FileNotFoundError:
            return None

    def open(self, name: str) -> IO[bytes]:
        """A file to be read piece by piece. Raises UpstreamError."""
        try:
            return (self.directory / name).open("rb")
        except OSError as fault:
            raise UpstreamError(
                f"cannot read {self.directory / name}: {fault.strerror}", hint="copy it anew"
            ) from None


class _HttpsAlone(urllib.request.HTTPRedirectHandler):
    """Follows a server to another place, but not to one that nobody vouches for."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: http.client.HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        if not newurl.startswith("https://"):
            raise urllib.error.HTTPError(newurl, code, f"leads to {newurl}", headers, fp)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


@dataclass(frozen=True, slots=True)
class HttpsSource:
    """An update on a web server; whose certificate is checked, as browsers do."""

    url: str

    @property
    def where(self) -> str:
        """The address."""
        return self.url

    def read(self, name: str) -> bytes | None:
        """A small file, None if it is not there. Raises UpstreamError, UpdateError."""
        try:
            with self._opened(name) as answer:
                return _small(answer.read(_SMALL + 1), name)
        except urllib.error.HTTPError as fault:
            if fault.code == 404:
                return None
            raise self._no_answer(name, fault) from None
        except (OSError, http.client.HTTPException) as fault:
            raise self._no_answer(name, fault) from None

    def open(self, name: str) -> IO[bytes]:
        """A file to be read piece by piece. Raises UpstreamError."""
        try:
            return self._opened(name)
        except (OSError, http.client.HTTPException) as fault:
            raise self._no_answer(name, fault) from None

    def _opened(self, name: str) -> IO[bytes]:
        url = f"{self.url.rstrip('/')}/{name}"
        https = urllib.request.HTTPSHandler(context=ssl.create_default_context())
        opener = urllib.request.build_opener(https, _HttpsAlone())
        answer: IO[bytes] = opener.open(url, timeout=_TIMEOUT_S)
        return answer

    def _no_answer(self, name: str, fault: Exception) -> UpstreamError:
        return UpstreamError(
            f"{self.url.rstrip('/')}/{name}: {fault}",
            hint="the network, the clock (a certificate has dates), the address; or a stick",
        )


@contextmanager
def open_source(text: str) -> Iterator[Source]:
    """The place that `text` names: https://..., a directory or `stick`. Raises UsageError if it
    is none.
    """
    if text == "stick":
        with mounted_stick() as directory:
            yield DirectorySource(directory / "update")
    elif text.startswith("https://"):
        yield HttpsSource(text)
    elif Path(text).is_dir():
        yield DirectorySource(Path(text))
    else:
        raise UsageError(
            f"{text} is no place of updates", hint="expected https://..., a directory or stick"
        )


def _small(data: bytes, name: str) -> bytes:
    if len(data) > _SMALL:
        raise UpdateError(f"{name} is larger than any manifest", hint="who else writes there?")
    return data
