"""Whether a directory upstream is what it is taken for, and not the disk below it.

A mount point that is not mounted is an empty directory of the system's disk: what is written there
fills that disk, and is lost to sight once the server is back.
"""

from __future__ import annotations

from pathlib import Path

from qc_edge.errors import UpstreamError


def check_mounted(url: str, state: Path, *, same_disk: bool) -> None:
    """Raises UpstreamError if a file:// target is missing, or on the disk of the station or of the
    system, unless `same_disk` allows that.
    """
    if not url.startswith("file://"):
        return
    directory = Path(url.removeprefix("file://"))
    hint = f"is it mounted? findmnt --target {directory}; see docs/integrator.md"
    try:
        if not directory.is_dir():
            raise UpstreamError(f"{directory} is no directory", hint)
        device = directory.stat().st_dev
        own = {place.stat().st_dev for place in (state, Path("/"))}
    except OSError as fault:
        raise UpstreamError(f"cannot look at {directory}: {fault.strerror}", hint) from None
    if device in own and not same_disk:
        raise UpstreamError(
            f"{directory} is on the disk of this box, where a server or another disk was expected",
            f"{hint}; if that is meant: upstream.same_disk = true",
        )
