"""The [[output]] sections of the settings file: each has the keys of its protocol and no others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from qc_edge.settings.outside.output import LineSettings, OutputSettings
from qc_edge.settings.outside.outputs.camera_lines import CameraLineSettings
from qc_edge.settings.outside.outputs.ethernetip import EthernetipSettings
from qc_edge.settings.outside.outputs.gpio import GpioSettings
from qc_edge.settings.outside.outputs.modbus import ModbusSettings
from qc_edge.settings.outside.outputs.mqtt import MqttSettings
from qc_edge.settings.outside.outputs.opcua import OpcuaSettings
from qc_edge.settings.outside.outputs.s7 import S7Settings
from qc_edge.settings.outside.outputs.scripted import ScriptedSettings
from qc_edge.settings.outside.outputs.webhook import WebhookSettings

# The first is the one that a new settings file shows.
AnyOutput = Annotated[
    ModbusSettings
    | CameraLineSettings
    | EthernetipSettings
    | GpioSettings
    | MqttSettings
    | OpcuaSettings
    | S7Settings
    | WebhookSettings
    | ScriptedSettings,
    Field(discriminator="protocol"),
]

OUTPUTS: dict[str, type[OutputSettings]] = {
    "modbus": ModbusSettings,
    "mqtt": MqttSettings,
    "s7": S7Settings,
    "ethernetip": EthernetipSettings,
    "camera": CameraLineSettings,
    "gpio": GpioSettings,
    "opcua": OpcuaSettings,
    "webhook": WebhookSettings,
    "scripted": ScriptedSettings,
}
"""protocol -> its keys."""


def check_outputs(outputs: Sequence[OutputSettings]) -> None:
    """Hold the outputs against each other. Raises ValueError with all that does not fit."""
    faults = []
    names = [output.name for output in outputs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"output names must differ; given twice: {', '.join(twice)}")
    places = [place for output in outputs for place in output.listens]
    if taken := sorted({f"{at[0]}:{at[1]}" for at in places if places.count(at) > 1}):
        faults.append(f"two outputs cannot listen at the same place: {', '.join(taken)}")
    owned = [thing for output in outputs for thing in output.owns]
    if twice := sorted({thing for thing in owned if owned.count(thing) > 1}):
        faults.append(f"two outputs cannot have the same: {', '.join(twice)}")
    lines = [each for each in outputs if isinstance(each, LineSettings)]
    giving = [each.name for each in lines if each.part_ids]
    if len(giving) > 1:
        faults.append(f"part ids come from one output: part_ids at {', '.join(giving)}")
    blind = [
        each.name
        for each in lines
        if each.part_ids and (each.sequence != "line" or each.frame_way_ms is None)
    ]
    if blind:
        faults.append(f"part_ids needs sequence = line and a frame_way_ms: {', '.join(blind)}")
    if faults:
        raise ValueError("; ".join(faults))
