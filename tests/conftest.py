"""What all tests share: one thread for each worker's numerics; and nothing is skipped before a
merge.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Generator
from pathlib import Path

import pytest

# Several tests run at once; numerics that each take all cores would only wait for one another.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@pytest.fixture
def repository() -> Path:
    """The checkout: setup.cfg, qc_edge/, docs/."""
    return Path(__file__).resolve().parent.parent


MAY_BE_SKIPPED = ("no packages of Ubuntu can be reached from here",)
"""Even before a merge: the machine's network decides."""

NEED_ROOT = (
    "mounting a small file system needs root",
    "mounting a file system needs root",
    "mounting a file needs root",
    "only root can give a file away",
)

X86_ONLY = ("TensorRT for RTX is not installed: pip install 'qc-edge[compile]' (x86-64)",)
_IS_X86 = platform.machine() == "x86_64"


def _not_skipped(report: pytest.TestReport | pytest.CollectReport) -> None:
    """With QC_EDGE_CI set, a test that would be skipped has failed: what it needs is to be
    there.
    """
    if not report.skipped or hasattr(report, "wasxfail") or "QC_EDGE_CI" not in os.environ:
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    legitimate = [
        *MAY_BE_SKIPPED,
        *(NEED_ROOT if os.geteuid() else ()),
        *(X86_ONLY if not _IS_X86 else ()),
    ]
    if reason.removeprefix("Skipped: ") not in legitimate:
        report.outcome = "failed"
        report.longrepr = f"nothing is skipped before a merge; {reason}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow ones first; the others keep their order."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _not_skipped(report)
    # What a test logged may hold names that are no text. A worker could not send that, and would
    # end with all of its tests.
    report.sections = [
        (title, text.encode("utf-8", "backslashreplace").decode("utf-8"))
        for title, text in report.sections
    ]
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _not_skipped(report)
    return report
