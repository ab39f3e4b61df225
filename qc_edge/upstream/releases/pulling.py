"""`qc-edge sync --pull`: the newest manifest checked, and what it offers brought here and staged.

A transfer that was cut goes on where it stopped: each file is fetched in pieces into `.parts`,
under its digest. A thing has its name once all its files are there and are what the manifest names.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from qc_edge.errors import AuditError, SettingsError, UpstreamError
from qc_edge.publish.seal import file_sha256
from qc_edge.service.clock import utc_now
from qc_edge.settings import Settings, StationPaths
from qc_edge.store.disk_errors import store_error
from qc_edge.upstream.releases.manifest import (
    FOLDER,
    ReleasedFile,
    ReleasedThing,
    ReleaseManifest,
    object_name,
    read_manifest,
)
from qc_edge.upstream.releases.staged import (
    assemble,
    clear_away,
    is_staged,
    keep_manifest,
    known_bytes,
    known_manifest,
    part_of,
)
from qc_edge.upstream.targets import Target

PIECE = 8 << 20
"""Bytes that are fetched by one request; what is lost when it is cut."""


@dataclass(slots=True)
class PullReport:
    """The manifest (None if there is none upstream), what came now, what was there before, and what
    was cleared away as it is no longer offered.
    """

    manifest: ReleaseManifest | None
    staged: list[ReleasedThing] = field(default_factory=list)
    unchanged: list[ReleasedThing] = field(default_factory=list)
    cleared: list[tuple[str, str]] = field(default_factory=list)


class Pull:
    """One run for one station; one thread."""

    def __init__(
        self,
        paths: StationPaths,
        settings: Settings,
        target: Target,
        progress: Callable[[int, int], None],
    ) -> None:
        """`progress` is called with bytes that are here, and of how many."""
        self._paths = paths
        self._keys = settings.model.trusted_keys
        self._target = target
        self._progress = progress

    def plan(self) -> PullReport:
        """What `run` would bring. Raises as it does."""
        report, name, _ = self._look()
        self._refuse_expired(report, name)
        return report

    def run(self) -> PullReport:
        """Bring and stage everything that is offered.

        Raises AuditError where the manifest is not to be trusted, has expired or is older than one
        that was accepted, or a file is not what it names; UpstreamError; StoreError.
        """
        report, name, signed = self._look()
        if report.manifest is None:
            return report
        # Kept before anything comes: what it revokes is refused from now on. So it is by one that
        # has expired, which is no reason to go by an older one.
        keep_manifest(self._paths, signed)
        self._refuse_expired(report, name)
        report.cleared = clear_away(self._paths, report.manifest)
        total, here = sum(_size(thing) for thing in report.staged), 0
        for thing in report.staged:
            try:
                for file in thing.files:
                    self._fetch(file)
                    here += file.size
                    self._progress(here, total)
                assemble(self._paths, thing)
            except OSError as fault:
                raise store_error(fault, f"cannot stage {thing.kind} {thing.name}") from fault
        return report

    def _look(self) -> tuple[PullReport, str, bytes]:
        """What is offered, the name of its manifest and that as it came."""
        if not self._keys:
            raise SettingsError(
                "model.trusted_keys is empty: nothing from upstream could be trusted",
                hint="add the public key of whoever approves models; qc-edge model keygen made it",
            )
        # The number in the name of the newest that has bytes: an empty file, which a power cut has
        # left of one that was being published, has the highest.
        _, name, signed = self._target.newest(FOLDER)
        serial = int(PurePosixPath(name).stem) if name else 0
        known = known_manifest(self._paths)
        if known and serial < known.serial:
            raise AuditError(
                f"{self._target.url} offers number {serial}, and number {known.serial} was here: "
                "an older one would bring back what has been revoked",
                hint="find out who took the newer ones away; nothing was changed here",
            )
        if not signed:
            return PullReport(None), "", b""
        manifest = read_manifest(signed, self._keys, f"{self._target.url}/{name}")
        if manifest.serial != serial:
            raise AuditError(
                f"{self._target.url}/{name} says that it is number {manifest.serial}",
                hint="somebody has renamed it: an older one put in the place of a newer one",
            )
        if known and serial == known.serial and signed != known_bytes(self._paths):
            raise AuditError(
                f"{self._target.url}/{name} is not the number {serial} that was here before",
                hint="a number stands for one manifest for ever; publish the other as a new one",
            )
        report = PullReport(manifest)
        for thing in manifest.for_station(self._paths.name):
            have = is_staged(self._paths, thing)
            (report.unchanged if have else report.staged).append(thing)
        return report, name, signed

    def _refuse_expired(self, report: PullReport, name: str) -> None:
        manifest = report.manifest
        if manifest is not None and manifest.is_expired(utc_now()):
            raise AuditError(
                f"{self._target.url}/{name} was good until {manifest.expires_at:%Y-%m-%d %H:%M} "
                "UTC: a newer one is held back, or was never published",
                hint="nothing of it is staged, what it revokes is refused; ask whoever approves "
                "models to publish again (qc-edge fleet publish --valid-days N); is the clock of "
                "this box right?",
            )

    def _fetch(self, file: ReleasedFile) -> None:
        part = part_of(self._paths, file)
        part.parent.mkdir(parents=True, exist_ok=True)
        name = object_name(file.sha256)
        with part.open("ab") as out:
            at = out.tell()
            while at < file.size:
                data = self._target.piece(name, at, min(PIECE, file.size - at))
                if not data:
                    raise UpstreamError(
                        f"{self._target.url}/{name} ends at {at:,} of {file.size:,} bytes",
                        hint="publish it again",
                    )
                out.write(data)
                at += len(data)
            out.flush()
            os.fsync(out.fileno())
        if file_sha256(part) != file.sha256:
            part.unlink()
            raise AuditError(
                f"{self._target.url}/{name} is not what the manifest names: it has another sha256",
                hint="it was thrown away; the next pull fetches it from the beginning",
            )


def _size(thing: ReleasedThing) -> int:
    return sum(file.size for file in thing.files)
