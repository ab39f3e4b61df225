"""Object stores and mounted directories, by obstore; the same for all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from secrets import randbelow
from typing import TYPE_CHECKING, TypeVar

from qc_edge.errors import UpstreamError
from qc_edge.service.synced_file import put_synced, sync_directory, sync_file
from qc_edge.upstream.credentials import hide
from qc_edge.upstream.targets import Access, Target

if TYPE_CHECKING:
    from obstore.store import ObjectStore

_T = TypeVar("_T")


class StoreTarget(Target):
    """An object store, or the directory of a file:// url."""

    def __init__(
        self,
        url: str,
        store: ObjectStore,
        directory: Path | None,
        options: Mapping[str, str] | None = None,
    ) -> None:
        """As `connect` makes it; `options` are those that are never told."""
        super().__init__(url)
        self._options = options or {}
        self._store = store
        self._directory = directory
        self._synced: set[Path] = {directory} if directory else set()

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """As a Target."""
        import obstore
        from obstore.exceptions import AlreadyExistsError, PreconditionError

        if self._directory is not None:
            path = self._directory / name
            return self._asked(f"cannot put {name}", lambda: self._put_file(path, data))

        def put() -> bool:
            try:
                obstore.put(self._store, name, data, mode="create", use_multipart=False)
            except (AlreadyExistsError, PreconditionError):
                # Also where an answer was lost and the request put again.
                return False
            return True

        return self._asked(f"cannot put {name}", put)

    def get(self, name: str) -> bytes | None:
        """As a Target."""
        import obstore

        def read() -> bytes | None:
            try:
                return bytes(obstore.get(self._store, name).bytes())
            except FileNotFoundError:
                return None

        return self._asked(f"cannot read {name}", read)

    def size(self, name: str) -> int | None:
        """As a Target."""
        import obstore

        def look() -> int | None:
            try:
                return int(obstore.head(self._store, name)["size"])
            except FileNotFoundError:
                return None

        return self._asked(f"cannot look at {name}", look)

    def piece(self, name: str, start: int, length: int) -> bytes:
        """As a Target."""
        import obstore

        def read() -> bytes:
            return bytes(obstore.get_range(self._store, name, start=start, length=length))

        return self._asked(f"cannot read {name}", read)

    def names(self, folder: str) -> Iterator[str]:
        """As a Target."""
        import obstore

        def listed() -> list[str]:
            return [
                str(entry["path"])
                for portion in obstore.list(self._store, folder)
                for entry in portion
            ]

        yield from self._asked(f"cannot list {folder}", listed)

    def _put_file(self, path: Path, data: bytes) -> bool:
        # Not by obstore, which links the name before the bytes are on the disk: after a power cut
        # there was an empty file under a name that nobody replaces.
        path.parent.mkdir(parents=True, exist_ok=True)
        was_put = False
        if path.exists():
            sync_file(path)
        else:
            # Names that end like that are not listed by obstore.
            temporary = path.with_name(f"{path.name}#{randbelow(10**12)}")
            was_put = put_synced(path, data, temporary)
        self._sync_name(path)
        return was_put

    def _sync_name(self, path: Path) -> None:
        sync_directory(path.parent)
        # A directory that is new is a name in its parent, up to the target's own; once is enough.
        if path.parent not in self._synced:
            for parent in path.parent.parents:
                sync_directory(parent)
                if parent == self._directory:
                    break
            self._synced.add(path.parent)

    def _asked(self, what: str, ask: Callable[[], _T]) -> _T:
        from obstore.exceptions import (
            BaseError,
            PermissionDeniedError,
            UnauthenticatedError,
        )

        try:
            return ask()
        except (PermissionDeniedError, UnauthenticatedError) as fault:
            words = first_words(fault, self._options)
            if "RequestTimeTooSkewed" in str(fault):
                hint = "the clocks of this box and of the server differ: qc-edge doctor, chronyc"
            else:
                hint = "are the credentials right, and not expired? see docs/integrator.md"
            raise UpstreamError(f"{self.url} refuses: {what}: {words}", hint) from None
        except (BaseError, OSError) as fault:
            raise UpstreamError(
                f"{self.url}: {what}: {first_words(fault, self._options)}",
                hint="what was sent stays; the next sync goes on from there",
            ) from None


def connect(url: str, access: Access) -> Target:
    """The target at `url`. Raises UpstreamError without obstore, or for a wrong option."""
    options = access.options
    try:
        from obstore.exceptions import BaseError
        from obstore.store import LocalStore, from_url
    except ImportError:
        raise UpstreamError(
            "sending upstream needs the package obstore, which is not installed",
            hint="pip install 'qc-edge[upstream]'",
        ) from None
    if url.startswith("file://"):
        directory = Path(url.removeprefix("file://"))
        return StoreTarget(url, LocalStore(directory), directory)
    try:
        store = from_url(
            url,
            config=store_config(url, options, access.endpoint, access.region),  # type: ignore[call-overload]
            client_options={
                "allow_http": access.endpoint.startswith("http://"),
                "connect_timeout": timedelta(seconds=10),
                "timeout": timedelta(minutes=10),
            },
            retry_config={
                "max_retries": 1000,
                "retry_timeout": timedelta(minutes=access.retry_min),
                # It waits between these for a time drawn at random, so that stations differ.
                "backoff": {
                    "init_backoff": timedelta(milliseconds=200),
                    "max_backoff": timedelta(seconds=20),
                    "base": 2,
                },
            },
        )
    except (BaseError, ValueError, TypeError) as fault:
        raise UpstreamError(
            f"{url} cannot be used: {first_words(fault, options)}", hint="see docs/integrator.md"
        ) from None
    return StoreTarget(url, store, None, options)


def store_config(
    url: str, options: Mapping[str, str], endpoint: str, region: str
) -> dict[str, str]:
    """The options of one kind of store, as obstore and deltalake have them."""
    prefix = {"s3": "aws_", "gs": "google_", "az": "azure_"}[url.partition(":")[0]]
    config = {name: value for name, value in options.items() if name.startswith(prefix)}
    if prefix == "aws_":
        # Amazon's own checks a digest of each request's body with that; others ignore it.
        config["aws_checksum_algorithm"] = "SHA256"
        if endpoint:
            config["aws_endpoint"] = endpoint
        if region:
            config["aws_region"] = region
    return config


def first_words(fault: Exception, options: Mapping[str, str]) -> str:
    """What it says, without the structures that it prints below and without credentials."""
    return hide(str(fault), options).strip().partition("\n")[0][:400]
