"""What came shortly before: the same picture bit by bit, or the part before with the same id.

A camera that is frozen, a file that is sent again and a code reader that keeps its last code all
pass for new parts otherwise. A real sensor's noise never repeats, so equal pixels are the same
exposure; rendered and played pictures do repeat, and are exempt by the settings.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from qc_edge.domain.verdict import HoldReason
from qc_edge.inspection.frames import ScoredFrame
from qc_edge.inspection.parts.part_numbers import is_counted
from qc_edge.settings import INCOMING, Settings
from qc_edge.store.log.startup_state import RecentFrame

MOST_PICTURES = 20_000
"""Pictures that are remembered: half an hour at 10 frames/s, about 5 MB."""


@dataclass(slots=True)
class _Memory:
    """When each picture and each camera's last id came (s since the epoch).

    `pictures` by source and digest, oldest first; `part_ids` are (id, when) by camera. The source
    is a camera's name, or "incoming" for all files of other nodes: a file may be sent again without
    the sidecar that named its camera.
    """

    pictures: OrderedDict[tuple[str, bytes], float] = field(default_factory=OrderedDict)
    part_ids: dict[str, tuple[str, float]] = field(default_factory=dict)


class Repeats:
    """Adds the reasons to hold a repeated picture or part id; used by the inspector's thread.

    What a frame brings counts for the frames behind it once `commit` is called: rows that the disk
    refused are judged again, and must not be repeats of themselves.
    """

    def __init__(self, recent: Iterable[RecentFrame]) -> None:
        """`recent` are the newest frames of the log, oldest first: a restart forgets nothing."""
        self._kept = _Memory()
        self._pending = _Memory()
        for row in recent:
            source = INCOMING if row.is_dropped else row.camera
            if row.raw_sha256 is not None:
                key = _picture_key(source, row.raw_sha256)
                self._kept.pictures[key] = row.recorded_at.timestamp()
            if not is_counted(row.part_source):
                self._kept.part_ids[row.camera] = row.part_id, row.recorded_at.timestamp()
        self._forget()

    def check(self, scored: ScoredFrame, now: datetime) -> None:
        """Hold `scored`, decided `now`, if its picture or its part's id came before."""
        holds = scored.prepared.holds
        if self._is_repeated_picture(scored, now):
            holds.append(HoldReason.REPEATED_FRAME)
        if not is_counted(scored.part_source) and self._is_repeated_part_id(scored, now):
            holds.append(HoldReason.REPEATED_PART_ID)

    def _is_repeated_picture(self, scored: ScoredFrame, now: datetime) -> bool:
        prepared = scored.prepared
        if prepared.image is None:
            return False
        is_dropped = prepared.file.original_name is not None
        source = INCOMING if is_dropped else prepared.frame.camera
        key = _picture_key(source, prepared.image.sha256)
        before = self._pending.pictures.get(key, self._kept.pictures.get(key))
        self._pending.pictures[key] = now.timestamp()
        settings = prepared.rules.settings
        return _is_recent(before, now, settings) and _holds_pictures(source, settings)

    def _is_repeated_part_id(self, scored: ScoredFrame, now: datetime) -> bool:
        camera, settings = scored.prepared.frame.camera, scored.prepared.rules.settings
        last = self._pending.part_ids.get(camera, self._kept.part_ids.get(camera))
        self._pending.part_ids[camera] = scored.part_id, now.timestamp()
        if last is None or not settings.incoming.repeated_part_ids:
            return False
        part_id, before = last
        return part_id == scored.part_id and _is_recent(before, now, settings)

    def commit(self) -> None:
        """The rows of the frames that were checked are durable."""
        for key, at in self._pending.pictures.items():
            self._kept.pictures[key] = at
            self._kept.pictures.move_to_end(key)
        self._kept.part_ids |= self._pending.part_ids
        self._forget()
        self.discard()

    def discard(self) -> None:
        """The frames that were checked since `commit` have no rows and are judged again."""
        if self._pending.pictures or self._pending.part_ids:
            self._pending = _Memory()

    def _forget(self) -> None:
        while len(self._kept.pictures) > MOST_PICTURES:
            self._kept.pictures.popitem(last=False)


def _picture_key(source: str, sha256: str) -> tuple[str, bytes]:
    return source, bytes.fromhex(sha256)[:16]  # half of it: 20,000 of them are kept


def _is_recent(before: float | None, now: datetime, settings: Settings) -> bool:
    # A clock that was set back makes the difference negative: that is recent as well.
    return before is not None and now.timestamp() - before <= settings.incoming.repeat_window_s


def _holds_pictures(source: str, settings: Settings) -> bool:
    if source == INCOMING:
        return settings.incoming.repeated_frames
    return any(camera.holds_repeated_frames for camera in settings.camera if camera.name == source)
