"""The seed beside the image: checked before a disk is touched, then left on the new box."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from qc_edge.errors import StoreError
from qc_edge.service.synced_file import sync_directory
from qc_edge.setup.flash.disks import DATA
from qc_edge.setup.flash.image_file import FOLDER
from qc_edge.setup.provision.box_file import InstallSection
from qc_edge.setup.provision.provision import Serials, provision_box
from qc_edge.setup.provision.reading import BoxPlan, read_plan
from qc_edge.setup.provision.seed import seed_in, seeds_in
from qc_edge.setup.update.box_state import BOX
from qc_edge.store.durable import write_file

LEFT = BOX / "seed"
"""Where the new box finds it: qc-edge-first-seed.service of the image."""

_NOT_LEFT = {FOLDER, "update"}


@dataclass(frozen=True, slots=True)
class StickSeed:
    """The seed in `directory`: what the box shall be, and cameras of it that are not here."""

    directory: Path
    plan: BoxPlan
    missing: tuple[str, ...]

    @property
    def install(self) -> InstallSection | None:
        """Which disk is taken without asking; None: somebody is asked."""
        return self.plan.file.install

    @property
    def keys(self) -> tuple[str, ...]:
        """Whose signature of an image is taken."""
        update = self.plan.file.update
        return update.trusted_keys if update else ()


def seed_beside(directory: Path, serials: Serials) -> StickSeed | None:
    """The seed in `directory`, all of its settings checked; None if there is none.

    Raises UsageError if there are two, SettingsError with all that is wrong in it.
    """
    if not seeds_in(directory):
        return None
    plan = read_plan(seed_in(directory))
    with tempfile.TemporaryDirectory(prefix="qc-edge-seed-") as nowhere:
        done = provision_box(Path(nowhere), plan, serials, lambda *_: ("new", None), dry=True)
    return StickSeed(directory, plan, tuple(done.missing))


def leave_seed(seed: StickSeed, var: Path) -> None:
    """Copy the seed and what lies beside it, without the image, to a new box whose /var is mounted
    at `var`, for root's eyes. Raises StoreError.

    Whole or not at all, in the place of one that another installation has left: a box that found
    half of a seed would become something that nobody has said.
    """
    left = var.joinpath(*LEFT.parts[1:])
    to = left.with_name("seed.new")
    for old in (to, left):
        shutil.rmtree(old, ignore_errors=True)
    to.mkdir(parents=True, mode=0o700)
    for path in sorted(seed.directory.rglob("*")):
        place = path.relative_to(seed.directory)
        if place.parts[0] in _NOT_LEFT or place.parts[0].startswith((".", "lost+found")):
            continue
        if path.is_dir():
            (to / place).mkdir(exist_ok=True, mode=0o700)
        elif path.is_file():
            write_file(to / place, path.read_bytes(), mode=0o600)
    to.rename(left)
    sync_directory(left.parent)


@contextmanager
def mounted_var(disk: str) -> Iterator[Path]:
    """Where the /var of the box on `disk` is mounted for a while. Raises StoreError."""
    _run("udevadm", "settle")
    listed = _run("lsblk", "--noheadings", "--raw", "--output", "PATH,PARTLABEL", disk)
    lines = [line.split(" ", 1) for line in listed.splitlines()]
    found = [line[0] for line in lines if line[1:] == [DATA]]
    if len(found) != 1:
        raise StoreError(
            f"{disk} does not show its partition {DATA}", hint="take the stick out, boot, provision"
        )
    with tempfile.TemporaryDirectory(prefix="qc-edge-var-") as directory:
        _run("mount", "-o", "nodev,nosuid,noexec", found[0], directory)
        try:
            yield Path(directory)
        finally:
            _run("umount", directory)


def _run(*command: str) -> str:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise StoreError(
            f"{' '.join(command)}: {ran.stderr.strip()}",
            hint="the image is on the disk, the seed is not: provision the box with the stick",
        )
    return ran.stdout
