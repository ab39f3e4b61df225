"""What every [[output]] of the settings file has, and what all of those have that talk to a line.

One module of `outputs` for each protocol has the rest; `outputs.OUTPUTS` names them.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from qc_edge.settings.section import Name, Section

OutputFault = Literal[
    "camera",
    "engine",
    "calibration",
    "disk",
    "clock",
    "behind",
    "peer",
    "ejection",
    "pairing",
    "count",
]


class OutputSettings(Section):
    """One way to tell the line; docs/plc.md is the contract. Nothing listens without one."""

    name: Name = Field(description="Stands in the log and in the status: plc, robot.")
    protocol: str = Field(description="How it is told; each has keys of its own.")

    @property
    def place(self) -> str:
        """Where the other end is found, for a person."""
        return "no wire"

    @property
    def listens(self) -> tuple[tuple[str, int], ...]:
        """The addresses and TCP ports of this machine that it takes."""
        return ()

    @property
    def owns(self) -> tuple[str, ...]:
        """What no other output may have at the other end, in words."""
        return ()

    @property
    def machines(self) -> tuple[str, ...]:
        """The addresses of those it talks to, whoever begins: what the unit has to open."""
        return ()


class LineSettings(OutputSettings):
    """The handshake of docs/plc.md, the same for every protocol that has it."""

    deadline_ms: float | None = Field(
        default=None,
        gt=0,
        le=3_600_000,
        description="Later than this after the exposure, or without a verdict so long after its "
        "trigger, a part is HOLD for good (ms); default: station.deadline_ms as it was at "
        "the start.",
    )
    sequence: Literal["line", "station"] = Field(
        default="line",
        description="line: it numbers each trigger, and the result echoes the number. station: the "
        "station counts the parts that it tells; then a line that misses one has to notice itself.",
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
    part_ids: bool = Field(
        default=False,
        description="The part_id and lot that the line gives with a trigger become those of the "
        "frames of this trigger and of no other; a frame that may be of several triggers, or of "
        "none, or of a camera without a clock, is HOLD: no_part_id. At one output, with "
        "sequence = line and frame_way_ms.",
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
