"""The side of whoever approves: files put upstream, and a new signed manifest that names them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError

from qc_edge.bundles.bundle import open_bundle
from qc_edge.bundles.signing_key import public_text, read_private_key
from qc_edge.errors import UpdateError, UpstreamError, UsageError
from qc_edge.publish.seal import file_sha256
from qc_edge.service.clock import utc_now
from qc_edge.setup.update.manifest import MANIFEST, SIGNATURE, parse_manifest
from qc_edge.upstream.releases.manifest import (
    FOLDER,
    Kind,
    ReleasedFile,
    ReleasedThing,
    ReleaseManifest,
    Revocation,
    manifest_name,
    object_name,
    read_manifest,
    sign_manifest,
)
from qc_edge.upstream.targets import Target


@dataclass(frozen=True, slots=True)
class Change:
    """What a new manifest adds, takes back and revokes, against the one before. It is good for
    `valid_days`; if that is None, for as many as the one before.
    """

    add: Sequence[tuple[Kind, Path]] = ()
    withdraw: Sequence[tuple[Kind, str]] = ()
    revoke: Sequence[Revocation] = ()
    stations: tuple[str, ...] = ()
    valid_days: int | None = None


def publish(target: Target, key_file: Path, by: str, change: Change) -> ReleaseManifest:
    """Put the files and then the manifest, which has everything that the newest one has, but for
    the change. It must be signed by the same key.

    Raises UsageError if something to be added is not what it should be, AuditError if the manifest
    upstream is of another key, UpstreamError.
    """
    try:
        own = public_text(read_private_key(key_file.read_bytes()))
    except (OSError, ValueError) as fault:
        raise UsageError(
            f"cannot sign with {key_file}: {fault}", hint="make one: qc-edge model keygen FILE"
        ) from None
    serial, name, data = target.newest(FOLDER)
    before = read_manifest(data, [own], name) if data else None
    things = {(thing.kind, thing.name): thing for thing in (before.things if before else ())}
    revoked = {(each.kind, each.name): each for each in (before.revoked if before else ())}
    revoked |= {(each.kind, each.name): each for each in change.revoke}
    for kind, path in change.add:
        thing, contents = _thing(kind, path, change.stations)
        if (kind, thing.name) in revoked:
            raise UsageError(
                f"{kind} {thing.name} is revoked: {revoked[kind, thing.name].why}",
                hint="what is revoked stays so; give what is new a name or version of its own",
            )
        for file in thing.files:
            _put(target, object_name(file.sha256), contents[file.path], file.sha256)
        things[kind, thing.name] = thing
    for gone in (*change.withdraw, *((each.kind, each.name) for each in change.revoke)):
        things.pop(gone, None)
    made_at, valid = utc_now(), None
    if change.valid_days is not None:
        valid = timedelta(days=change.valid_days)
    elif before and before.expires_at:
        valid = before.expires_at - before.made_at
    manifest = ReleaseManifest(
        serial=serial + 1,
        made_at=made_at,
        expires_at=made_at + valid if valid else None,
        by=by,
        things=tuple(things[each] for each in sorted(things)),
        revoked=tuple(revoked[each] for each in sorted(revoked)),
    )
    signed = sign_manifest(manifest, key_file)
    name = manifest_name(manifest.serial)
    # It may be there by our own hand: the answer was lost, and the request was put again.
    if not target.put_if_absent(name, signed) and target.get(name) != signed:
        raise UpstreamError(
            f"somebody else has published number {manifest.serial} just now",
            hint="look at it, and publish again",
        )
    return manifest


def _thing(
    kind: Kind, source: Path, stations: tuple[str, ...]
) -> tuple[ReleasedThing, dict[str, bytes]]:
    """A thing with its files' content. Raises UsageError, ModelError."""
    name = open_bundle(source).reference if kind == "bundle" else source.stem
    if kind == "software":
        name = _software(source)
    try:
        contents = {
            path: (source if source.is_file() else source / path).read_bytes()
            for path in _files(source)
        }
        files = tuple(
            ReleasedFile(path=path, size=len(data), sha256=hashlib.sha256(data).hexdigest())
            for path, data in sorted(contents.items())
        )
        return ReleasedThing(kind=kind, name=name, files=files, stations=stations), contents
    except (OSError, ValidationError) as fault:
        raise UsageError(
            f"{source} cannot be published as {kind}: {str(fault).splitlines()[0]}",
            hint="expected a bundle's or an update's directory, else a file",
        ) from None


def _software(source: Path) -> str:
    """The name of an update, by which its next version is another thing. Raises UsageError if it is
    not what `qc-edge update stage` takes; whose key it is signed by is for the boxes to say.
    """
    try:
        manifest = parse_manifest((source / MANIFEST).read_bytes())
        (source / SIGNATURE).stat()
        for file in manifest.files:
            if file_sha256(source / file.name) != file.sha256:
                raise UsageError(f"{source / file.name} is not the file that {MANIFEST} names")
    except (OSError, UpdateError, UsageError) as fault:
        raise UsageError(
            f"{source} cannot be published as software: {fault}",
            hint="expected an update's directory: qc-edge update sign DIR --key FILE makes one",
        ) from None
    return f"{manifest.version}_{manifest.architecture}.{manifest.kind}"


def _files(source: Path) -> Iterable[str]:
    if source.is_file():
        return [source.name]
    return [
        path.relative_to(source).as_posix()
        for path in sorted(source.rglob("*"))
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(source).parts)
    ]


def _put(target: Target, name: str, data: bytes, sha256: str) -> None:
    target.put_if_absent(name, data)
    if hashlib.sha256(target.get(name) or b"").hexdigest() != sha256:
        raise UpstreamError(
            f"{target.url}/{name} does not hold what was put", hint="do not trust that server"
        )
