"""What the files of a test run, each with a pytest of its own, make once for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]
) -> Iterator[Path]:
    """The directory `name`, whole: the first that needs it has `make` fill it. `run.sh` says where
    they share it, and removes it in the end; without it, it is this pytest's own.
    """
    given = os.environ.get("QC_EDGE_SHARED")
    shared = Path(given) if given else factory.mktemp("shared")
    directory, begun = shared / name, shared / f".{name}"
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not directory.exists():
            shutil.rmtree(begun, ignore_errors=True)
            begun.mkdir()
            make(begun)
            begun.rename(directory)
    yield directory
    if not given:
        shutil.rmtree(directory)
