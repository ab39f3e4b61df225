"""stick.py DIST VERSION SEED OUT: an installer for a USB stick, the file OUT.

From what build.sh has left in DIST: the pieces of VERSION, and image/ with qc-edge_VERSION.raw.gz,
signed (`qc-edge update sign`). The files of the directory SEED, qc-edge.toml and what lies beside
it, go onto the partition labelled QC-EDGE, which any computer can open to change them.

The stick runs the image's own system, from memory: its partitions have names of their own, and
nothing of a box that is in the disk inside is mounted. Needs mtools; no root, no loop device.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from qc_edge.setup.flash.disks import STICK
from qc_edge.setup.flash.partition_table import SECTOR, Partition, PartitionTable, lay_out

MIB = 1 << 20
ESP = "c12a7328-f81f-11d2-ba4b-00a0c93ec93b"
FILES = "ebd0a0a2-b9e5-4433-87c0-68b6b72699c7"
SLOT = "0fc63daf-8483-4772-8e79-3d69d8477de4"
"""Not the kind of a root: nothing may take the stick's slot for that of a box."""

OPTIONS = (
    "roothash={roothash}",
    f"systemd.verity_root_data=PARTLABEL={STICK}",
    f"systemd.verity_root_hash=PARTLABEL={STICK}-verity",
    # a live system: neither /var nor /etc of a box that is found inside
    "fstab=no rd.fstab=no systemd.volatile=overlay",
    "systemd.mask=systemd-repart.service rd.systemd.mask=systemd-repart.service",
    # the boot loader of a box that is found inside is none of this one's, and the stick's own stays
    "systemd.mask=systemd-boot-update.service",
    "systemd.wants=qc-edge-flash.service systemd.mask=getty@tty1.service qc_edge.flash",
    "ro console=tty0 audit=0 loglevel=4 systemd.show_status=error systemd.firstboot=off",
)
"""The kernel's command line in the place of the image's own: systemd-stub(7), no Secure Boot."""


def main(arguments: Sequence[str]) -> None:
    """Make the stick."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("dist", "version", "seed", "out"):
        parser.add_argument(name, type=str if name == "version" else Path)
    given = parser.parse_args(arguments)
    dist, version, out = given.dist, given.version, given.out
    root, verity = (_piece(dist, version, kind) for kind in ("root", "verity"))
    esp, files = out.with_suffix(".esp"), out.with_suffix(".files")
    try:
        _boot_partition(esp, dist, version, root_hash(root, verity))
        _seed_partition(files, given.seed, dist / "image")
        slots = (STICK, SLOT, root), (f"{STICK}-verity", SLOT, verity)
        _assemble(out, (("esp", ESP, esp), *slots, ("QC-EDGE", FILES, files)))
    finally:
        for path in (esp, files):
            path.unlink(missing_ok=True)
    sys.stdout.write(f"{out}: {out.stat().st_size / 1e6:,.0f} MB\n")


def root_hash(root: Path, verity: Path) -> str:
    """systemd-repart has named the two by the halves of the root hash: repart.d(5), Verity=."""
    own = [re.search(r"\.([0-9a-f-]{32,36})\.raw$", path.name) for path in (root, verity)]
    return "".join(found[1].replace("-", "") for found in own if found)


def _piece(dist: Path, version: str, kind: str) -> Path:
    found = sorted(dist.glob(f"qc-edge_{version}.{kind}.*.raw"))
    if len(found) != 1:
        raise SystemExit(f"stick.py: {len(found)} pieces {kind} of {version} in {dist}: make image")
    return found[0]


def _boot_partition(path: Path, dist: Path, version: str, roothash: str) -> None:
    """systemd-boot and the kernel, with an entry that starts the installer."""
    kernel = dist / f"qc-edge_{version}.efi"
    _fat(path, kernel.stat().st_size + 8 * MIB, "QCBOOT")
    for directory in ("EFI", "EFI/BOOT", "EFI/qc-edge", "loader", "loader/entries"):
        _run("mmd", "-i", str(path), f"::/{directory}")
    _run("mcopy", "-i", str(path), str(kernel), "::/EFI/qc-edge/install.efi")
    # The image's first partition begins at 1 MiB.
    image = f"{dist / f'qc-edge_{version}.raw'}@@{MIB}"
    boot = subprocess.run(
        ["mtype", "-i", image, "::/EFI/BOOT/BOOTX64.EFI"], capture_output=True, check=True
    )
    _text(path, "EFI/BOOT/BOOTX64.EFI", boot.stdout)
    options = " ".join(OPTIONS).format(roothash=roothash)
    entry = f"title qc-edge {version}: install\nefi /EFI/qc-edge/install.efi\noptions {options}\n"
    _text(path, "loader/entries/install.conf", entry.encode())
    _text(path, "loader/loader.conf", b"default install.conf\ntimeout 3\n")


def _seed_partition(path: Path, seed: Path, image: Path) -> None:
    files = [each for place in (seed, image) for each in place.rglob("*") if each.is_file()]
    _fat(path, sum(each.stat().st_size for each in files) + 64 * MIB, "QC-EDGE")
    for each in (*sorted(seed.iterdir()), image):
        _run("mcopy", "-s", "-i", str(path), str(each), "::/")


def _fat(path: Path, size: int, label: str) -> None:
    sectors = -(-size // MIB) * MIB // SECTOR
    with path.open("wb") as file:
        file.truncate(sectors * SECTOR)
    # -N: two sticks of one content are the same bits
    sizes = ["-T", str(sectors), "-h", "16", "-s", "32"]
    kind = ["-F"] if sectors >= 128 * MIB // SECTOR else []
    _run("mformat", "-i", str(path), *kind, *sizes, "-N", "51434544", "-v", label, "::")


def _assemble(out: Path, pieces: Sequence[tuple[str, str, Path]]) -> None:
    at, partitions = MIB, []
    for label, kind, path in pieces:
        end = at + -(-path.stat().st_size // MIB) * MIB
        both = uuid.UUID(kind).bytes_le, _identity(label)
        partitions.append(Partition(label, at // SECTOR, end // SECTOR - 1, *both))
        at = end
    table = PartitionTable((at + MIB) // SECTOR, _identity("stick"), tuple(partitions))
    head, end_of_disk = lay_out(table)
    with out.open("wb") as disk:
        disk.truncate(table.size)
        disk.write(head)
        for partition, (_, _, path) in zip(partitions, pieces, strict=True):
            disk.seek(partition.start)
            with path.open("rb") as piece:
                while data := piece.read(MIB):
                    disk.write(data)
        disk.seek(table.size - len(end_of_disk))
        disk.write(end_of_disk)


def _identity(name: str) -> bytes:
    return uuid.uuid5(uuid.NAMESPACE_URL, f"qc-edge:stick:{name}").bytes_le


def _text(path: Path, place: str, content: bytes) -> None:
    command = ["mcopy", "-i", str(path), "-", f"::/{place}"]
    subprocess.run(command, input=content, capture_output=True, check=True)


def _run(*command: str) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise SystemExit(f"stick.py: {' '.join(command)}: {ran.stderr.strip()}")


if __name__ == "__main__":
    main(sys.argv[1:])
