"""A series of rendered parts, good and defective, as images with a truth table beside them."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from itertools import cycle, islice
from pathlib import Path

import cv2
import numpy as np

from qc_edge.rendered.kinds import DefectKind, FrameFault
from qc_edge.rendered.part import DEFAULT_SIZE, render

TRUTH_FILE = "truth.csv"


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of one image of a series. `sha256` is of the pixel bytes in C order."""

    file: str
    seed: int
    label: str
    defect: DefectKind | None
    severity: float
    fault: FrameFault | None
    sha256: str


def plan_series(
    seed: int, count: int, defect_share: float, fault_share: float
) -> list[tuple[int, DefectKind | None, FrameFault | None]]:
    """Part seed, defect and fault of each of `count` parts: kinds in equal shares, order drawn from
    `seed`.

    A frame fault falls on a good part. Raises ValueError if the shares are not in 0..1 or exceed 1.
    """
    if min(defect_share, fault_share) < 0 or defect_share + fault_share > 1:
        raise ValueError(
            f"shares {defect_share} + {fault_share}: expected 0..1, together at most 1"
        )
    rng = np.random.default_rng([seed, 0x5E71E5])
    kinds: list[tuple[DefectKind | None, FrameFault | None]] = []
    kinds += [(defect, None) for defect in islice(cycle(DefectKind), round(count * defect_share))]
    kinds += [(None, fault) for fault in islice(cycle(FrameFault), round(count * fault_share))]
    kinds = kinds[:count]
    kinds += [(None, None)] * (count - len(kinds))
    seeds = rng.integers(0, 2**48, count)
    return [(int(seeds[i]), *kinds[j]) for i, j in enumerate(rng.permutation(count))]


def write_series(
    directory: Path,
    seed: int,
    count: int,
    size: tuple[int, int] = DEFAULT_SIZE,
    defect_share: float = 0.2,
    fault_share: float = 0.1,
    suffix: str = ".png",
) -> list[Truth]:
    """Render `count` parts into `directory` (made if missing) and write the truth table there.

    Images are `part-00001.png` and so on; `suffix` may be .png, .pgm, .tiff or .bmp (all lossless).
    Raises OSError if a file cannot be written.
    """
    directory.mkdir(parents=True, exist_ok=True)
    rows = list(
        _render_parts(directory, plan_series(seed, count, defect_share, fault_share), size, suffix)
    )
    write_truth(directory, rows)
    return rows


def write_truth(directory: Path, rows: Sequence[Truth]) -> None:
    """Write the truth table of a series."""
    with (directory / TRUTH_FILE).open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, [field.name for field in fields(Truth)])
        table.writeheader()
        for row in rows:
            table.writerow(
                {name: "" if value is None else value for name, value in asdict(row).items()}
            )


def read_truth(directory: Path) -> list[Truth]:
    """The truth table of a series. Raises FileNotFoundError, or ValueError on foreign content."""
    with (directory / TRUTH_FILE).open(newline="", encoding="utf-8") as file:
        return [
            Truth(
                file=row["file"],
                seed=int(row["seed"]),
                label=row["label"],
                defect=DefectKind(row["defect"]) if row["defect"] else None,
                severity=float(row["severity"]),
                fault=FrameFault(row["fault"]) if row["fault"] else None,
                sha256=row["sha256"],
            )
            for row in csv.DictReader(file)
        ]


def _render_parts(
    directory: Path,
    plan: Sequence[tuple[int, DefectKind | None, FrameFault | None]],
    size: tuple[int, int],
    suffix: str,
) -> Iterator[Truth]:
    for number, (part_seed, defect, fault) in enumerate(plan, start=1):
        part = render(part_seed, defect, fault, size)
        path = directory / f"part-{number:05d}{suffix}"
        if not cv2.imwrite(str(path), part.pixels):
            raise OSError(f"cannot write {path}")
        yield Truth(
            file=path.name,
            seed=part_seed,
            label="defective" if part.is_defective else "good",
            defect=part.defect,
            severity=round(part.severity, 4),
            fault=part.fault,
            sha256=part.sha256,
        )
