"""What a station has been offered and has staged: `upstream/released.json`, `upstream/staged/`.

Nothing that is here judges: each thing comes into force by its own command, with its own checks.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from qc_edge.errors import AuditError, StoreError
from qc_edge.publish.seal import file_sha256
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.service.synced_file import sync_directory
from qc_edge.settings import StationPaths
from qc_edge.store.durable import write_file
from qc_edge.upstream.releases.manifest import (
    Kind,
    ReleasedFile,
    ReleasedThing,
    ReleaseManifest,
    Revocation,
)

_NEXT = {
    "bundle": "qc-edge model install {station} {at}",
    "recipe": "qc-edge recipe new {station}; the file {at} says what it is to have",
    "calibration": "copy {at} beside the calibrations of {station}, then qc-edge check {station}",
    "settings": "copy {at} into /etc/qc-edge/common.d, then qc-edge check {station}",
    "software": "qc-edge update stage {at}",
}


def known_manifest(paths: StationPaths) -> ReleaseManifest | None:
    """The newest manifest that was accepted; None if there is none yet. Raises StoreError."""
    path = _known(paths)
    try:
        # Its signature was checked when it was accepted; the file is the station's own.
        return ReleaseManifest.model_validate_json(json.loads(path.read_bytes())["manifest"])
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, ValidationError) as fault:
        raise StoreError(
            f"cannot read {path}: {fault}", hint="remove it, then: qc-edge sync NAME --pull"
        ) from None


def keep_manifest(paths: StationPaths, signed: bytes) -> None:
    """Keep an accepted one, as it came: from now on no older one is. Raises StoreError."""
    write_file(_known(paths), signed)


def known_bytes(paths: StationPaths) -> bytes:
    """The accepted one as it came; empty if there is none."""
    try:
        return _known(paths).read_bytes()
    except OSError:
        return b""


def place(paths: StationPaths, kind: Kind, name: str) -> Path:
    """The directory of a staged thing."""
    return _staged(paths) / kind / name


def part_of(paths: StationPaths, file: ReleasedFile) -> Path:
    """Where a file lies while the thing that it belongs to is not whole."""
    return _staged(paths) / ".parts" / file.sha256


def is_staged(paths: StationPaths, thing: ReleasedThing) -> bool:
    """True if exactly its files are there, each with its digest: the same name may have been
    published again with others.
    """
    at = place(paths, thing.kind, thing.name)
    named = {file.path: file for file in thing.files}
    here = [path for path in at.rglob("*") if path.is_symlink() or not path.is_dir()]
    try:
        return {_name(at, path) for path in here} == named.keys() and all(
            not path.is_symlink() and file_sha256(path) == named[_name(at, path)].sha256
            for path in here
        )
    except OSError:
        return False


def assemble(paths: StationPaths, thing: ReleasedThing) -> None:
    """Give the thing, whose parts are all here, its name, in the place of one that had it before:
    never some files of the one and some of the other. Raises OSError.
    """
    at = place(paths, thing.kind, thing.name)
    new = _staged(paths) / ".new"
    shutil.rmtree(new, ignore_errors=True)
    for file in thing.files:
        path = new / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        os.link(part_of(paths, file), path)  # two of its files may be the same bytes
    for directory in (new, *(path for path in new.rglob("*") if path.is_dir())):
        sync_directory(directory)
    at.parent.mkdir(parents=True, exist_ok=True)
    if at.exists():
        shutil.rmtree(at)
    new.rename(at)
    sync_directory(at.parent)
    for file in thing.files:
        part_of(paths, file).unlink(missing_ok=True)


def next_step(paths: StationPaths, kind: Kind, name: str) -> str:
    """What a person does with it."""
    return _NEXT[kind].format(station=paths.name, at=place(paths, kind, name))


def clear_away(paths: StationPaths, manifest: ReleaseManifest) -> list[tuple[str, str]]:
    """Remove what is staged and no longer offered, or revoked; kind and name of each."""
    things = manifest.for_station(paths.name)
    offered = {(thing.kind, thing.name) for thing in things}
    parts = {file.sha256 for thing in things for file in thing.files}
    gone = []
    for at in sorted(_staged(paths).glob("*/*")):
        each = at.parent.name, at.name
        if at.parent.name == ".parts":
            if at.name not in parts:
                at.unlink()
        elif not at.parent.name.startswith(".") and each not in offered:
            shutil.rmtree(at, ignore_errors=True)
            gone.append(each)
    return gone


def refuse_revoked(paths: StationPaths, kind: Kind, name: str) -> None:
    """Raises AuditError if the newest known manifest revokes that."""
    manifest = known_manifest(paths)
    revoked = manifest.revocation(kind, name) if manifest else None
    if revoked is not None:
        raise AuditError(
            f"{kind} {name} is revoked: {revoked.why}",
            hint="whoever approves models has said so upstream; qc-edge sync NAME --pull brings "
            "what is approved now",
        )


def refuse_revoked_recipe(paths: StationPaths, reference: str, content: RecipeContent) -> None:
    """Raises AuditError if the newest known manifest revokes the recipe, this revision of it, or a
    bundle or calibration that it names.
    """
    refuse_revoked(paths, "recipe", reference)
    refuse_revoked(paths, "recipe", reference.partition("@")[0])
    for view in content.view:
        if view.bundle:
            refuse_revoked(paths, "bundle", view.bundle)
        if view.calibration:
            refuse_revoked(paths, "calibration", view.calibration)


def revoked_here(paths: StationPaths) -> Iterator[Revocation]:
    """What is revoked and lies at this station all the same. Raises StoreError."""
    manifest = known_manifest(paths)
    for each in manifest.revoked if manifest else ():
        name, _, version = each.name.partition("@")
        if each.kind == "bundle":
            is_here = (paths.models / name / version).is_dir()
        else:
            directory = paths.recipes if each.kind == "recipe" else paths.calibration
            is_here = each.kind in {"recipe", "calibration"} and any(
                each.name in {path.stem, path.parent.name, f"{path.parent.name}@{path.stem}"}
                for path in directory.rglob("*.*")
            )
        if is_here:
            yield each


def _name(at: Path, path: Path) -> str:
    return path.relative_to(at).as_posix()


def _staged(paths: StationPaths) -> Path:
    return paths.upstream / "staged"


def _known(paths: StationPaths) -> Path:
    return paths.upstream / "released.json"
