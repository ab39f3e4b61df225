"""Compiled models (plans) on disk, each under the digest of all that it depends on. Never compiles.

A cache, so nothing is synced to the disk: a plan that a power cut tears does not match its digest
and is made again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.service.synced_file import replace_file

WORKSPACE_MB = 1024
"""The default limit. Without one TensorRT may take all of the device's memory for its trials, which
is the box's on a Jetson.
"""


@dataclass(frozen=True, slots=True)
class CompileOptions:
    """How to compile: the profile 1..`max_batch`, TF32 or not, for which compute capabilities
    (`SM89`), with at most how much memory (MiB) for what a layer needs besides its tensors.
    """

    max_batch: int
    tf32: bool
    targets: tuple[str, ...]
    workspace_mb: int = WORKSPACE_MB

    @property
    def flags(self) -> tuple[str, ...]:
        """The part of the plan's key that is not the profile."""
        flags = ("tf32",) if self.tf32 else ()
        # Not at the default: plans of 1 GiB and of no limit differ only for models far bigger than
        # a station's, and a kept plan saves minutes.
        limit = (f"workspace {self.workspace_mb} MiB",)
        return flags if self.workspace_mb == WORKSPACE_MB else flags + limit


@dataclass(frozen=True, slots=True)
class PlanKey:
    """All that a plan depends on: plans move neither across GPU models nor TensorRT versions.

    `flavour` is the TensorRT variant, `max_batch` ends the profile 1..N, `flags` are the builder's,
    sorted. The names are in the files of stations: renaming one makes them compile again.
    """

    model_sha256: str
    flavour: str
    version: str
    gpu: str
    capability: str
    driver: str
    precision: str
    max_batch: int
    flags: tuple[str, ...] = ()

    @property
    def digest(self) -> str:
        """The sha256 (hex) of the key as canonical JSON."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    def differs_in(self, kept: dict[str, Any]) -> list[str]:
        """`driver 575.1 -> 580.2` for each part in which the key of a kept plan differs."""
        # Through JSON, as the kept one: tuples become lists.
        mine = json.loads(json.dumps(asdict(self)))
        return [
            f"{name} {kept.get(name)} -> {value}"
            for name, value in mine.items()
            if kept.get(name) != value
        ]


@dataclass(frozen=True, slots=True)
class Plan:
    """A compiled model, its hex sha256, and how long it took to make (seconds)."""

    data: bytes
    sha256: str
    build_s: float


class PlanCache:
    """The plans in `directory`, as KEY.plan and KEY.json, at most `kept` of them.

    Without a directory nothing is found or kept.
    """

    def __init__(self, directory: Path | None, kept: int) -> None:
        self._directory = directory
        self._kept = kept

    def load(self, key: PlanKey) -> tuple[Plan | None, str]:
        """The plan for `key` or None, and in words where it is from or why there is none.

        A plan that is torn, altered or of another key is never given out.
        """
        if self._directory is None:
            return None, "no plan is kept here"
        note, file = self._files(key)
        try:
            about = json.loads(note.read_bytes())
            data = file.read_bytes()
            sha256, build_s = str(about["sha256"]), float(about["build_s"])
        except FileNotFoundError:
            return None, self._why_none(key)
        except (OSError, ValueError, KeyError, TypeError) as fault:
            return None, f"the kept plan does not read ({type(fault).__name__}: {fault})"
        # The file's name has half of the key's digest; the note has the key itself.
        if differences := key.differs_in(about.get("key", {})):
            return None, f"the kept plan is of another key ({', '.join(differences)})"
        actual = hashlib.sha256(data).hexdigest()
        if actual != sha256:
            return None, f"the kept plan is torn (sha256 {actual[:12]}, expected {sha256[:12]})"
        # Marks it as used, for `_prune`. On a disk that is read-only only that order suffers.
        with contextlib.suppress(OSError):
            os.utime(note)
        return Plan(data, sha256, build_s), f"plan {sha256[:12]}, kept from an earlier start"

    def keep(self, key: PlanKey, data: bytes, build_s: float) -> tuple[Plan, str]:
        """Keep a plan that was just made and drop those not used for longest.

        Gives the plan, and in words where it is from, and that it could not be kept where that
        failed: the engine runs without.
        """
        plan = Plan(data, hashlib.sha256(data).hexdigest(), build_s)
        origin = f"plan {plan.sha256[:12]}, made here in {build_s:.1f} s"
        if self._directory is None:
            return plan, origin
        note, file = self._files(key)
        about = {
            "key": asdict(key),
            "sha256": plan.sha256,
            "build_s": round(build_s, 3),
            "bytes": len(data),
        }
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            # The note goes first and comes last: while there is none, there is no plan.
            note.unlink(missing_ok=True)
            replace_file(file, data)
            replace_file(note, json.dumps(about, indent=1).encode())
            self._prune()
        except OSError as fault:
            return plan, f"{origin}, but it cannot be kept: {fault.strerror}: {self._directory}"
        return plan, origin

    def forget(self, key: PlanKey) -> None:
        """Drop a plan that the runtime does not take."""
        if self._directory is not None:
            for file in self._files(key):
                file.unlink(missing_ok=True)

    def expected_s(self, key: PlanKey) -> float | None:
        """Seconds that the last build by this variant for this GPU took, None before the first."""
        for about in self._notes():
            kept = about.get("key", {})
            if (kept.get("flavour"), kept.get("gpu")) == (key.flavour, key.gpu):
                return float(about.get("build_s", 0.0))
        return None

    def _why_none(self, key: PlanKey) -> str:
        """In words what has changed since the newest plan of the same model."""
        for about in self._notes():
            kept = about.get("key", {})
            if kept.get("model_sha256") == key.model_sha256:
                return f"no plan fits ({', '.join(key.differs_in(kept))})"
        return "no plan of this model yet"

    def _files(self, key: PlanKey) -> tuple[Path, Path]:
        assert self._directory is not None  # noqa: S101
        name = key.digest[:32]
        return self._directory / f"{name}.json", self._directory / f"{name}.plan"

    def _notes(self) -> Iterator[dict[str, Any]]:
        """The notes of the kept plans, the last used first, without those that do not read."""
        for path in self._by_use():
            with contextlib.suppress(OSError, ValueError):
                about = json.loads(path.read_bytes())
                if isinstance(about, dict) and isinstance(about.get("key"), dict):
                    yield about

    def _by_use(self) -> list[Path]:
        if self._directory is None or not self._directory.is_dir():
            return []
        return sorted(
            self._directory.glob("*.json"), key=lambda path: path.stat().st_mtime_ns, reverse=True
        )

    def _prune(self) -> None:
        assert self._directory is not None  # noqa: S101
        staying = {path.stem for path in self._by_use()[: self._kept]}
        for path in self._directory.iterdir():
            if path.stem not in staying:
                path.unlink(missing_ok=True)
