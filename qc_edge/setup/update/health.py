"""`python -m qc_edge.setup.update.health`: is the version that has just booted good?

Run by qc-edge-health.service of the image before the boot loader's counter is taken away. Ends with
1 if a station that starts at every boot does not: the box boots again, three times at most.
"""

from __future__ import annotations

import sys
from pathlib import Path

from qc_edge.errors import QcEdgeError
from qc_edge.setup.update.apply import after_boot
from qc_edge.setup.update.box_state import read_applied
from qc_edge.setup.update.boxes import image_version
from qc_edge.setup.update.stations_health import wait_for_health


def enabled_stations(root: Path) -> list[str]:
    """Those that start at every boot."""
    wants = root / "etc/systemd/system/qc-edge.target.wants"
    links = wants.glob("qc-edge@*.service")
    return sorted(link.name.removeprefix("qc-edge@").removesuffix(".service") for link in links)


def main(root: Path = Path("/")) -> int:
    """0 if all stations have started, or none is set up yet."""
    try:
        faults = wait_for_health(enabled_stations(root))
        good = after_boot(root, image_version(root) or "", faults, _say)
        is_trying = _is_trying(root)
    except (QcEdgeError, OSError) as fault:
        # Ending with 1 would boot the box again, and for ever if that is no better then.
        _say(f"cannot say whether this version is good: {fault}")
        return 0
    for name, words in sorted(faults.items()):
        _say(f"{name}: {words}")
    # Without an update under way a station that does not start is no reason to boot for ever.
    return 0 if good or not is_trying else 1


def _is_trying(root: Path) -> bool:
    applied = read_applied(root)
    return applied is not None and applied.outcome == "trying"


def _say(words: str) -> None:
    sys.stdout.write(f"qc-edge: {words}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
