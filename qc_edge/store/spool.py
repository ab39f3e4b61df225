"""The hand-over between capture and inspection: a directory of self-contained files, and nothing
else.

`frames/` holds what waits, by frame id, so that name order is time order:
    ID.pgm, ID.ppm   a frame of this station's own capture
    ID~NAME          a file that another node dropped into incoming/ as NAME (percent-encoded)
    ID~NAME.sidecar  its sidecar
    ID.row.json      a gap or an event that capture has to report
"""

from __future__ import annotations

import contextlib
import json
import os
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from urllib.parse import quote, unquote

from qc_edge.domain.events import Event
from qc_edge.domain.frame import Frame, FrameId, frame_id_micros
from qc_edge.domain.inspection import COLUMNS, ROW_TYPES, Gap, values
from qc_edge.domain.verdict import Reason
from qc_edge.errors import StoreError
from qc_edge.service.logs import LOG
from qc_edge.settings import StationPaths
from qc_edge.store import chain
from qc_edge.store.durable import Disk, store_error
from qc_edge.store.safe_read import read_regular_file
from qc_edge.vision import UnreadableFrameError, pnm
from qc_edge.vision.image import Pixels

SIDECAR = ".sidecar"
ROW = ".row.json"
_NAME_MAX = 200
_SIDECAR_MAX = 1 << 20


@dataclass(frozen=True, slots=True)
class SpooledFile:
    """A file in `frames/`. `arrived_ns` is CLOCK_MONOTONIC, `recovered`: it was there at start.

    `clock_trusted` is of the wall clock when it was claimed; False where that is not known any
    more.
    """

    name: str
    frame_id: FrameId
    arrived_ns: int
    recovered: bool
    clock_trusted: bool = False

    @property
    def is_row(self) -> bool:
        """True for a gap or an event, False for a frame."""
        return self.name.endswith(ROW)

    @property
    def original_name(self) -> str | None:
        """The name under which another node dropped it; None for a frame of this station's
        capture.
        """
        _, marked, name = self.name.partition("~")
        return (
            os.fsdecode(unquote(name, errors="surrogateescape").encode("utf-8", "surrogateescape"))
            if marked
            else None
        )


class Spool:
    """Stateless: any thread, any process. Raises StoreError and DiskFullError from the disk
    below.
    """

    def __init__(self, paths: StationPaths, disk: Disk) -> None:
        self._paths = paths
        self._disk = disk

    def put_frame(self, frame: Frame, pixels: Pixels, bit_depth: int) -> None:
        """Spool one frame: whole and durable when this returns."""
        suffix = "ppm" if pixels.ndim == 3 else "pgm"
        self._put(f"{frame.frame_id}.{suffix}", *pnm.encode(frame.to_json(), pixels, bit_depth))

    def put_row(self, row: Gap | Event) -> None:
        """Hand a gap or an event to whoever keeps the log."""
        name = row.gap_id if isinstance(row, Gap) else row.event_id
        fields = {"table": row.TABLE, **dict(zip(COLUMNS[row.TABLE], values(row), strict=True))}
        self._put(name + ROW, json.dumps(fields, default=chain.json_default).encode())

    def read_row(self, spooled: SpooledFile, now: datetime) -> Gap | Event:
        """The gap or event in that file, recorded `now`. Raises UnreadableFrameError if it is
        none.
        """
        try:
            fields = json.loads(self.path(spooled).read_bytes())
            table = fields.pop("table")
            for name in ("recorded_at", "noticed_at"):
                if name in fields:
                    fields[name] = datetime.fromisoformat(fields[name])
            row = ROW_TYPES[table](
                **{name: fields[name] for name in COLUMNS[table] if name in fields}
            )
        except (ValueError, KeyError, TypeError) as fault:
            raise UnreadableFrameError(
                Reason.UNREADABLE, f"{spooled.name} is no gap or event: {fault}"
            ) from fault
        if not isinstance(row, Gap | Event):
            raise UnreadableFrameError(Reason.UNREADABLE, f"{spooled.name} holds a {table} row")
        return replace(row, recorded_at=now)

    def path(self, spooled: SpooledFile) -> Path:
        """Where the file is."""
        return self._paths.frames / spooled.name

    def spooled_file(self, name: str, arrived_ns: int, *, recovered: bool) -> SpooledFile | None:
        """The file `name` of `frames/` as it waits; None if it is a sidecar or nothing of this
        spool.
        """
        if name.endswith(SIDECAR) or name.startswith("."):
            return None
        identity = (
            name.partition("~")[0].removesuffix(ROW).removesuffix(".pgm").removesuffix(".ppm")
        )
        try:
            frame_id_micros(FrameId(identity))
        except ValueError:
            return None
        return SpooledFile(name, FrameId(identity), arrived_ns, recovered)

    def is_foreign(self, name: str) -> bool:
        """True for the name of another node's file."""
        return "~" in name

    def names(self) -> list[str]:
        """All names in `frames/`, oldest first."""
        return sorted(os.listdir(self._paths.frames))  # noqa: PTH208 (no Path object for each of 20,000)

    def clear_torn(self) -> list[FrameId]:
        """At start: remove what was being written when the last process ended; the frames among
        it.
        """
        torn = list(self._paths.spool_tmp.iterdir())
        for path in torn:
            self._disk.unlink(path)
        files = (self.spooled_file(path.name, 0, recovered=True) for path in torn)
        return [file.frame_id for file in files if file and not file.is_row]

    def claim(self, dropped: str, sidecar: str | None, claimed: SpooledFile) -> bool:
        """Take `dropped` out of incoming/, with its sidecar, as `claimed`; False if it has gone.

        A rename: the other node may reuse the name at once. The sidecar goes first, so that whoever
        sees the frame sees all of it. Directories are left alone.
        """
        incoming, beside = self._paths.incoming, self._sidecar_path(claimed)
        try:
            if sidecar:
                # If it has gone meanwhile, the frame has none; the settings say what that means.
                with contextlib.suppress(FileNotFoundError):
                    (incoming / sidecar).rename(beside)
            try:
                (incoming / dropped).rename(self.path(claimed))
            except FileNotFoundError:
                if sidecar:
                    with contextlib.suppress(FileNotFoundError):
                        beside.rename(incoming / sidecar)
                return False
        except OSError as fault:
            raise store_error(fault, f"cannot take {incoming / dropped}") from fault
        return True

    def restore_sidecars(self) -> None:
        """At start: put back the sidecar of a frame that a crash left in incoming/ without it."""
        names = set(self.names())
        for name in names:
            frame = name.removesuffix(SIDECAR)
            if name == frame or frame in names:
                continue
            dropped = SpooledFile(frame, FrameId(""), 0, recovered=True).original_name
            home = self._paths.incoming / f"{dropped}.json"
            if dropped and not os.path.lexists(home):
                (self._paths.frames / name).rename(home)

    def read(self, spooled: SpooledFile, max_bytes: int) -> bytes:
        """The bytes of a frame file. Raises as `read_regular_file` does."""
        return read_regular_file(self.path(spooled), max_bytes, "incoming.max_file_mb")

    def sidecar(self, spooled: SpooledFile) -> bytes | None:
        """The sidecar that came with a dropped file, None if none did.

        Raises UnreadableFrameError (bad_sidecar) for what is no plain file of a sidecar's size.
        """
        try:
            return read_regular_file(self._sidecar_path(spooled), _SIDECAR_MAX, "for a sidecar")
        except FileNotFoundError:
            return None
        except UnreadableFrameError as fault:
            raise UnreadableFrameError(Reason.BAD_SIDECAR, f"sidecar: {fault.detail}") from fault

    def changed_at(self, spooled: SpooledFile) -> float:
        """When the file or its sidecar was last written (seconds since the epoch). Raises
        OSError.
        """
        changed = self.path(spooled).lstat().st_mtime
        with contextlib.suppress(FileNotFoundError):
            changed = max(changed, self._sidecar_path(spooled).lstat().st_mtime)
        return changed

    def retire(self, spooled: SpooledFile) -> None:
        """The row stands and the evidence is kept: the frame leaves the spool.

        An unlink, not a rename: a rename out of a watched directory would hold up watchdog for 0.5
        s.
        """
        if "~" in spooled.name:
            # First the sidecar: alone, it would lie there for ever after a crash.
            self._disk.unlink(self._sidecar_path(spooled))
        self._disk.unlink(self.path(spooled))

    def quarantine(self, spooled: SpooledFile, reason: Reason, detail: str) -> Path | None:
        """Keep a file that is no frame, with the reason beside it; None if it has gone.

        The file stays in the spool under its name too, until it is retired.
        """
        day = (
            self._paths.quarantine
            / f"{spooled.frame_id[:4]}-{spooled.frame_id[4:6]}-{spooled.frame_id[6:8]}"
        )
        kept = day / spooled.name
        try:
            self._disk.link(self.path(spooled), kept)
        except FileNotFoundError:
            return None
        self._disk.write_evidence(
            kept.with_name(kept.name + ".reason.txt"), [f"{reason}: {detail}\n".encode()]
        )
        return kept

    def sync(self) -> None:
        """Make the names in `frames/` durable: what was claimed stays claimed."""
        self._disk.sync_directory(self._paths.frames)

    def _put(self, name: str, *chunks: bytes | memoryview) -> None:
        self._disk.write(self._paths.frames / name, chunks, self._paths.spool_tmp / name)
        try:
            self._disk.sync_directory(self._paths.frames)
        except StoreError as fault:
            # It is in the spool and will be inspected: it must not count as lost as well.
            LOG.error("%s is spooled, but may not outlive a power cut: %s", name, fault)

    def _sidecar_path(self, spooled: SpooledFile) -> Path:
        return self._paths.frames / (spooled.name + SIDECAR)


def claimed_name(frame: FrameId, dropped: str) -> str:
    """The name in frames/ of the file that another node dropped as `dropped`."""
    return f"{frame}~{_quoted(dropped)}"


def _quoted(dropped: str) -> str:
    """The name percent-encoded; of a very long one the end, from a whole character on."""
    whole = quote(os.fsencode(dropped), safe="._-")
    cut = max(0, len(whole) - _NAME_MAX)
    escape = whole.find("%", max(0, cut - 2), cut)
    return whole[cut if escape < 0 else escape + 3 :]
