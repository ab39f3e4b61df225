"""Write docs/reference/mqtt.md, the topics and messages of the output mqtt, from the sources: part
of `python docs/generate.py`.
"""

from __future__ import annotations

import json
from typing import Any

from qc_edge.output.links.mqtt import messages

HEAD = """\
# MQTT: topics and messages

Generated from `qc_edge/output/links/mqtt/messages.py` by `python docs/generate.py`; [plc.md](../plc.md#mqtt) says what to do with them.
MQTT 5, QoS 1 each; TOPIC is `topic` of the settings. Messages are JSON of UTF-8. What the names mean: [line-words.md](line-words.md).

| topic | who writes | kept by the broker | message |
|---|---|---|---|
| `TOPIC/state` | station | yes, and its last will: `online` false, nothing ready | [state](#state) |
| `TOPIC/result` | station | no | [result](#result) |
"""

MORE = """
A command of at most 1 kB that is anything else than its schema has, or of another `run` than the last reset, or kept by the broker from
before, is refused and counted on `qc-edge line status`.
"""


def mqtt_messages() -> str:
    """docs/reference/mqtt.md."""
    rows = [
        f"| `TOPIC/{messages.COMMANDS}/{name}` | line | must not be | [{name}](#{name}) |\n"
        for name in messages.COMMAND_SCHEMAS
    ]
    schemas = {"state": messages.STATE_SCHEMA, "result": messages.RESULT_SCHEMA}
    schemas |= messages.COMMAND_SCHEMAS
    return HEAD + "".join(rows) + MORE + "".join(_shown(*each) for each in schemas.items())


def _shown(name: str, schema: dict[str, Any]) -> str:
    lines = ",\n".join(
        f"    {json.dumps(key)}: {json.dumps(value)}" for key, value in schema["properties"].items()
    )
    return (
        f"\n## {name}\n\n```json\n"
        '{\n  "$schema": "https://json-schema.org/draft/2020-12/schema",\n  "type": "object",\n'
        f'  "properties": {{\n{lines}\n  }},\n'
        f'  "required": {json.dumps(schema["required"])},\n  "additionalProperties": false\n}}\n```\n'
    )
