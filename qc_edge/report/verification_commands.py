"""How anyone verifies a report without this software: shell commands, and what they must print."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from qc_edge.domain.inspection import Inspection
from qc_edge.query.evidence import EvidenceFile
from qc_edge.report.dossier import ExaminedInspection


@dataclass(frozen=True, slots=True)
class VerificationCommand:
    """One command, run in the station's state directory, and the digest that it must print."""

    what: str
    command: str
    expected: str


def by_hand(seen: ExaminedInspection) -> list[VerificationCommand]:
    """Commands for the frame, the prepared input, the map and the row itself, as far as a shell can
    do it.
    """
    return list(_commands(seen))


def _commands(seen: ExaminedInspection) -> Iterator[VerificationCommand]:
    row, case = seen.row, seen.case
    if (
        row.raw_sha256
        and row.raw_path
        and (command := _pixels(row, seen.raw, row.raw_path, row.width, row.height))
    ):
        yield VerificationCommand("the frame's pixels", command, row.raw_sha256)
    if row.prepared_sha256 and row.prepared_path and seen.prepared.image is not None:
        image = seen.prepared.image
        command = (
            f"tail -c {image.width * image.height} {shlex.quote(row.prepared_path)} | sha256sum"
        )
        yield VerificationCommand("the model's input", command, row.prepared_sha256)
    if row.map_sha256 and row.map_path and seen.map.image is not None:
        image = seen.map.image
        command = (
            f"pngtopnm {shlex.quote(row.map_path)} | tail -c {image.width * image.height} | "
            "sha256sum"
        )
        yield VerificationCommand("the defect map's pixels", command, row.map_sha256)
    if case.previous is not None:
        hour = f"journal/{row.recorded_at:%Y-%m-%dT%H}.jsonl"
        program = '$1 == n { printf "%s\\n%s\\n%s", p, $1, $3 }'
        command = (
            f"awk -F '\\t' -v n={case.seq} -v p={case.previous} '{program}' {hour} | sha256sum"
        )
        yield VerificationCommand(
            f"row {case.seq} of the log, over the hash of the row before it", command, case.sha256
        )


def _pixels(
    row: Inspection, piece: EvidenceFile, relative: str, width: int | None, height: int | None
) -> str:
    """Empty where a decoder is needed that a shell does not have."""
    if piece.path is None or piece.image is None or width is None or height is None:
        return ""
    samples = 3 if piece.image.pixels.ndim == 3 else 1
    count = width * height * samples * (1 if row.bit_depth == 8 else 2)
    name = relative.rpartition("/")[0] + "/" + piece.path.name
    if piece.path.suffix in {".pgm", ".ppm"}:
        return f"tail -c {count} {shlex.quote(name)} | sha256sum"
    if piece.path.suffix == ".png":
        return f"pngtopnm {shlex.quote(name)} | tail -c {count} | sha256sum"
    return ""
