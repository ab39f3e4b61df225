"""Files that are refused, out of the way: sidecars in quarantine/ with the reason, others as is."""

from __future__ import annotations

from pathlib import Path

from qc_edge.domain.frame import FrameId
from qc_edge.domain.printable import printable
from qc_edge.settings import StationPaths
from qc_edge.store.disk_errors import store_error
from qc_edge.store.durable import Disk
from qc_edge.store.spooled_file import SIDECAR, SpooledFile, claimed_name


def move_aside(path: Path, target: Path) -> None:
    """Give `path` the name `target`, in a directory that is made; nothing if it has gone.

    By name alone, whatever it is: a pipe or a link is never opened. Raises StoreError; then `path`
    is where it was.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    except FileNotFoundError:
        pass  # whoever wrote it has taken it away
    except OSError as fault:
        raise store_error(fault, f"cannot set {printable(str(path))} aside") from fault


class SetAside:
    """Moves sidecars that belong to no frame, or perhaps to another's, into quarantine.

    Keeps no state: any thread. Raises StoreError.
    """

    def __init__(self, paths: StationPaths, disk: Disk) -> None:
        self._paths = paths
        self._disk = disk

    def claimed(self, spooled: SpooledFile, why: str) -> None:
        """The sidecar that was claimed with `spooled`."""
        name = f"{spooled.name}{SIDECAR}"
        self._move(self._paths.frames / name, spooled.frame_id, name, why)

    def dropped(self, sidecar: Path, frame_id: FrameId, why: str) -> None:
        """One that another node dropped; `frame_id` is that of its frame, or made for it."""
        self._move(sidecar, frame_id, claimed_name(frame_id, sidecar.name), why)

    def _move(self, sidecar: Path, frame_id: FrameId, name: str, why: str) -> None:
        day = f"{frame_id[:4]}-{frame_id[4:6]}-{frame_id[6:8]}"
        kept = self._paths.quarantine / day / name
        # The reason first: after a crash in between, the sidecar is set aside once more.
        self._disk.write_evidence(kept.with_name(f"{name}.reason.txt"), [f"{why}\n".encode()])
        move_aside(sidecar, kept)
