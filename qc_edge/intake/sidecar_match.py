"""Which sidecar belongs to which image in a directory where other nodes may use one name again.

A sidecar that is left from the part before, or that comes after its image was taken, would give
the next image of that name another part's id. What may be such a one is set aside with an event.
Looks at names, times and order alone, except that a digest in a sidecar proves whose it is.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path

from qc_edge.domain.events import EventKind, EventLog, Occurrence
from qc_edge.domain.frame import FrameId
from qc_edge.errors import StoreError
from qc_edge.intake.sidecar import parse_sidecar
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
        self._present = set(present)
        # By the name of a sidecar, without its suffix: whether the last image had one.
        self._had_sidecar: OrderedDict[str, bool] = OrderedDict()
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
            if doubt is None or self._is_proven(image, sidecar, rules):
                left = [name for name in candidates if name != sidecar]
                return Match(sidecar, None, tuple(self._without_other_image(left, image)))
            doubts[sidecar] = doubt
        return Match(None, next(iter(doubts.values()), None), tuple(doubts))

    def taken(self, image: str, *, with_sidecar: bool) -> None:
        """`image` was taken, with a sidecar or without one."""
        self._present.discard(image)  # the next one of this name is new
        for stem in {image, Path(image).stem}:
            self._had_sidecar[stem] = with_sidecar
            self._had_sidecar.move_to_end(stem)
        while len(self._had_sidecar) > _NAMES_KEPT:
            self._had_sidecar.popitem(last=False)

    def is_late(self, sidecar: str) -> str | None:
        """Why a `sidecar` that lies there can label nothing; None if it may.

        After an image without a sidecar nobody can tell whether the next sidecar is that image's
        and late, or the next one's and early: it labels neither. So one name for all parts and no
        digest mean that a sidecar that was left out costs the ids behind it, and not a wrong one.
        """
        if self._had_sidecar.get(sidecar[: -len(SUFFIX)], True):
            return None
        return "the image before it came without one: it may be that one's"

    def is_nobodys(self, sidecar: str) -> str | None:
        """As `is_late`, of a sidecar without an image; one with a digest labels its own alone."""
        why = self.is_late(sidecar)
        return why if why is None or self._digest_in(sidecar) is None else None

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
        came_first = self._came_first(image, sidecar)
        # Where an image waits for its sidecar, the wait of the image before was over when it was
        # taken: what comes after this image is this one's.
        if (rules.sidecar != "required" or came_first) and (why := self.is_late(sidecar)):
            return why
        apart_s = image_status.st_mtime - status.st_mtime
        if abs(apart_s) > max(rules.sidecar_apart_s, rules.sidecar_wait_s):
            order = "before" if apart_s > 0 else "after"
            return f"it was written {abs(apart_s):.0f} s {order} its image"
        # What a crash has put back lies there later than its image.
        if is_new and rules.sidecar != "required" and not came_first:
            return "it came after its image"
        return None

    def _came_first(self, image: str, sidecar: str) -> bool:
        """True if `sidecar` had been there before `image` came."""
        image_status, status = self._status(image), self._status(sidecar)
        # ctime, not mtime: it is when the file came under its name, and no writer can set it.
        return bool(image_status and status and status.st_ctime_ns <= image_status.st_ctime_ns)

    def _is_proven(self, image: str, sidecar: str, rules: IncomingSettings) -> bool:
        """True if the sidecar has the digest of just this image."""
        claimed, status = self._digest_in(sidecar), self._status(image)
        # A pipe would never end; what is too large is refused anyway.
        if claimed is None or status is None or not stat.S_ISREG(status.st_mode):
            return False
        if status.st_size > rules.max_file_mb * 1e6:
            return False
        digest = hashlib.sha256()
        try:
            with (self._directory / image).open("rb") as file:
                while piece := file.read(1 << 20):
                    digest.update(piece)
        except OSError:
            return False
        return digest.hexdigest() == claimed

    def _digest_in(self, sidecar: str) -> str | None:
        try:
            data = read_regular_file(self._directory / sidecar, _SIDECAR_MAX, "for a sidecar")
            digest = parse_sidecar(data).sha256
        except (OSError, UnreadableFrameError):
            return None
        return digest and digest.strip().lower()

    def _status(self, name: str) -> os.stat_result | None:
        try:
            return os.lstat(self._directory / name)
        except OSError:
            return None
