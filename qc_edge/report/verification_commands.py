"""Shell commands by which anyone verifies a report without this software, and what they print.

Digests are taken over the pixels as a PNM file holds them, so that this can be done with coreutils
(docs/decisions/0006).
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import dataclass

from qc_edge.domain.inspection import Inspection
from qc_edge.query.evidence import EvidenceFile
from qc_edge.report.part_report import ExaminedInspection


@dataclass(frozen=True, slots=True)
class VerificationCommand:
    """One command, run in the station's state directory, and the digest that it must print."""

    what: str
    command: str
    expected: str


def verification_commands(inspection: ExaminedInspection) -> list[VerificationCommand]:
    """Commands for the frame, the prepared input, the defect map and the row itself, as far as a
    shell can do it.
    """
    return list(_commands(inspection))


def _commands(inspection: ExaminedInspection) -> Iterator[VerificationCommand]:
    row, logged = inspection.row, inspection.logged
    if row.raw_sha256 and row.raw_path:
        command = _frame_command(row, inspection.raw, row.raw_path)
        if command:
            yield VerificationCommand("the frame's pixels", command, row.raw_sha256)
    if row.prepared_sha256 and row.prepared_path and inspection.prepared.image is not None:
        image = inspection.prepared.image
        command = _pnm_command(row.prepared_path, image.width * image.height)
        yield VerificationCommand("the model's input", command, row.prepared_sha256)
    if row.map_sha256 and row.map_path and inspection.defect_map.image is not None:
        image = inspection.defect_map.image
        command = _png_command(row.map_path, image.width * image.height)
        yield VerificationCommand("the defect map's pixels", command, row.map_sha256)
    if logged.previous is not None:
        # What store.log.chain.chain_hash takes the hash over: the previous hash, the number and the
        # text of the row, joined by newlines and with none at the end.
        hour = f"journal/{row.recorded_at:%Y-%m-%dT%H}.jsonl"
        program = '$1 == n { printf "%s\\n%s\\n%s", p, $1, $3 }'
        command = (
            f"awk -F '\\t' -v n={logged.seq} -v p={logged.previous} '{program}' {hour} | sha256sum"
        )
        yield VerificationCommand(
            f"row {logged.seq} of the log, over the hash of the row before it",
            command,
            logged.sha256,
        )


def _frame_command(row: Inspection, file: EvidenceFile, relative: str) -> str:
    """Empty where a decoder is needed that a shell does not have."""
    if file.path is None or file.image is None or row.width is None or row.height is None:
        return ""
    samples = 3 if file.image.pixels.ndim == 3 else 1
    size = row.width * row.height * samples * (1 if row.bit_depth == 8 else 2)
    # Its name now: the row has the name from before it was compressed.
    path = relative.rpartition("/")[0] + "/" + file.path.name
    if file.path.suffix in {".pgm", ".ppm"}:
        return _pnm_command(path, size)
    return _png_command(path, size) if file.path.suffix == ".png" else ""


def _pnm_command(path: str, size: int) -> str:
    """The last `size` bytes of a PNM file are its pixels."""
    return f"tail -c {size} {shlex.quote(path)} | sha256sum"


def _png_command(path: str, size: int) -> str:
    return f"pngtopnm {shlex.quote(path)} | tail -c {size} | sha256sum"
