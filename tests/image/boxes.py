"""What a box is given: its stick, and releases of updates on a medium of their own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.quality.tools import REPOSITORY

_SEED = """\
provision = 1

[box]
host_name = "qc-17"

[update]
source = "/run/release"
trusted_keys = ["{key}"]

[[station]]
name = "line1"
settings.camera = [{{ name = "top", backend = "emulated", rate_hz = {rate} }}]
settings.station.deadline_ms = 60000
"""


def qc_edge(*arguments: str | Path) -> str:
    """What a command of this checkout prints; CalledProcessError if it fails."""
    return subprocess.run(
        [sys.executable, "-m", "qc_edge", *arguments],
        check=True,
        text=True,
        stdout=subprocess.PIPE,
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": str(REPOSITORY)},
    ).stdout


def key_of(work: Path) -> tuple[Path, str]:
    """The release's key, made once: its file and its public half."""
    private, public = work / "release.key", work / "release.pub"
    if not public.exists():
        said = qc_edge("model", "keygen", private)
        found = re.search(r"ed25519:[A-Za-z0-9+/=]+", said)
        assert found is not None, said
        public.write_text(found[0])
    return private, public.read_text()


def make_stick(work: Path, rate_hz: float = 0.5) -> Path:
    """A stick with the seed of one box that has one station on pylon's emulator."""
    files = work / "stick"
    files.mkdir(exist_ok=True)
    seed = _SEED.format(key=key_of(work)[1], rate=rate_hz)
    (files / "qc-edge.toml").write_text(seed, encoding="utf-8")
    return _disk(work / "stick.img", "QC-EDGE", files, 16)


def make_release(work: Path, built: Path, notes: str) -> Path:
    """A medium with the signed pieces of the image in the directory `built`."""
    files = work / f"release-{built.name}"
    shutil.rmtree(files, ignore_errors=True)
    files.mkdir()
    for pattern in ("*.root.*.raw", "*.verity.*.raw", "*.efi"):
        (found,) = built.glob(pattern)
        subprocess.run(["cp", "--sparse=always", found, files], check=True)
    qc_edge("update", "sign", files, "--key", key_of(work)[0], "--notes", notes)
    size = sum(path.stat().st_size for path in files.iterdir()) // (1 << 20) + 64
    made = _disk(work / f"release-{built.name}.img", "RELEASE", files, size)
    shutil.rmtree(files)
    return made


def _disk(path: Path, label: str, files: Path, size_mb: int) -> Path:
    path.unlink(missing_ok=True)
    made = ["mke2fs", "-q", "-F", "-t", "ext4", "-m", "0", "-L", label, "-d", str(files)]
    subprocess.run([*made, str(path), f"{size_mb}m"], check=True, stdout=subprocess.DEVNULL)
    return path
