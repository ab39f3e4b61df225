"""The text of a calibration record's file: TOML, proven by a digest over its content.

Never touches the disk.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import cv2
import numpy as np
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from qc_edge.domain.calibration import Calibration, FramingReference, GateBounds
from qc_edge.errors import CalibrationError
from qc_edge.settings import toml
from qc_edge.vision import UnreadableFrameError
from qc_edge.vision.image import decode

FORMAT = 1
"""Of the file; a reader refuses any other."""

RESTORE_HINT = (
    "records are never edited: restore it from a backup, or make a new one with qc-edge calibrate"
)

_LATER = {"sizes", "learning", "why"}
"""Keys that came after the first records; a record that does not need them is without them."""

_Size = Annotated[int, Field(ge=1)]
_Share = Annotated[float, Field(ge=0, le=1)]
_Value = Annotated[float, Field(ge=0, le=255)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


class _Bounds(_Section):
    focus_min: float = Field(ge=0)
    brightness_min: _Value
    brightness_max: _Value
    contrast_min: _Value
    saturated_share_max: _Share
    black_share_max: _Share
    framing_score_min: float | None = Field(default=None, ge=-1, le=1)
    framing_shift_max: float | None = Field(default=None, ge=0)


class _Framing(_Section):
    width: _Size
    height: _Size
    png: str


class _Record(_Section):
    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    calibration_id: str
    station: str
    camera: str
    made_at: AwareDatetime
    made_by: str
    due_at: AwareDatetime
    source: str
    starting: bool
    width: _Size | None = None
    height: _Size | None = None
    bit_depth: int | None = Field(default=None, ge=8, le=16)
    roi: list[Annotated[int, Field(ge=0)]] | None = Field(default=None, min_length=4, max_length=4)
    scale_um_per_px: float | None = Field(default=None, gt=0)
    sizes: list[_Size] | None = Field(default=None, min_length=4, max_length=4)
    learning: int | None = Field(default=None, ge=1)
    why: str | None = None
    bounds: _Bounds
    framing: _Framing | None = None


def parse(text: str, where: str) -> Calibration:
    """The record in the TOML `text`; `where` names it in messages. Raises CalibrationError."""
    try:
        record = _Record.model_validate(toml.loads(text))
        calibration = _calibration(record)
    except ValidationError as faults:
        lines = [
            f"  {'.'.join(map(str, fault['loc'])) or 'record'}: {fault['msg']}"
            for fault in faults.errors()
        ]
        raise CalibrationError(
            f"the calibration {where} is no record of format {FORMAT}:\n" + "\n".join(lines),
            hint=RESTORE_HINT,
        ) from None
    except (ValueError, UnreadableFrameError) as fault:
        raise CalibrationError(
            f"cannot read the calibration {where}: {fault}", hint=RESTORE_HINT
        ) from None
    if (digest := _digest(calibration)) != record.digest:
        raise CalibrationError(
            f"the calibration {where} has been changed: its content has the digest {digest}, "
            f"the record says {record.digest}",
            hint=RESTORE_HINT,
        )
    return calibration


def dump(calibration: Calibration) -> str:
    """The record's file as text."""
    values = _plain(calibration)
    bounds, framing = values.pop("bounds"), values.pop("framing")
    lines = [
        (
            f"# Calibration of camera {calibration.camera}, made by qc-edge; "
            "a change by hand makes it invalid."
        ),
        *_lines({"format": FORMAT, "digest": _digest(calibration), **values}),
        "",
        "[bounds]",
        *_lines(bounds),
    ]
    if calibration.framing is not None:
        png = base64.b64encode(_png(calibration.framing)).decode("ascii")
        rows = [f"{png[at : at + 100]}\\" for at in range(0, len(png), 100)]
        lines += ["", "[framing]", *_lines({name: framing[name] for name in ("width", "height")})]
        lines += ['png = """\\', *rows, '"""']
    return "\n".join(lines) + "\n"


def _calibration(record: _Record) -> Calibration:
    values = {name: getattr(record, name) for name in _Record.model_fields}
    for name in ("format", "digest"):
        del values[name]
    for name in ("roi", "sizes"):
        values[name] = tuple(values[name]) if values[name] is not None else None
    values["bounds"] = GateBounds(**record.bounds.model_dump())
    values["framing"] = _reference(record.framing) if record.framing else None
    return Calibration(**values)


def _plain(calibration: Calibration) -> dict[str, Any]:
    """The record as the file gives it back: figures are floats even where whole numbers were
    set.
    """
    values = asdict(calibration)
    for section, names in (
        (values, ["scale_um_per_px"]),
        (values["bounds"], list(values["bounds"])),
    ):
        for name in names:
            section[name] = None if section[name] is None else float(section[name])
    # Records from before these came have no such key, and their digest is over what they have.
    return {
        name: value for name, value in values.items() if name not in _LATER or value is not None
    }


def _digest(calibration: Calibration) -> str:
    """SHA-256 of the record as canonical JSON; the thumbnail by its pixels, not by its
    compression.
    """
    text = json.dumps(
        _plain(calibration), sort_keys=True, separators=(",", ":"), default=_canonical
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _canonical(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    raise TypeError(f"{type(value)} has no place in a calibration")


def _lines(values: dict[str, Any]) -> list[str]:
    return [f"{name} = {_toml(value)}" for name, value in values.items() if value is not None]


def _toml(value: object) -> str:
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, tuple):
        return json.dumps(list(value))
    return json.dumps(value)


def _png(framing: FramingReference) -> bytes:
    pixels = np.frombuffer(framing.pixels, np.uint8).reshape(framing.height, framing.width)
    return cv2.imencode(".png", pixels)[1].tobytes()


def _reference(framing: _Framing) -> FramingReference:
    image = decode(
        base64.b64decode(framing.png, validate=True), max_pixels=framing.width * framing.height
    )
    return FramingReference(framing.width, framing.height, image.gray.tobytes())
