"""One [[output]] of the settings file: how a line is told, beside the journal."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from qc_edge.settings.section import Name, Section

OutputFault = Literal[
    "camera", "engine", "calibration", "disk", "clock", "behind", "peer", "ejection", "pairing"
]


class OutputSettings(Section):
    """One way to tell the line; docs/plc.md is the contract. Nothing listens without one."""

    name: Name = Field(description="Stands in the log and in the status: plc, robot.")
    protocol: Literal["modbus", "scripted"] = Field(
        description="modbus: a Modbus TCP server. scripted: no wire at all, for tests."
    )
    listen: str = Field(
        default="",
        validate_default=True,
        description="ADDRESS:PORT of this machine at which the line reaches it: 192.168.10.2:5020. "
        "An address by itself, not all of them.",
    )
    peers: tuple[str, ...] = Field(
        default=(),
        validate_default=True,
        description="Addresses of the machines that may connect; any other is turned away.",
    )
    sequence: Literal["line", "station"] = Field(
        default="line",
        description="line: it numbers each trigger, and the result echoes the number. station: the "
        "station counts the parts that it tells; then a line that misses one has to notice itself.",
    )
    deadline_ms: float | None = Field(
        default=None,
        gt=0,
        le=3_600_000,
        description="Later than this after the exposure, or without a verdict so long after its "
        "trigger, a part is HOLD for good (ms); default: station.deadline_ms as it was at "
        "the start.",
    )
    frame_way_ms: float | None = Field(
        default=None,
        ge=0,
        le=10_000,
        description="The longest that a frame takes from its exposure to this machine, the first "
        "one after a camera was opened too (ms): a camera's own clock is late by up to this. "
        "Unset: one part at a time; parts that overlap are HOLD.",
    )
    acknowledge: bool = Field(
        default=True,
        description="The line acknowledges each result before the next is shown; one that it does "
        "not is a row and a trouble. false: the next takes its place after one "
        "heartbeat_ms, so that parts must not come faster.",
    )
    stands_ms: float = Field(
        default=500.0,
        ge=10,
        le=600_000,
        description="A result stands for this long at most, acknowledged or not (ms).",
    )
    heartbeat_ms: float = Field(
        default=100.0,
        ge=10,
        le=10_000,
        description="The station's heartbeat changes so often (ms).",
    )
    peer_heartbeat_ms: float = Field(
        default=1000.0,
        ge=0,
        le=600_000,
        description="The line's heartbeat changes within this time (ms); 0: it has none.",
    )
    confirm: tuple[Literal["reject", "hold"], ...] = Field(
        default=(),
        description="Parts of these dispositions that the line has to confirm as ejected; one that "
        "it does not raises the alarm.",
    )
    confirm_s: float = Field(
        default=10.0, gt=0, le=3600, description="Within so long after it was told (s)."
    )
    recipes: bool = Field(
        default=False,
        description="The line may change over to another approved recipe, by its number.",
    )
    not_ready: tuple[OutputFault, ...] = Field(
        default=("camera", "engine", "calibration", "disk", "peer", "ejection"),
        description="What takes `ready` away; a station that cannot judge is never ready. "
        "pairing: a line that heeds `ready` pauses by itself after a lost frame.",
    )

    @property
    def host(self) -> str:
        """The address, without brackets."""
        return self.listen.rpartition(":")[0].removeprefix("[").removesuffix("]")

    @property
    def port(self) -> int:
        """The port."""
        return int(self.listen.rpartition(":")[2])

    @field_validator("listen")
    @classmethod
    def _is_one_address(cls, listen: str, info: ValidationInfo) -> str:
        if info.data.get("protocol") != "modbus":
            return listen
        host, _, port = listen.rpartition(":")
        try:
            address = ipaddress.ip_address(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            raise ValueError(f'got {listen!r}, expected "192.168.10.2:5020"') from None
        if address.is_unspecified or address.is_multicast:
            raise ValueError(
                f"{host} is no address of one interface; expected the one at which the line "
                "reaches this machine"
            )
        if not (port.isdecimal() and 1024 <= int(port) <= 65535):
            raise ValueError(f"got port {port!r}, expected 1024 to 65535")
        return listen

    @field_validator("peers")
    @classmethod
    def _are_machines(cls, peers: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        if info.data.get("protocol") == "modbus" and not peers:
            raise ValueError('missing; name who may connect: peers = ["192.168.10.20"]')
        for peer in peers:
            try:
                ipaddress.ip_address(peer)
            except ValueError:
                raise ValueError(f"got {peer!r}, expected the address of a machine") from None
        return peers


def check_outputs(outputs: Sequence[OutputSettings]) -> None:
    """Hold the outputs against each other. Raises ValueError with all that does not fit."""
    faults = []
    names = [output.name for output in outputs]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        faults.append(f"output names must differ; given twice: {', '.join(twice)}")
    places = [output.listen for output in outputs if output.listen]
    if twice := sorted({place for place in places if places.count(place) > 1}):
        faults.append(f"two outputs cannot listen at the same place: {', '.join(twice)}")
    if faults:
        raise ValueError("; ".join(faults))
