"""Settings written to a camera's nodes: increments, old names, raw gains, chunks.

The emulator takes any region and has neither old names nor chunks, so the nodes here are plain ones
that keep GenICam's rules.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from qc_edge.camera.configuration import configure, count_frames
from qc_edge.camera.devices import copy_pixels, tick_ns
from qc_edge.camera.frame_counter import FRAME_COUNTER_CHUNK, GIGE_BLOCK_ID, PLAIN, CounterRange
from qc_edge.camera.nodes import Nodes
from qc_edge.settings import CameraSettings


class Node:
    """A node with a value, a range or choices."""

    def __init__(
        self,
        name: str,
        value: Any,
        limits: tuple[Any, Any, Any] | None = None,
        choices: Sequence[str] = (),
        writable: bool = True,
    ) -> None:
        self.name, self.Value, self._writable, self._limits = name, value, writable, limits
        if limits:
            self.Min, self.Max, self.Inc = limits
        if choices:
            self.GetSettableValues = lambda: tuple(choices)

    def IsReadable(self) -> bool:  # noqa: N802
        return True

    def IsWritable(self) -> bool:  # noqa: N802
        return self._writable

    def HasInc(self) -> bool:  # noqa: N802
        return bool(self._limits and self._limits[2])

    def GetNode(self) -> Any:  # noqa: N802
        return SimpleNamespace(GetName=lambda: self.name)


class NoNode:
    """What pylon gives for a name that a camera does not have."""

    def IsReadable(self) -> bool:  # noqa: N802
        return False

    IsWritable = IsReadable


class Map:
    """An older GigE camera: regions in steps, absolute times, raw gain."""

    def __init__(self, *nodes: Node) -> None:
        standard = [
            Node("PixelFormat", "Mono8", choices=["Mono8", "Mono12", "Mono12Packed"]),
            Node("Width", 2448, (16, 2448, 16)),
            Node("Height", 2048, (2, 2048, 2)),
            Node("OffsetX", 0, (0, 2432, 16)),
            Node("OffsetY", 0, (0, 2046, 2)),
            Node("TriggerSelector", "FrameStart", choices=["AcquisitionStart", "FrameStart"]),
            Node("TriggerMode", "Off", choices=["On", "Off"]),
            Node("TriggerSource", "Line1", choices=["Line1", "Software"]),
            Node("TriggerActivation", "RisingEdge", choices=["RisingEdge", "FallingEdge"]),
            Node("ExposureTimeAbs", 3000.0, (35.0, 999985.0, 35.0)),
            Node("GainRaw", 0, (0, 240, 1)),
            Node("GainAuto", "Continuous", choices=["Off", "Continuous"]),
            Node("AcquisitionFrameRateEnable", True),
            Node("AcquisitionFrameRateAbs", 10.0, (0.1, 35.0, None)),
        ]
        self._nodes = {node.name: node for node in (*standard, *nodes)}

    def GetNode(self, name: str) -> Any:  # noqa: N802
        return self._nodes.get(name, NoNode())

    def __getitem__(self, name: str) -> Any:
        return self._nodes[name].Value


def refused(node_map: Map, **settings: object) -> list[str]:
    nodes = Nodes(node_map, RuntimeError)
    configure(CameraSettings.model_validate({"name": "top", **settings}), nodes)
    return nodes.refused


def test_a_region_off_the_cameras_steps_is_refused_with_the_nearest_that_fit() -> None:
    said = refused(Map(), roi=(8, 3, 1000, 801))
    assert said == [
        "roi: Width = 1000 refused; allowed: 16 to 2448 in steps of 16; nearest: 992 and 1008",
        "roi: Height = 801 refused; allowed: 2 to 2048 in steps of 2; nearest: 800 and 802",
        "roi: OffsetX = 8 refused; allowed: 0 to 2432 in steps of 16; nearest: 0 and 16",
        "roi: OffsetY = 3 refused; allowed: 0 to 2046 in steps of 2; nearest: 2 and 4",
    ]


def test_a_region_on_the_steps_is_set() -> None:
    node_map = Map()
    assert refused(node_map, roi=(16, 4, 1008, 802)) == []
    assert [node_map[n] for n in ("OffsetX", "OffsetY", "Width", "Height")] == [16, 4, 1008, 802]


def test_without_a_region_the_whole_sensor_is_read() -> None:
    node_map = Map()
    node_map.GetNode("Width").Value = 320
    node_map.GetNode("OffsetX").Value = 64
    assert refused(node_map) == []
    assert (node_map["OffsetX"], node_map["Width"]) == (0, 2448)


def test_older_cameras_take_their_own_names_and_raw_gain() -> None:
    node_map = Map()
    nodes = Nodes(node_map, RuntimeError)
    settings = CameraSettings(name="top", exposure_us=7000, gain_db=40, rate_hz=20)
    in_force = configure(settings, nodes)
    assert nodes.refused == []
    assert (node_map["ExposureTimeAbs"], node_map["GainRaw"], node_map["GainAuto"]) == (
        7000,
        40,
        "Off",
    )
    assert node_map["AcquisitionFrameRateAbs"] == 20
    assert in_force.exposure_us == 7000
    assert in_force.gain_db is None
    assert "gain 40 raw" in in_force.detail


def test_a_raw_gain_takes_whole_numbers_only() -> None:
    assert refused(Map(), gain_db=1.5) == [
        "gain_db: GainRaw = 1.5 refused; allowed: 0 to 240 in steps of 1, whole numbers"
    ]


def test_an_automatic_exposure_is_told_as_such() -> None:
    nodes = Nodes(
        Map(Node("ExposureAuto", "Continuous", choices=["Off", "Continuous"])), RuntimeError
    )
    in_force = configure(CameraSettings(name="top"), nodes)
    assert in_force.exposure_us is None
    assert "exposure automatic" in in_force.detail


def test_packet_size_is_refused_where_there_is_no_network() -> None:
    assert refused(Map(), packet_size=1500) == [
        "packet_size: GevSCPSPacketSize = 1500 refused; this camera has no such node"
    ]


def test_a_node_that_cannot_be_written_says_where_it_stands() -> None:
    assert refused(Map(Node("GevSCPSPacketSize", 1500, writable=False)), packet_size=9000) == [
        "packet_size: GevSCPSPacketSize = 9000 refused; it is read-only and stands at 1500"
    ]


def test_a_packed_format_left_in_the_camera_is_refused_with_what_the_station_takes() -> None:
    node_map = Map(Node("PixelFormat", "Mono12Packed", choices=["Mono8", "Mono12", "Mono12Packed"]))
    assert refused(node_map) == [
        (
            "pixel_format: PixelFormat = Mono12Packed refused; "
            "the station takes Mono8, Mono12; set pixel_format"
        )
    ]


@pytest.mark.parametrize(
    ("trigger", "enabled"), [("free", True), ("hardware", False), ("software", False)]
)
def test_only_free_run_limits_the_cameras_own_rate(trigger: str, enabled: bool) -> None:
    node_map = Map()
    assert refused(node_map, trigger=trigger, rate_hz=5) == []
    assert node_map["AcquisitionFrameRateEnable"] is enabled
    assert node_map["TriggerMode"] == ("Off" if trigger == "free" else "On")


def test_a_fault_of_the_driver_is_a_refusal_in_its_words() -> None:
    class Stubborn(Node):
        def __setattr__(self, name: str, value: object) -> None:
            if name == "Value" and hasattr(self, "Value"):
                raise RuntimeError("Node is locked. : AccessException thrown (file 'x.cpp')")
            super().__setattr__(name, value)

    node_map = Map(Stubborn("ExposureTimeAbs", 3000.0, (35.0, 999985.0, None)))
    assert refused(node_map, exposure_us=70) == [
        "exposure_us: ExposureTimeAbs = 70 refused; Node is locked."
    ]


def test_a_camera_with_a_frame_counter_chunk_counts_with_it() -> None:
    node_map = Map(
        Node("ChunkModeActive", False),
        Node("ChunkSelector", "Image", choices=["Image", "Timestamp", "Framecounter"]),
        Node("ChunkEnable", False),
    )
    counting, chunk = count_frames(Nodes(node_map, RuntimeError), "BaslerGigE")
    assert (counting, chunk) == (FRAME_COUNTER_CHUNK, "ChunkFramecounter")
    assert [node_map[name] for name in ("ChunkModeActive", "ChunkSelector", "ChunkEnable")] == [
        True,
        "Framecounter",
        True,
    ]


@pytest.mark.parametrize(
    ("device_class", "expected"),
    [("BaslerGigE", GIGE_BLOCK_ID), ("BaslerUsb", PLAIN), ("BaslerCamEmu", PLAIN)],
)
def test_other_cameras_count_by_block_id_without_chunks(
    device_class: str, expected: CounterRange
) -> None:
    node_map = Map(
        Node("ChunkModeActive", False),
        Node("ChunkSelector", "Image", choices=["Image", "Timestamp"]),
    )
    assert count_frames(Nodes(node_map, RuntimeError), device_class) == (expected, None)
    assert node_map["ChunkModeActive"] is False


@pytest.mark.parametrize("padding", [0, 4])
@pytest.mark.parametrize("pixel_format", ["Mono8", "Mono12", "BGR8"])
def test_padding_at_the_end_of_rows_is_left_out(pixel_format: str, padding: int) -> None:
    wide = {"Mono8": 6, "Mono12": 12, "BGR8": 18}[pixel_format]
    rows = np.random.default_rng(4).integers(0, 256, (5, wide), dtype=np.uint8)
    padded = np.pad(rows, ((0, 0), (0, padding)))
    result = SimpleNamespace(
        Height=5, Width=6, PaddingX=padding, GetImageMemoryView=lambda: memoryview(padded.tobytes())
    )
    pixels = copy_pixels(result, pixel_format)
    expected: Any = rows
    if pixel_format == "Mono12":
        expected = rows.view("<u2")
    elif pixel_format == "BGR8":
        expected = rows.reshape(5, 6, 3)[..., ::-1]
    assert np.array_equal(pixels, expected)
    assert pixels.flags.writeable


@pytest.mark.parametrize(
    ("nodes", "nanoseconds"),
    [
        ([Node("GevTimestampTickFrequency", 125_000_000)], 8.0),  # ace Classic GigE
        ([Node("GevTimestampTickFrequency", 1_000_000_000)], 1.0),  # the same while PTP sets it
        ([], 1.0),  # USB 3, ace 2
    ],
)
def test_a_tick_of_the_cameras_clock_is_as_long_as_it_says(
    nodes: list[Node], nanoseconds: float
) -> None:
    assert tick_ns(Nodes(Map(*nodes), RuntimeError)) == nanoseconds
