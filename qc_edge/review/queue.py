"""The review queue of a station: what to look at next, in an order that can be explained.

Reads what the station publishes, so that it works while it runs and while it does not. The first
look takes as long as the log is large; each later one only what is new, and where that may be a
little old it is read beside, and nobody waits for it.
"""

from __future__ import annotations

import threading
import time
from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice

from qc_edge.domain.label import Said
from qc_edge.errors import StoreError
from qc_edge.query.published_files import oldest_file
from qc_edge.query.published_log import PublishedCursor, PublishedLog
from qc_edge.review import reasons
from qc_edge.review.claims import ReviewClaim, ReviewClaims
from qc_edge.review.draw import draw_key, is_drawn
from qc_edge.review.item import ReviewItem
from qc_edge.review.reading import LogReader, Opinion, unpublished_labels
from qc_edge.review.reasons import ReviewCause, ReviewReason
from qc_edge.service.clock import utc_now
from qc_edge.service.logs import LOG
from qc_edge.settings import Settings, StationPaths, load_settings

_NOBODY = Opinion(None, disputed=False, people=frozenset(), since_dispute=frozenset())
_BESIDE_S = 1.0
"""What is known for so long is brought up to date; a station publishes every few seconds."""

_SETTLED = {Said.GOOD, Said.DEFECT, Said.NOT_INSPECTABLE}


class ReviewQueue:
    """Made once and asked often, from any thread. Close it, or use it as a context."""

    def __init__(
        self, paths: StationPaths, settings: Settings | None = None, keep_s: float = 0.0
    ) -> None:
        """Raises SettingsError. Reads nothing of the log yet.

        What is known is good for `keep_s`, and brought up beside meanwhile; 0: each look waits for
        what is new. What people have just said counts at once in any case.
        """
        self.paths = paths
        self.settings = settings or load_settings(paths.settings)
        self.claims = ReviewClaims(paths)
        self._log: PublishedLog | None = None
        self._cursor: PublishedCursor  # under the lock: DuckDB takes one thread at a time
        self._reader = LogReader.of(paths, self.settings)
        self._items: dict[str, ReviewItem] = {}
        self._order: list[tuple[float, str]] = []
        self._opinions: dict[str, Opinion] = {}
        self._waiting: dict[str, set[str]] = {}
        self._keep_s = keep_s
        self._known_at = -1e9
        self._is_closed = False
        self._reading = threading.Lock()
        """Held while the log is read; before `_lock`, never inside of it."""
        self._lock = threading.Lock()

    def __enter__(self) -> ReviewQueue:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the reading of the log."""
        self._is_closed = True
        with self._reading:
            if self._log is not None:
                self._log.close()

    def next(
        self, who: str, *, claim: bool = True, besides: Collection[str] = ()
    ) -> ReviewItem | None:
        """What `who` should look at next, and claim it; None if nothing is left for that person.

        Left out: what others have claimed, what `who` has labelled, and the frames `besides`, which
        that person has before them already. Raises StoreError, and RightsError where this user may
        not claim.
        """
        now = self._refresh()
        with self._lock:
            found = (item for item in self._open_to(who, now) if item.frame_id not in besides)
            item = next(found, None)
            if item and claim:
                self.claims.claim(item.frame_id, who, now, self.settings.review.claim_minutes)
            return item

    def claim(self, frame_id: str, who: str) -> ReviewClaim:
        """Keep a frame for `who`. Raises UsageError if somebody else has it, RightsError,
        StoreError.
        """
        return self.claims.claim(frame_id, who, utc_now(), self.settings.review.claim_minutes)

    def items(self, who: str | None = None, limit: int = 50) -> list[ReviewItem]:
        """The first of the queue, in order: of what is open to `who`, or to anybody."""
        now = self._refresh()
        with self._lock:
            found = self._open_to(who, now) if who else self._open()
            return [item for item, _ in zip(found, range(limit), strict=False)]

    def counts(self) -> dict[str, int]:
        """How many wait, for each reason; a part may have several."""
        self._refresh()
        with self._lock:
            counts = {str(reason): 0 for reason in ReviewReason}
            for item in self._open():
                for reason in item.causes:
                    counts[str(reason)] += 1
            return counts

    def open_count(self) -> int:
        """How many parts wait."""
        self._refresh()
        with self._lock:
            return sum(1 for _ in self._open())

    def open_at_least(self, most: int) -> int:
        """As `open_count`, as of the last look and no further than `most`: as fast however many."""
        with self._lock:
            return sum(1 for _ in islice(self._open(), most))

    def opinion(self, frame_id: str) -> Opinion:
        """What people have said of a frame, as of the last look."""
        return self._opinions.get(frame_id, _NOBODY)

    def _open(self) -> Iterator[ReviewItem]:
        for weight, frame in self._order:
            item = self._items.get(frame)
            # A part whose weight has changed stands in the order once more.
            if item and -item.information == weight and self._is_open(frame):
                yield item

    def _open_to(self, who: str, now: datetime) -> Iterator[ReviewItem]:
        claims = self.claims.standing(now)
        for item in self._open():
            held = claims.get(item.frame_id)
            if (held is None or held.by == who) and not self._has_spoken(item.frame_id, who):
                yield item

    def _is_open(self, frame: str) -> bool:
        opinion = self._opinions.get(frame)
        if opinion is None:
            return frame not in self._waiting
        if opinion.disputed or opinion.label not in _SETTLED:
            return True
        return ReviewReason.SECOND_OPINION in self._items[frame].causes

    def _has_spoken(self, frame: str, who: str) -> bool:
        opinion = self._opinions.get(frame, _NOBODY)
        said = opinion.since_dispute if opinion.disputed else opinion.people
        return who in said or who in self._waiting.get(frame, ())

    def _refresh(self) -> datetime:
        """See that what is known is new enough. Raises StoreError."""
        now = utc_now()
        age_s = time.monotonic() - self._known_at
        if age_s >= self._keep_s:
            self._bring_up(now)
        elif age_s >= _BESIDE_S and not self._reading.locked():
            threading.Thread(target=self._bring_up_beside, args=(now,), daemon=True).start()
        with self._lock:  # read under it, too: no older look may take the place of a newer one
            self._waiting = {}
            for frame, who in unpublished_labels(self.paths, now):
                self._waiting.setdefault(frame, set()).add(who)
        return now

    def _bring_up_beside(self, now: datetime) -> None:
        try:
            self._bring_up(now)
        except StoreError as fault:
            # The look that finds it too old waits for it, and is told.
            LOG.warning("the review queue could not be brought up to date: %s", fault)

    def _bring_up(self, now: datetime) -> None:
        """Read what is new in the log, and put it in its place."""
        with self._reading:
            if self._is_closed:
                return
            if self._log is None:
                if oldest_file(self.paths.published, "inspections") is None:
                    return
                self._log = PublishedLog(self.paths.published)
                self._cursor = self._log.cursor()
            try:
                news = list(self._reader.news(self._cursor, now))
                opinions = dict(self._reader.new_opinions(self._cursor, now))
                known = {*self._items, *(item.frame_id for item, _ in news)}
                items = self._reader.items(self._cursor, [*(opinions.keys() - known)])
            except BaseException:
                # It takes for known what has not come here: the next look reads all of it again.
                self._reader = LogReader.of(self.paths, self.settings)
                raise
            with self._lock:
                self._apply(news, opinions, items)
            self._known_at = time.monotonic()

    def _apply(
        self,
        news: Sequence[tuple[ReviewItem, ReviewCause]],
        opinions: Mapping[str, Opinion],
        items: Sequence[ReviewItem],
    ) -> None:
        is_first, touched = not self._order, set[str]()
        for item, cause in news:
            known = self._items.setdefault(item.frame_id, item)
            known.causes[cause.reason] = cause
            touched.add(item.frame_id)
        self._opinions |= opinions
        self._items |= {item.frame_id: item for item in items}
        for frame in opinions:
            if frame in self._items:
                self._take_opinion(self._items[frame])
                touched.add(frame)
        self._place(touched, is_first=is_first)

    def _take_opinion(self, item: ReviewItem) -> None:
        opinion, review = self._opinions[item.frame_id], self.settings.review
        item.causes.pop(ReviewReason.DISPUTED, None)
        item.causes.pop(ReviewReason.SECOND_OPINION, None)
        item.causes.pop(ReviewReason.UNSURE, None)
        if opinion.label == Said.UNSURE:
            item.causes[ReviewReason.UNSURE] = reasons.unsure()
        if opinion.disputed:
            words = f"disputed: {opinion.doubt}" if opinion.doubt else "people do not agree"
            item.causes[ReviewReason.DISPUTED] = reasons.disputed(words)
        elif len(opinion.people) == 1 and opinion.label in {Said.GOOD, Said.DEFECT}:
            key = draw_key(self.settings, "second")
            if is_drawn(key, review.second_opinion_share, item.frame_id):
                item.causes[ReviewReason.SECOND_OPINION] = reasons.second_opinion()

    def _place(self, touched: set[str], *, is_first: bool) -> None:
        entries = [(-self._items[frame].information, frame) for frame in touched]
        if is_first or len(entries) > 1000:
            self._order = sorted({*self._order, *entries})
        else:
            for entry in entries:
                at = bisect_left(self._order, entry)
                if self._order[at : at + 1] != [entry]:
                    self._order.insert(at, entry)
        if len(self._order) > 2 * len(self._items) + 1000:
            self._order = sorted((-item.information, name) for name, item in self._items.items())
