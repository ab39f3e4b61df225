"""Acceptances on disk, and the finding that waits for one."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from qc_edge.domain.acceptance import Acceptance, MovedScores
from qc_edge.errors import ModelError
from qc_edge.records.record_file import Records, RecordSchema
from qc_edge.store.durable import Disk, write_file


class _Acceptance(RecordSchema):
    bundle: str
    model_before: str
    engine_before: str
    model: str
    engine: str
    found: str


_RECORDS = Records("acceptance", "qc-edge model accept", _Acceptance, Acceptance, ModelError)

write = _RECORDS.write
load_all = _RECORDS.load_all
sound_and_damaged = _RECORDS.sound_and_damaged
set_aside = _RECORDS.set_aside


def keep_moved(path: Path, moved: MovedScores) -> None:
    """Keep what moved until a person has decided. Raises StoreError."""
    write_file(path, json.dumps(asdict(moved), indent=1).encode())


def load_moved(path: Path) -> MovedScores | None:
    """What moved, None if nothing waits. Raises ModelError on foreign content."""
    try:
        return TypeAdapter(MovedScores).validate_json(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as fault:
        raise ModelError(
            f"cannot read {path}: {fault}",
            hint="start the station: it looks again and writes it anew",
        ) from None


def forget_moved(path: Path) -> None:
    """It has been decided, or nothing moved after all."""
    Disk().unlink(path)
