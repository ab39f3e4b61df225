"""The pictures behind a day's rows, sent under the digest of their pixels, each once.

A row names its picture upstream by the digest that it has anyway. Every picture is held against
that digest before it goes: one that was damaged here is never sent as if it were what was judged.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from datetime import date
from errno import ENOTDIR
from pathlib import Path
from zlib import crc32

from qc_edge.domain.evidence.classes import EvidenceClass
from qc_edge.errors import AuditError, UpstreamError
from qc_edge.query.evidence import candidates, picture_in
from qc_edge.query.kept.deletion_rows import gone_by_frame
from qc_edge.query.rows import Rows
from qc_edge.store.durable import write_file
from qc_edge.upstream.due import SealedDay
from qc_edge.upstream.layout import StationNames, picture_name
from qc_edge.upstream.pace import SendingPace
from qc_edge.upstream.targets import Target
from qc_edge.vision import UnreadableFrameError

_WAITING_PER_THREAD = 4
_NOTE_EVERY = 500
"""Rows between two notes of how far it has come: so many are looked at again after a kill."""

_READ_BACK_SHARE = 0.01
"""Of the pictures that were put; of the others the size is compared. One that was there already is
always read: another may have put it, and a crash of the server may have torn it.
"""


@dataclass(slots=True)
class PicturesSent:
    """What of a day's pictures is upstream: by class, their bytes, and those that could not be sent
    (`not_sent` counts them, `damaged` names the first). All rows up to `done_seq` are through, with
    their pictures of `classes`.
    """

    seal_sha256: str
    url: str
    classes: list[str]
    done_seq: int = 0
    pictures: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    not_sent: int = 0
    damaged: list[str] = field(default_factory=list)

    def add(self, claim: PictureClaim, outcome: int | str) -> None:
        """Count one: the size of what was sent, or in words why it was not."""
        if isinstance(outcome, int):
            self.pictures[claim.kind.value] = self.pictures.get(claim.kind.value, 0) + 1
            self.size_bytes += outcome
            return
        self.not_sent += 1
        if len(self.damaged) < 5:
            self.damaged.append(outcome)


@dataclass(frozen=True, slots=True)
class PictureClaim:
    """What row number `seq` says of one picture; `sha256` is None where it did not decode."""

    seq: int
    kind: EvidenceClass
    path: str
    sha256: str | None


class PictureSender:
    """Sends the pictures of one day after the other. One thread calls it."""

    def __init__(
        self, state: Path, target: Target, names: StationNames, pace: SendingPace, threads: int
    ) -> None:
        self._state = state
        self._target = target
        self._names = names
        self._pace = pace
        self._threads = threads

    def send(
        self,
        rows: Rows,
        sealed: SealedDay,
        classes: Sequence[EvidenceClass],
        on_row: Callable[[int, int], object],
    ) -> PicturesSent:
        """Send those of the day's rows that are not there yet; `on_row` is called with how many
        rows are through, and of how many. Raises AuditError, UpstreamError, StoreError.
        """
        note = self._note(sealed.day)
        sent = self._begun(note, sealed, classes)
        first, last = sealed.seal.first_seq or 0, sealed.seal.last_seq or 0
        noted = max(sent.done_seq, first - 1)
        waiting: deque[tuple[PictureClaim, Future[int | str]]] = deque()

        def collect() -> None:
            nonlocal noted
            claim, done = waiting.popleft()
            outcome = done.result()
            # Between two rows, so that none is counted twice after a kill.
            sent.done_seq = max(sent.done_seq, claim.seq - 1)
            if sent.done_seq - noted >= _NOTE_EVERY:
                noted = sent.done_seq
                write_file(note, json.dumps(asdict(sent)).encode())
            sent.add(claim, outcome)

        with ThreadPoolExecutor(self._threads, "pictures") as pool:
            try:
                for claim in picture_claims(rows, classes, max(first, sent.done_seq + 1), last):
                    waiting.append((claim, pool.submit(self._send, claim)))
                    while len(waiting) > _WAITING_PER_THREAD * self._threads:
                        collect()
                    on_row(claim.seq - first + 1, last - first + 1)
                while waiting:
                    collect()
            finally:
                for _, done in waiting:
                    done.cancel()
        sent.done_seq = last
        return sent

    def forget(self, day: date) -> None:
        """Remove the note of a day that is receipted."""
        self._note(day).unlink(missing_ok=True)

    def _note(self, day: date) -> Path:
        return self._state / "upstream" / f"pictures-{day}.json"

    def _begun(
        self, note: Path, sealed: SealedDay, classes: Sequence[EvidenceClass]
    ) -> PicturesSent:
        """How far an earlier run has come with this day, these classes and this target."""
        fresh = PicturesSent(
            sealed.sha256, self._target.url, sorted(kind.value for kind in classes)
        )
        try:
            begun = PicturesSent(**json.loads(note.read_bytes()))
        except (OSError, ValueError, TypeError):
            return fresh
        # A class that was added since is missing from the rows that are through.
        same = (begun.seal_sha256, begun.url, begun.classes) == (
            fresh.seal_sha256,
            fresh.url,
            fresh.classes,
        )
        return begun if same else fresh

    def _send(self, claim: PictureClaim) -> int | str:
        """The bytes of one picture that is upstream now, or why it cannot be sent."""
        data = self._sound(claim)
        if isinstance(data, str):
            return data
        if claim.sha256 is None:
            name = self._names.unproven(claim.kind, claim.path)
        else:
            name = picture_name(claim.kind, claim.sha256)
        self._pace.take(len(data))
        was_put = self._target.put_if_absent(name, data)
        if was_put and crc32(name.encode()) >= _READ_BACK_SHARE * 2**32:
            if (size := self._target.size(name)) != len(data):
                raise UpstreamError(
                    f"{self._target.url}/{name} was put with {len(data):,} bytes and has {size}",
                    hint=_DISTRUST,
                )
            return len(data)
        there = self._target.get(name) or b""
        if not _is_same(there, data, claim.sha256):
            what = f"{self._target.url}/{name} does not hold the picture of its name"
            if was_put:
                raise UpstreamError(what, hint=_DISTRUST)
            # Another station's, or torn by a crash: the other days are not held up by it.
            raise AuditError(what, hint=_MOVE_AWAY)
        return len(there)

    def _sound(self, claim: PictureClaim) -> bytes | str:
        """The file's bytes if they are what was judged; else in words what is wrong.

        Raises AuditError where that cannot be told today: such a day is not taken for whole.
        """
        try:
            return self._looked_for(claim)
        except OSError as fault:
            raise AuditError(
                f"{claim.path} (row {claim.seq}) cannot be read: {fault.strerror}",
                hint="look at the disk and at the rights; the day is sent when all can be read",
            ) from None

    def _looked_for(self, claim: PictureClaim) -> bytes | str:
        wrong = f"{claim.path} (row {claim.seq}) is missing"
        # Compressed meanwhile, it is under another name; looked for once more.
        for path in [*candidates(self._state, claim.path), *candidates(self._state, claim.path)]:
            try:
                data = path.read_bytes()
                if claim.sha256 is None or picture_in(data).sha256 == claim.sha256:
                    return data
                wrong = f"{claim.path} (row {claim.seq}) has other pixels than its row says"
            except UnreadableFrameError as fault:
                wrong = f"{claim.path} (row {claim.seq}) does not read: {fault.detail}"
            except FileNotFoundError:
                continue
        if not (evidence := self._state / "evidence").is_dir():
            raise NotADirectoryError(ENOTDIR, f"{evidence} is no directory")
        return wrong


def picture_claims(
    rows: Rows, classes: Sequence[EvidenceClass], first: int, last: int
) -> Iterator[PictureClaim]:
    """What inspections number `first` to `last` say of pictures that no rule has deleted."""
    present = rows.columns("inspections")
    columns = ", ".join(
        column if column in present else f"NULL AS {column}"
        for kind in classes
        for column in (kind.path_column, kind.digest_column)
    )
    if not columns:
        return
    query = (
        f"SELECT chain_seq, coalesce(gone, ''), {columns} FROM {{rows}} "  # noqa: S608
        f"LEFT JOIN {gone_by_frame(rows.source)} USING (frame_id) ORDER BY chain_seq"
    )
    for seq, gone, *named in rows.select(query, "inspections", first, last):
        for kind, path, sha256 in zip(classes, named[::2], named[1::2], strict=True):
            if path is not None and kind.value not in gone.split():
                yield PictureClaim(seq, kind, path, sha256)


def _is_same(there: bytes, data: bytes, pixels_sha256: str | None) -> bool:
    """True if what is upstream is this file, or the same picture, compressed otherwise."""
    if hashlib.sha256(there).digest() == hashlib.sha256(data).digest():
        return True
    try:
        return pixels_sha256 is not None and picture_in(there).sha256 == pixels_sha256
    except UnreadableFrameError:
        return False


_DISTRUST = "do not trust that server or disk; look at its log"
_MOVE_AWAY = "nothing replaces what is upstream: find out who wrote it, and move it away there"
