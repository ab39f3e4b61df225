"""The topics and messages of MQTT: what stands in each, and what of the line's is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import (
    LAST_SEQUENCE,
    LOT_LENGTH,
    NO_SCORE,
    PART_ID_LENGTH,
    Code,
    Fault,
    StateBit,
    ToLine,
)

STATE, RESULT, COMMANDS = "state", "result", "line"
"""Below the output's topic; a command of the line is one level below `line`."""

RUN_LENGTH = 32
_MOST_BYTES = 1024

_NUMBER = {"type": "integer", "minimum": 0, "maximum": LAST_SEQUENCE}
_COUNT = {"type": "integer", "minimum": 0}
_BOOL = {"type": "boolean"}
_RUN = {
    "type": "string",
    "maxLength": RUN_LENGTH,
    "description": "The run of the line's program: another text with each reset.",
}


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "maxLength": longest}


def _schema(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


_STATE_BITS = {bit.name.lower(): _BOOL for bit in StateBit if bit.name}
_STATE_COUNTS = ("triggers", "accepted", "rejected", "held", "lost")
_STATE_NUMBERS = (
    *("session", "heartbeat", "trigger_taken", "reset_done", "recipe", "recipe_refused"),
)
_STATE: dict[str, Any] = {
    "online": _BOOL,
    "run": _RUN,
    **dict.fromkeys(_STATE_NUMBERS, _NUMBER),
    **_STATE_BITS,
    "faults": {
        "type": "array",
        "items": {"enum": [fault.name.lower() for fault in Fault if fault.name]},
    },
    **dict.fromkeys(_STATE_COUNTS, _COUNT),
}
STATE_SCHEMA = _schema(_STATE, list(_STATE))

_RESULT: dict[str, Any] = {
    "session": _NUMBER,
    "run": _RUN,
    "sequence": _NUMBER,
    "disposition": {"enum": [code.name for code in Code]},
    "verdict": _NUMBER,
    "complement": _NUMBER,
    "reason": _text(64),
    "reason_number": _NUMBER,
    "score": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    "age_ms": _NUMBER,
    "part_id": {"type": "string"},
    "defect_class": {"type": "string"},
    "frame_id": {"type": ["string", "null"]},
    "commit": _NUMBER,
}
RESULT_SCHEMA = _schema(_RESULT, list(_RESULT))

_COMMAND = {"run": _RUN, "number": _NUMBER}
_LINE_COUNT = {"type": "integer", "minimum": 0, "maximum": 0xFFFF_FFFF}
_COUNTED = ("counted", "counted_accepted", "counted_ejected")
_MORE = {
    "trigger": {"part_id": _text(PART_ID_LENGTH), "lot": _text(LOT_LENGTH)},
    "closing": dict.fromkeys(_COUNTED, _LINE_COUNT),
}
_NAMES = (*("heartbeat", "reset", "trigger", "acknowledge", "ejected", "passed"), "recipe")
COMMAND_SCHEMAS: dict[str, dict[str, Any]] = {
    name: _schema({**_COMMAND, **_MORE.get(name, {})}, ["run", "number"])
    for name in (*_NAMES, "closing")
}
"""The topic below `line` -> its message."""


@dataclass(frozen=True, slots=True)
class Command:
    """One message of the line; `values` are words of `FromLine`."""

    run: str
    values: dict[str, int | str]


def offline() -> bytes:
    """The broker says this in the station's place once the station is gone: nothing is ready."""
    return state(ToLine(), "", is_online=False)


def state(words: ToLine, run: str, *, is_online: bool = True) -> bytes:
    """The message of the topic `state`."""
    said: dict[str, Any] = {"online": is_online, "run": run}
    said |= {name: getattr(words, name) for name in _STATE_NUMBERS}
    bits = StateBit(words.state)
    said |= {bit.name.lower(): bit in bits for bit in StateBit if bit.name}
    faults = Fault(words.faults)
    said["faults"] = [fault.name.lower() for fault in Fault if fault.name and fault in faults]
    said |= {name: getattr(words, name) for name in _STATE_COUNTS}
    return _json(said)


def result(words: ToLine, shown: Result | None, run: str) -> bytes:
    """The message of the topic `result`: one whole, and everything 0 where none stands."""
    stands = shown if words.commit else None
    part = stands.part if stands else None
    return _json(
        {
            "session": words.session,
            "run": run,
            "sequence": words.sequence,
            "disposition": Code(words.verdict >> 12).name,
            "verdict": words.verdict,
            "complement": words.complement,
            "reason": stands.reason if stands else "",
            "reason_number": words.reason,
            "score": None if words.score == NO_SCORE else words.score / 10_000,
            "age_ms": words.age_ms,
            "part_id": part.part_id if part else "",
            "defect_class": part.defect_class if part else "",
            "frame_id": part.frame_id if part else None,
            "commit": words.commit,
        }
    )


def command(name: str, payload: bytes) -> Command:
    """What the line says with the topic `name` below `line`. Raises ValueError, in words, where it
    is anything else than its schema has.
    """
    if name not in COMMAND_SCHEMAS:
        raise ValueError(f"there is no command {name[:40]!r}")
    if len(payload) > _MOST_BYTES:
        raise ValueError(f"{name}: {len(payload)} bytes, expected {_MOST_BYTES} at most")
    try:
        given = json.loads(payload)
    except (ValueError, RecursionError):
        raise ValueError(f"{name}: no JSON") from None
    keys = COMMAND_SCHEMAS[name]["properties"]
    if not isinstance(given, dict) or not {"run", "number"} <= given.keys() <= keys.keys():
        raise ValueError(f"{name}: expected an object with {', '.join(keys)}")
    for key, value in given.items():
        if expected := _misfit(value, keys[key]):
            raise ValueError(f"{name}: {key}: expected {expected}")
    run, number = given.pop("run"), given.pop("number")
    if not run:
        raise ValueError(f"{name}: run: expected a text that is not empty")
    left_out = {key: "" if "maxLength" in keys[key] else 0 for key in _MORE.get(name, {})}
    return Command(run, {name: number, **left_out, **given})


def _misfit(value: object, schema: dict[str, Any]) -> str:
    """What was expected instead; empty if the value fits."""
    if schema["type"] == "integer":
        fits = type(value) is int and 0 <= value <= schema["maximum"]
        return "" if fits else f"0 to {schema['maximum']}"
    fits = isinstance(value, str) and value.isascii() and (not value or value.isprintable())
    if fits and len(str(value)) <= schema["maxLength"]:
        return ""
    return f"printable ASCII, {schema['maxLength']} at most"


def _json(values: dict[str, Any]) -> bytes:
    return json.dumps(values, separators=(",", ":")).encode()
