"""Threshold records on disk: one dated TOML file a change, proven by a digest, never changed or removed.

`DIRECTORY/20261123T101500123456Z.toml`. A damaged or edited record is refused by name; which record is in
force is for `qc_edge.domain.threshold` to say.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.threshold import ThresholdRecord
from qc_edge.errors import ThresholdError
from qc_edge.settings import toml
from qc_edge.store.durable import write_file

FORMAT = 1
"""Of the file; a reader refuses any other."""

_HINT = "records are never edited: restore it from a backup; a new one is made by qc-edge threshold"


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    record_id: str
    station: str
    bundle: str
    model_sha256: str
    value: float = Field(ge=0, le=1)
    at: AwareDatetime
    made_at: AwareDatetime
    made_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


def write(directory: Path, record: ThresholdRecord) -> Path:
    """Keep a new record durably and return its path.

    Raises ThresholdError if there is a record as new or newer, StoreError if the disk refuses.
    """
    newest = max(names(directory), default="")
    if newest >= record.record_id:
        raise ThresholdError(
            f"{directory} already has the record {newest}: a new one must be dated later than that, "
            f"this one is {record.record_id}",
            hint="if the clock was set back, set it right first",
        )
    path = directory / f"{record.record_id}.toml"
    lines = [
        f"# A threshold of station {record.station}, set by qc-edge; a change by hand makes it invalid.",
        *(f"{name} = {_toml(value)}" for name, value in _content(record).items()),
    ]
    write_file(path, ("\n".join(lines) + "\n").encode())
    return path


def names(directory: Path) -> Iterator[str]:
    """The ids of the records in `directory`, in no order; none if it does not exist."""
    return (path.stem for path in directory.glob("*.toml") if not path.name.startswith("."))


def load_all(directory: Path) -> list[ThresholdRecord]:
    """Every record, oldest first. Raises ThresholdError on one that is damaged."""
    return [load(directory, name) for name in sorted(names(directory))]


def load(directory: Path, name: str) -> ThresholdRecord:
    """The record with the id `name`. Raises ThresholdError that says what is wrong with it."""
    path = directory / f"{name}.toml"
    try:
        found = _Record.model_validate(toml.loads(path.read_text(encoding="utf-8")))
    except ValidationError as faults:
        lines = [
            f"  {'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}" for fault in faults.errors()
        ]
        raise ThresholdError(
            f"the threshold {path} is no record of format {FORMAT}:\n" + "\n".join(lines), hint=_HINT
        ) from None
    except (OSError, ValueError) as fault:
        raise ThresholdError(f"cannot read the threshold {path}: {fault}", hint=_HINT) from None
    record = ThresholdRecord(**found.model_dump(exclude={"format", "digest"}))
    if (digest := _digest(record)) != found.digest:
        raise ThresholdError(
            f"the threshold {path} has been changed: its content has the digest {digest}, "
            f"the record says {found.digest}",
            hint=_HINT,
        )
    if record.record_id != name:
        raise ThresholdError(
            f"the threshold {path} is the record {record.record_id}", hint="it has been renamed: put it back"
        )
    return record


def _content(record: ThresholdRecord) -> dict[str, object]:
    return {"format": FORMAT, "digest": _digest(record), **asdict(record), "value": float(record.value)}


def _digest(record: ThresholdRecord) -> str:
    """SHA-256 of the record as canonical JSON."""
    values = asdict(record) | {"value": float(record.value)}
    text = json.dumps(values, sort_keys=True, separators=(",", ":"), default=datetime.isoformat)
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _toml(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
