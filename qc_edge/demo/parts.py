"""Renders the parts that the demo's camera plays, with their truth, on all processor cores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np

from qc_edge.errors import StoreError
from qc_edge.rendered import SIX_HOLES, DefectKind, FrameFault, Product, Truth, plan_series, render
from qc_edge.rendered.series import write_truth

ROUND = 24
"""Parts of one round: fifteen good, one of each kind of defect, one of each fault of the frame."""

_DEFECTS, _FAULTS = len(DefectKind) / ROUND, len(FrameFault) / ROUND
_SEVERITY = (0.35, 1.0)
_ROUNDS_MAX = 2
_PROGRESS_S = 0.1


def count_for(triggers: float) -> int:
    """How many different parts to render for so many triggers; further ones repeat them."""
    return ROUND * max(1, min(_ROUNDS_MAX, round(triggers / ROUND)))


def render_parts(
    directory: Path, seed: int, count: int, progress: Callable[[int], None]
) -> list[Truth]:
    """Render `count` parts into `directory`, on all cores, and write their truth beside them.

    `progress` is called by the calling thread, several times a second, with how many are done; if
    it raises, the rest is left. Defects are drawn visible (severity 0.35 to 1). Raises StoreError
    if the disk refuses.
    """
    directory.mkdir(parents=True, exist_ok=True)
    plan = plan_series(seed, count, _DEFECTS, _FAULTS)
    severities = np.random.default_rng([seed, 0x5E7E]).uniform(*_SEVERITY, count)
    with render_threads() as pool:
        futures = [
            pool.submit(render_part, directory, number, part, defect, fault, float(severity))
            for number, ((part, defect, fault), severity) in enumerate(
                zip(plan, severities, strict=True), 1
            )
        ]
        pending: set[Future[Truth]] = set(futures)
        while pending:
            progress(count - len(pending))
            _, pending = wait(pending, _PROGRESS_S, FIRST_COMPLETED)
        progress(count)
        parts = [future.result() for future in futures]
    write_truth(directory, parts)
    return parts


@contextmanager
def render_threads() -> Iterator[ThreadPoolExecutor]:
    """Threads for all processor cores; what they have not begun at the end is left."""
    pool = ThreadPoolExecutor(os.cpu_count() or 2, "render")
    # The executor's own context waits for all of the queue; after Ctrl-C nobody wants the rest.
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def render_part(
    directory: Path,
    number: int,
    seed: int,
    defect: DefectKind | None = None,
    fault: FrameFault | None = None,
    severity: float | None = None,
    product: Product = SIX_HOLES,
) -> Truth:
    """Render one part into `directory`, the `number` of the series in its name. Raises StoreError
    if the disk refuses.
    """
    part = render(seed, defect, fault, severity=severity, product=product)
    # The emulator plays files by name, and decodes each anew every time: BMP costs it least.
    path = directory / f"part-{number:05d}.bmp"
    if not cv2.imwrite(str(path), part.pixels):
        raise StoreError(f"cannot write {path}", hint="is the disk full?")
    label = "defective" if part.is_defective else "good"
    return Truth(path.name, seed, label, defect, round(part.severity, 4), fault, part.sha256)
