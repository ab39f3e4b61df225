"""The line's wish to have its own counts of parts compared with the station's."""

from __future__ import annotations

from qc_edge.output.handshake.judged import LineCounts, Note, NoteKind
from qc_edge.output.handshake.words import FromLine


class Closing:
    """Pure. `differ` is what the last comparison has shown."""

    def __init__(self) -> None:
        self._wanted: Note | None = None
        self.differ = False

    def hear(self, words: FromLine, before: FromLine, now_ns: int) -> None:
        """Another number is asked for: the counts are those of now."""
        if words.closing not in (0, before.closing):
            counts = LineCounts(words.counted, words.counted_accepted, words.counted_ejected)
            self._wanted = Note(NoteKind.COUNTED, now_ns, words.closing, "", counts=counts)

    def step(self, *, is_idle: bool) -> list[Note]:
        """What is to be compared, once no part is under way: else the counts differ by these."""
        if not (self._wanted and is_idle):
            return []
        wanted, self._wanted = self._wanted, None
        return [wanted]

    def clear(self) -> None:
        """Nothing is to be compared any more."""
        self._wanted = None
