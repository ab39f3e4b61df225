"""`python -m tests.image WORK STEP...`: a box's life in qemu. As root, with qemu-system-x86, ovmf
and the images that `systemd/image/build.sh` has built.

first=DIR     first boot of the image in DIR, on a larger disk, with a stick
boot          an ordinary boot
update=DIR    the release in DIR is staged, applied, tried and stays
broken=DIR    the release in DIR does not come up: the box goes back
cuts=N,SEED   N power cuts at random moments
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.image.trial import Trial


def main(arguments: list[str]) -> None:
    """Steps in their order, each on the disk that the one before has left."""
    begun = time.monotonic()

    def say(words: str) -> None:
        sys.stdout.write(f"{time.monotonic() - begun:6.0f} {words}\n")
        sys.stdout.flush()

    trial = Trial(Path(arguments[0]).absolute(), say)
    for step in arguments[1:]:
        name, _, value = step.partition("=")
        say(f"== {step}")
        if name == "first":
            trial.first_boot(Path(value))
        elif name == "boot":
            trial.ordinary_boot()
        elif name in {"update", "broken"}:
            trial.update(Path(value), is_good=name == "update")
        elif name == "cuts":
            count, _, seed = value.partition(",")
            trial.cuts(int(count), int(seed or 1))
        else:
            raise SystemExit(f"{step}: {__doc__}")


if __name__ == "__main__":
    main(sys.argv[1:])
