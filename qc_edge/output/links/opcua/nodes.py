"""What clients see: a vision system of OPC 40100-1, and the words of the handshake below it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from importlib.resources import files
from typing import Any

from asyncua import Node, Server, ua
from asyncua.common.instantiate_util import instantiate

from qc_edge.output.handshake.results import Result
from qc_edge.output.handshake.words import (
    LOT_LENGTH,
    PART_ID_LENGTH,
    FromLine,
    StateBit,
    ToLine,
)
from qc_edge.output.links.opcua.told_results import ToldResult, ToldResults, made_id

MACHINE_VISION = "http://opcfoundation.org/UA/MachineVision"
LINE = "urn:qc-edge:line"


class LineNodes:
    """Made once for a server; used by its loop."""

    def __init__(self, server: Server, name: str) -> None:
        self._server = server
        self._name = name
        self._said: dict[str, tuple[Node, Any]] = {}
        self.written: dict[ua.NodeId, str] = {}
        """Node of a word that the line may write -> its name."""
        self.results = ToldResults()
        self._states: tuple[Node, Node] | None = None
        self._event: Any = None
        self._vision = 0

    async def make(self) -> Node:
        """Everything, before the server listens; the vision system."""
        server = self._server
        nodeset = files("qc_edge.output.links.opcua") / "Opc.Ua.MachineVision.NodeSet2.xml"
        await server.import_xml(xmlstring=nodeset.read_text(encoding="utf-8"))
        await server.load_data_type_definitions()
        self._vision = vision = await server.get_namespace_index(MACHINE_VISION)
        await self._register_ids()
        line = await server.register_namespace(LINE)
        kind = server.get_node(_node_id(1003, vision))  # VisionSystemType
        system = await server.nodes.objects.add_object(
            _node_id(self._name, line),
            ua.QualifiedName(self._name, line),
            kind.nodeid,
            instantiate_optional=False,
        )
        await self._make_states(system)
        await self._make_managements(system)
        words = await system.add_object(line, "Line")
        for side, values in (("ToLine", ToLine()), ("FromLine", FromLine())):
            folder = await words.add_folder(_node_id(f"{self._name}.{side}", line), side)
            for field in fields(values):
                name, value = field.name, getattr(values, field.name)
                node = await folder.add_variable(
                    _node_id(f"{self._name}.{side}.{name}", line), name, _variant(name, value)
                )
                self._said[f"{side}.{name}"] = (node, value)
                if side == "FromLine":
                    await node.set_writable()
                    self.written[node.nodeid] = name
        event = server.get_node(_node_id(1024, vision))  # ResultReadyEventType
        self._event = await server.get_event_generator(event.nodeid, system)  # type: ignore[arg-type]
        return system

    async def show(self, words: ToLine, result: Result | None) -> None:
        """The words, the commit last, then the states and, of a new result, its event."""
        is_new = words.commit not in (0, self._said["ToLine.commit"][1])
        for field in fields(words):  # in the order of the handshake
            await self._write(f"ToLine.{field.name}", field.name, getattr(words, field.name))
        await self._show_states(words)
        if is_new and result is not None:
            told = ToldResult.of(words, result)
            self.results.add(told)
            await self._announce(told, result)

    async def _write(self, key: str, name: str, value: Any) -> None:
        node, before = self._said[key]
        if value != before:
            self._said[key] = (node, value)
            data = ua.DataValue(_variant(name, value))
            await self._server.write_attribute_value(node.nodeid, data)

    async def _make_states(self, system: Node) -> None:
        at = self._vision
        machine = await system.get_child([f"{at}:VisionStateMachine"])
        inner = await machine.add_object(
            at,
            "AutomaticModeStateMachine",
            _node_id(1021, at),  # VisionAutomaticModeStateMachineType
            instantiate_optional=False,
        )
        self._states = (
            await machine.get_child(["0:CurrentState"]),
            await inner.get_child(["0:CurrentState"]),
        )

    async def _show_states(self, words: ToLine) -> None:
        bits = StateBit(words.state)
        outer = "Operational" if StateBit.READY in bits else "Preoperational"
        if StateBit.ALARM in bits:
            outer = "Error"
        inner = "SingleExecution" if StateBit.BUSY in bits else "Ready"
        if StateBit.READY not in bits:
            inner = "Initialized"
        assert self._states is not None  # noqa: S101
        for node, key, name in zip(self._states, ("outer", "inner"), (outer, inner), strict=True):
            if self._said.get(key, (node, ""))[1] != name:
                self._said[key] = (node, name)
                value = ua.Variant(ua.LocalizedText(name), ua.VariantType.LocalizedText)
                await self._server.write_attribute_value(node.nodeid, ua.DataValue(value))

    async def _register_ids(self) -> None:
        """As types of their own: asyncua takes those without a field more for their base, and then
        knows none of what a client sends.
        """
        ids = {"RecipeIdExternal": 3002, "RecipeIdInternal": 3013, "ConfigurationId": 3008}
        for kind, number in ids.items():
            node = self._server.get_node(_node_id(number, self._vision))
            for encoding in await node.get_referenced_nodes(refs=ua.ObjectIds.HasEncoding):
                if (await encoding.read_browse_name()).Name == "Default Binary":
                    name, base = f"{kind}DataType", ua.BinaryIdBaseDataType  # type: ignore[attr-defined]
                    made: type = dataclass(type(name, (base,), {"data_type": node.nodeid}))
                    ua.register_extension_object(name, encoding.nodeid, made, node.nodeid)

    async def _make_managements(self, system: Node) -> None:
        """With the methods that the specification demands of them, and the one that releases."""
        at = system.nodeid.NamespaceIndex
        for name, kind in (("RecipeManagement", 1004), ("ResultManagement", 1007)):
            management = await system.add_object(
                _node_id(f"{self._name}.{name}", at),
                ua.QualifiedName(name, self._vision),
                _node_id(kind, self._vision),
                instantiate_optional=False,
            )
        name = "ResultManagement.ReleaseResultHandle"
        release = self._server.get_node(_node_id(7090, self._vision))
        await instantiate(management, release, _node_id(f"{self._name}.{name}", at))

    async def _announce(self, told: ToldResult, result: Result) -> None:
        """ResultReady: of a part whose rows are durable, or of a trigger that got none (HOLD)."""
        kinds = ua.VariantType
        structure = kinds.ExtensionObject
        values: dict[str, tuple[Any, ua.VariantType]] = {
            "ResultId": (made_id("ResultId", told.result_id), structure),
            "PartId": (made_id("PartId", told.part_id), structure),
            "JobId": (made_id("JobId", told.job_id), structure),
            "IsPartial": (False, kinds.Boolean),
            "IsSimulated": (False, kinds.Boolean),
            "ResultState": (told.state, kinds.Int32),
            "CreationTime": (told.at, kinds.DateTime),
            "ResultContent": (list(told.content), kinds.String),
            "Severity": (100 if told.content[0] == "ACCEPT" else 500, kinds.UInt16),
        }
        for name, (value, kind) in values.items():
            self._event.event.add_property(name, value, kind)
        await self._event.trigger(message=f"{result.disposition}: {result.reason}")


def _node_id(name: int | str, namespace: int) -> ua.NodeId:
    return ua.NodeId(name, namespace)  # type: ignore[arg-type]


def fits(name: str, given: ua.DataValue) -> bool:
    """Whether a client may write this: one value of the word's own type, within its bounds. The
    server itself would take an array for a number, and anything with a bad status.
    """
    value = given.Value
    wanted = _type_of(name, getattr(_EMPTY, name))
    is_bad = given.StatusCode is not None and not given.StatusCode.is_good()
    if value is None or is_bad or value.VariantType != wanted or value.is_array:
        return False
    longest = {"part_id": PART_ID_LENGTH, "lot": LOT_LENGTH}.get(name)
    if longest is None:
        return type(value.Value) is int
    text = value.Value
    is_plain = isinstance(text, str) and text.isascii() and (not text or text.isprintable())
    return is_plain and len(text) <= longest


def _variant(name: str, value: int | str) -> ua.Variant:
    return ua.Variant(value, _type_of(name, value))


def _type_of(name: str, value: int | str) -> ua.VariantType:
    if isinstance(value, str):
        return ua.VariantType.String
    return ua.VariantType.UInt32 if name in _COUNTS else ua.VariantType.UInt16


_EMPTY = FromLine()


_COUNTS = {
    *("triggers", "accepted", "rejected", "held", "lost"),
    *("counted", "counted_accepted", "counted_ejected"),
}
