"""A bundle from outside, a directory or an archive, brought into a station whole or not at all."""

from __future__ import annotations

import gzip
import lzma
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import IO

from qc_edge.bundles.bundle import Bundle, open_bundle
from qc_edge.bundles.evaluated import check_evaluation
from qc_edge.bundles.manifest import EVALUATION, MANIFEST, SIGNATURE
from qc_edge.bundles.signing import check_signature
from qc_edge.errors import ModelError
from qc_edge.service.owner import acting_as_caller
from qc_edge.service.synced_file import sync_directory, sync_file
from qc_edge.settings.bundles import ModelSettings
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import write_file

MAX_BYTES = 4_000_000_000
"""Of a bundle unpacked: models for an edge device are far smaller."""

MAX_FILES = 10_000

_HINT = "expected a bundle's directory, or it packed as .tar, .tar.gz, .tgz or .zip"
_CHUNK = 1 << 20
_TORN = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
)
"""What the archive modules raise on content that they cannot unpack."""

Entry = tuple[str, int, "IO[bytes]"]


def install(
    source: Path,
    models: Path,
    settings: ModelSettings,
    may_come: Callable[[Bundle], object] = lambda _: None,
) -> tuple[Bundle, bool]:
    """The bundle of `source` as MODELS/NAME/VERSION, durable; False if it was there already, the
    same. `may_come` is asked before, and raises if it may not.

    Raises ModelError if it is no bundle, not what was approved or not signed as `settings` demands,
    or if another one stands there; StoreError if the disk refuses. Then nothing is installed.
    """
    try:
        models.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(prefix=".install-", dir=models))
    except OSError as fault:
        raise store_error(fault, f"cannot install into {models}") from fault
    try:
        try:
            _copy(source, work / "bundle")
        except _TORN as fault:
            raise ModelError(
                f"{source} does not unpack: {fault}", "it may be torn: fetch it again"
            ) from None
        bundle = open_bundle(_bundle_directory(source, work / "bundle"))
        check_signature(bundle, settings)
        check_evaluation(bundle, settings)
        may_come(bundle)
        return _place(bundle, models)
    except OSError as fault:
        raise store_error(fault, f"cannot install {source} into {models}") from fault
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _place(bundle: Bundle, models: Path) -> tuple[Bundle, bool]:
    target = models / bundle.name / bundle.version
    if (target / MANIFEST).exists():
        installed = open_bundle(target)
        if installed.digest != bundle.digest:
            raise ModelError(
                f"{target} holds another bundle of that name: its manifest has the digest "
                f"{installed.digest[:12]}..., this one {bundle.digest[:12]}...",
                hint="a version never changes: give the new bundle a version of its own",
            )
        _bring_proofs(bundle.directory, target)
        return open_bundle(target), False
    for path in sorted(bundle.directory.rglob("*"), reverse=True):
        path.chmod(0o750 if path.is_dir() else 0o640)
        (sync_directory if path.is_dir() else sync_file)(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    bundle.directory.chmod(0o750)
    bundle.directory.rename(target)
    for directory in (target, target.parent, models):
        sync_directory(directory)
    return open_bundle(target), True


def _bring_proofs(source: Path, target: Path) -> None:
    """Signature and evaluation may have come after the bundle was installed. What has none keeps
    the one that is there: to take one away is to take the bundle away.
    """
    for name in (SIGNATURE, EVALUATION):
        try:
            content = (source / name).read_bytes()
        except FileNotFoundError:
            continue
        write_file(target / name, content, mode=0o640)


def _copy(source: Path, target: Path) -> None:
    """Copy the plain files of `source`, within bounds, never outside `target`."""
    target.mkdir()
    left = MAX_BYTES
    for number, (name, size, data) in enumerate(_read_by_caller(source), 1):
        path = PurePosixPath(name)
        if path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name:
            raise ModelError(
                f"{source} holds the path {name!r}, which leads out of the bundle", _HINT
            )
        left -= size
        if left < 0 or number > MAX_FILES:
            raise ModelError(
                f"{source} unpacks to more than {MAX_BYTES / 1e9:g} GB or {MAX_FILES:,} files",
                _HINT,
            )
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as out:
            _copy_exactly(data, out, size, f"{source}: {name}")


def _copy_exactly(data: IO[bytes], out: IO[bytes], size: int, where: str) -> None:
    """Copy the `size` bytes that the archive announced. An entry that holds more is a bomb."""
    left = size
    while chunk := data.read(min(_CHUNK, left + 1)):
        left -= len(chunk)
        if left < 0:
            raise ModelError(f"{where} is longer than the archive says", _HINT)
        out.write(chunk)
    if left:
        raise ModelError(f"{where} is shorter than the archive says", _HINT)


def _read_by_caller(source: Path) -> Iterator[Entry]:
    """The entries of `source`, which may be where only the caller (root) can read."""
    with acting_as_caller():
        entries = _entries(source)
    while True:
        with acting_as_caller():
            entry = next(entries, None)
        if entry is None:
            return
        yield entry


def _entries(source: Path) -> Iterator[Entry]:
    """Name, size and content of every plain file; whatever else there is (links, devices) is
    refused.
    """
    if source.is_dir():
        return _of_directory(source)
    if not source.is_file():
        raise ModelError(f"{source} does not exist", _HINT)
    if zipfile.is_zipfile(source):
        return _of_zip(source)
    if tarfile.is_tarfile(source):
        return _of_tar(source)
    raise ModelError(f"{source} is no archive that this version knows", _HINT)


def _of_directory(source: Path) -> Iterator[Entry]:
    for path in sorted(source.rglob("*")):
        mode = path.lstat().st_mode
        if stat.S_ISREG(mode):
            with path.open("rb") as data:
                yield path.relative_to(source).as_posix(), path.stat().st_size, data
        elif not stat.S_ISDIR(mode):
            raise ModelError(f"{path} is neither a file nor a directory", _HINT)


def _of_tar(source: Path) -> Iterator[Entry]:
    with tarfile.open(source, "r|*") as archive:
        for entry in archive:
            if entry.isreg() and (data := archive.extractfile(entry)) is not None:
                yield entry.name, entry.size, data
            elif not entry.isdir():
                raise ModelError(f"{source}: {entry.name} is neither a file nor a directory", _HINT)


def _of_zip(source: Path) -> Iterator[Entry]:
    with zipfile.ZipFile(source) as archive:
        for entry in archive.infolist():
            kind = stat.S_IFMT(entry.external_attr >> 16)
            if entry.is_dir():
                continue
            if kind not in {0, stat.S_IFREG}:
                raise ModelError(
                    f"{source}: {entry.filename} is neither a file nor a directory", _HINT
                )
            with archive.open(entry) as data:
                yield entry.filename, entry.file_size, data


def _bundle_directory(source: Path, unpacked: Path) -> Path:
    """The directory that holds the manifest: the archive's own top, or the one directory in it."""
    inside = list(unpacked.iterdir())
    if not (unpacked / MANIFEST).is_file() and len(inside) == 1 and inside[0].is_dir():
        return inside[0]
    if not (unpacked / MANIFEST).is_file():
        raise ModelError(f"there is no {MANIFEST} in {source}", _HINT)
    return unpacked
