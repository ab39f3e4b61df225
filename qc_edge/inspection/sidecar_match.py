"""Which sidecar belongs to which image in a directory where other nodes may use one name again.

A sidecar that is left from the part before, or that comes after its image was taken, would give
the next image of that name another part's id. What may be such a one is set aside with an event.
Looks at names, times and order alone, except that a digest in a sidecar proves whose it is.
"""

from __future__ import annotations

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.inspection.sidecar import parse_sidecar
from qc_edge.service.logs import LOG
from qc_edge.settings import IncomingSettings
from qc_edge.store.safe_read import read_regular_file
from qc_edge.store.set_aside import SetAside
from qc_edge.vision import UnreadableFrameError

SUFFIX = ".json"
_SUFFIXES = (".json", ".JSON", ".Json")
_NAMES_KEPT = 10_000
_SIDECAR_MAX = 1 << 20


def is_sidecar(name: str) -> bool:
    """True for the name of a sidecar."""
    return name.lower().endswith(SUFFIX)


@dataclass(frozen=True, slots=True)
class Match:
    """The sidecar of an image; or why the one that lies there is not taken; or neither.

    `doubtful` are the sidecars to be set aside.
    """

    sidecar: str | None = None
    doubt: str | None = None
    doubtful: tuple[str, ...] = ()


@dataclass(slots=True)
class _Name:
    """What is known of a name that images have had: whether the last one had a sidecar, and whether
    a sidecar of that name has come before its image, with which the one before had nothing to do.
    """

    had_sidecar: bool
    comes_first: bool


class SidecarMatch:
    """The sidecars of one directory; used by the arrivals worker.

    `present` are the names in the directory at the start.
    """

    def __init__(
        self, directory: Path, set_aside: SetAside, events: EventLog, present: frozenset[str]
    ) -> None:
        self._directory = directory
        self._set_aside = set_aside
        self._events = events
        self._present = present
        self._names: OrderedDict[str, _Name] = OrderedDict()
        # Sidecars that label nothing any more, by name and inode: left from before the start, or
        # such that the disk refused to set aside.
        self._stale: dict[str, int] = {
            name: status.st_ino
            for name in present
            if is_sidecar(name) and (status := self._status(name))
        }

    def match(self, image: str, rules: IncomingSettings) -> Match:
        """The sidecar that belongs to `image`, which is about to be taken."""
        candidates = self._candidates(image)
        doubts: dict[str, str] = {}
        for sidecar in candidates:
            doubt = self._doubt(image, sidecar, rules)
            if doubt is None or self._is_proven(image, sidecar):
                left = [name for name in candidates if name != sidecar]
                return Match(sidecar, None, tuple(self._without_other_image(left, image)))
            doubts[sidecar] = doubt
        return Match(None, next(iter(doubts.values()), None), tuple(doubts))

    def taken(self, image: str, *, with_sidecar: bool, in_order: bool) -> None:
        """`image` was taken; `in_order`: its sidecar had been there before it."""
        for stem in {image, Path(image).stem}:
            known = self._names.pop(stem, None)
            comes_first = with_sidecar and in_order and (known is None or known.had_sidecar)
            self._names[stem] = _Name(
                with_sidecar, comes_first or (known is not None and known.comes_first)
            )
        while len(self._names) > _NAMES_KEPT:
            self._names.popitem(last=False)

    def came_first(self, image: str, sidecar: str) -> bool:
        """True if `sidecar` had been there before `image` came."""
        image_status, status = self._status(image), self._status(sidecar)
        # ctime, not mtime: it is when the file came under its name, and no writer can set it.
        return bool(image_status and status and status.st_ctime_ns <= image_status.st_ctime_ns)

    def is_late(self, sidecar: str) -> str | None:
        """Why a `sidecar` that lies there without its image can label nothing; None if it may."""
        known = self._names.get(sidecar[: -len(SUFFIX)])
        if known is None or known.had_sidecar or known.comes_first:
            return None
        return "it came after its image was taken"

    def put_aside(self, sidecar: str, frame_id: FrameId, why: str) -> None:
        """Move `sidecar` into quarantine, with an event."""
        status = self._status(sidecar)
        if status is None:
            return
        try:
            self._set_aside.dropped(self._directory / sidecar, frame_id, why)
        except StoreError as fault:
            LOG.error("%s", fault)
            self._stale[sidecar] = status.st_ino
        detail = f"{frame_id}, {sidecar!a}: {why}"
        self._events.report(Occurrence(EventKind.SIDECAR_SET_ASIDE, detail, who="arrivals"))

    def _candidates(self, image: str) -> list[str]:
        stems = dict.fromkeys((image, Path(image).stem))
        names = dict.fromkeys(f"{stem}{suffix}" for stem in stems for suffix in _SUFFIXES)
        # isfile is False, too, if the name is too long.
        return [name for name in names if os.path.isfile(self._directory / name)]  # noqa: PTH113

    def _without_other_image(self, sidecars: list[str], image: str) -> list[str]:
        """Those of `sidecars` that would be left for the next image of the name of `image`."""
        if not sidecars:
            return []
        try:
            names = os.listdir(self._directory)  # noqa: PTH208
        except OSError:
            return []
        stems = {
            Path(name).stem
            for name in names
            if name != image and not name.startswith(".") and not is_sidecar(name)
        }
        return [name for name in sidecars if name[: -len(SUFFIX)] not in stems]

    def _doubt(self, image: str, sidecar: str, rules: IncomingSettings) -> str | None:
        image_status, status = self._status(image), self._status(sidecar)
        if image_status is None or status is None:
            return None  # gone meanwhile: the claim finds out
        is_new = image not in self._present
        if is_new and self._stale.get(sidecar) == status.st_ino:
            return "it had been there before the start"
        if (why := self.is_late(sidecar)) is not None:
            return why
        apart_s = image_status.st_mtime - status.st_mtime
        if abs(apart_s) > max(rules.sidecar_apart_s, rules.sidecar_wait_s):
            order = "before" if apart_s > 0 else "after"
            return f"it was written {abs(apart_s):.0f} s {order} its image"
        # What a crash has put back lies there later than its image.
        if is_new and rules.sidecar != "required" and not self.came_first(image, sidecar):
            return "it came after its image"
        return None

    def _is_proven(self, image: str, sidecar: str) -> bool:
        """True if the sidecar has the digest of just this image."""
        try:
            data = read_regular_file(self._directory / sidecar, _SIDECAR_MAX, "for a sidecar")
            claimed = parse_sidecar(data).sha256
            if claimed is None:
                return False
            with (self._directory / image).open("rb") as file:
                digest = hashlib.sha256()
                while piece := file.read(1 << 20):
                    digest.update(piece)
        except (OSError, UnreadableFrameError):
            return False
        return digest.hexdigest() == claimed.strip().lower()

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.lstat(self._directory / name)
        except OSError:
            return None
