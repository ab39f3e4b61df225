"""A real wire that fails, and the rule of docs/plc.md at its other end: no part goes as good
without its own committed row, and none is lost. `tests/bench/line_wires.py` plays hundreds.
"""

from __future__ import annotations

import random

import pytest

from tests.output.wire_faults import WireFaults
from tests.output.wired_line import wired

KINDS = ("cut", "frozen", "lost there", "lost back", "two masters", "slow")
FEWER = ("cut", "lost back")
"""Of OPC UA, whose clients take a second, and most of the cores, to come back."""


@pytest.mark.serial
@pytest.mark.parametrize("protocol", ["modbus", "mqtt", "s7", "opcua"])
def test_whatever_the_wire_does_no_part_goes_as_good_without_its_row(protocol: str) -> None:
    with wired(protocol, 3) as line:
        faults = WireFaults(line, random.Random(3))
        for kind in FEWER if protocol == "opcua" else KINDS:
            faults.begin(kind)
            line.program.play(0.01)
        faults.end()
        for _ in range(30):  # the line goes on
            if line.program.play(0.005).bin == "accepted":
                break
        bins = line.check()
    assert bins["accepted"], "the line works in the end"
