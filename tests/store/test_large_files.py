"""Files that are too large, of users whose files may not be linked: little of them is kept."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from qc_edge.domain.frame import FrameId
from qc_edge.domain.verdict import Reason
from qc_edge.settings import StationPaths
from qc_edge.store.directories import make_directories
from qc_edge.store.durable import Disk
from qc_edge.store.spool import Spool
from qc_edge.store.spooled_file import SpooledFile

GIB = 1 << 30
NAME = "20261122T141507123456Z-incoming~huge.bmp"

QUARANTINE = """
import errno, os, resource, sys
from pathlib import Path
from tests.store.test_large_files import NAME, quarantine

def refuse(*_, **__):
    raise OSError(errno.EPERM, os.strerror(errno.EPERM))

os.link = refuse
beats = []
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
quarantine(Path(sys.argv[1]), lambda: beats.append(1))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before, len(beats))
"""


def huge_file(root: Path, size: int) -> Path:
    """A sparse file of that size in a new spool, with a head that is not all zeros."""
    paths = StationPaths(root, "line1")
    make_directories(paths.directories())
    file = paths.frames / NAME
    file.write_bytes(b"BM" + bytes(range(256)))
    os.truncate(file, size)
    return file


def quarantine(root: Path, beat: Callable[[], object] = lambda: None) -> Path:
    spool = Spool(StationPaths(root, "line1"), Disk())
    spooled = SpooledFile(NAME, FrameId(NAME.partition("~")[0]), 0, recovered=False)
    kept = spool.quarantine(spooled, Reason.TOO_LARGE, "far too large", beat)
    assert kept is not None
    return kept


def test_of_a_large_file_that_may_not_be_linked_the_beginning_and_the_digest_are_kept(
    tmp_path: Path,
) -> None:
    size = 256 << 20
    file = huge_file(tmp_path, size)
    ran = subprocess.run(
        [sys.executable, "-c", QUARANTINE, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stderr
    grown_kib, beats = map(int, ran.stdout.split())
    assert grown_kib < 64 * 1024, "the file was read into memory"
    assert beats > 80, "the watchdog sees no life for seconds"
    kept = next(file.parents[1].parent.glob("**/quarantine/*/*.bmp"))
    assert kept.stat().st_size == 1 << 20
    with file.open("rb") as whole:
        assert kept.read_bytes() == whole.read(1 << 20)
    why = kept.with_name(kept.name + ".reason.txt").read_text()
    assert f"the first {1 << 20} of {size} bytes" in why


def test_the_digest_is_that_of_the_whole_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))

    monkeypatch.setattr(os, "link", refuse)
    file = huge_file(tmp_path, 40 << 20)
    kept = quarantine(tmp_path)
    why = kept.with_name(kept.name + ".reason.txt").read_text()
    assert hashlib.sha256(file.read_bytes()).hexdigest() in why
    assert kept.read_bytes() == file.read_bytes()[: 1 << 20]


def test_a_large_file_that_may_be_linked_is_kept_whole(tmp_path: Path) -> None:
    file = huge_file(tmp_path, 3 * GIB)
    kept = quarantine(tmp_path)
    assert kept.samefile(file)
