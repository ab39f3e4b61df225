"""A Basler camera's settings, written to its nodes in the order in which cameras take them.

What the settings do not name stays as the camera's start-up user set has it. Node names: Basler's
product documentation (ace Classic, ace U/L, ace 2, boost); older names stand second.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.camera.counter import FRAME_COUNTER_CHUNK, GIGE_BLOCK_ID, PLAIN, CounterRange
from qc_edge.camera.emulator import Playlist
from qc_edge.camera.nodes import Nodes
from qc_edge.settings import CameraSettings, Trigger

SUPPORTED_FORMATS = frozenset(
    {f"Mono{bits}" for bits in (8, 10, 12, 16)}
    | {f"Bayer{order}{bits}" for order in ("RG", "GB", "GR", "BG") for bits in (8, 10, 12, 16)}
    | {"RGB8", "BGR8"}
)
"""Formats whose values lie unpacked in uint8 or uint16, low bits first."""

_OLD_NAMES = {"RGB8": "RGB8Packed", "BGR8": "BGR8Packed"}
_NEW_NAMES = {old: new for new, old in _OLD_NAMES.items()}


@dataclass(frozen=True, slots=True)
class AppliedSettings:
    """What the camera says of itself after it was configured; None where it has no fixed value."""

    pixel_format: str
    width: int
    height: int
    exposure_us: float | None
    gain_db: float | None
    detail: str


def configure(
    settings: CameraSettings, nodes: Nodes, playlist: Playlist | None = None
) -> AppliedSettings:
    """Write `settings` to `nodes` and read back what is in force.

    `playlist` is what the emulator plays; without a region its first image gives the size. Refused
    settings are in `nodes.refused`; then the result means nothing.
    """
    nodes.put_if_there("Continuous", "AcquisitionMode")
    _pixel_format(settings, nodes)
    if playlist is not None:
        _play(playlist, nodes)
    _region(settings, nodes, playlist.size if playlist else None)
    _trigger(settings, nodes)
    _exposure_and_gain(settings, nodes)
    _rate(settings, nodes)
    if settings.packet_size is not None:
        nodes.put("packet_size", settings.packet_size, "GevSCPSPacketSize")
    return _in_force(settings, nodes)


def count_frames(nodes: Nodes, device_class: str) -> tuple[CounterRange, str | None]:
    """How the camera counts and which chunk carries the number (None: the block id).

    The chunk counts exposures, the block id what was sent, so the chunk also shows frames that the
    camera itself had to drop.
    """
    nodes.put_if_there(True, "ChunkModeActive")
    if "Framecounter" in nodes.choices("ChunkSelector"):
        nodes.put_if_there("Framecounter", "ChunkSelector")
        nodes.put_if_there(True, "ChunkEnable")
        return FRAME_COUNTER_CHUNK, "ChunkFramecounter"
    nodes.put_if_there(False, "ChunkModeActive")
    return (GIGE_BLOCK_ID if device_class == "BaslerGigE" else PLAIN), None


def _pixel_format(settings: CameraSettings, nodes: Nodes) -> None:
    wanted = settings.pixel_format
    if wanted is not None:
        old = _OLD_NAMES.get(wanted, wanted)
        nodes.put(
            "pixel_format", old if old in nodes.choices("PixelFormat") else wanted, "PixelFormat"
        )
        return
    current = _true_format(nodes)
    if current not in SUPPORTED_FORMATS:
        offered = [_NEW_NAMES.get(name, name) for name in nodes.choices("PixelFormat")]
        taken = (
            ", ".join(name for name in offered if name in SUPPORTED_FORMATS)
            or "none of its formats"
        )
        nodes.refuse(
            "pixel_format", "PixelFormat", current, f"the station takes {taken}; set pixel_format"
        )


def _play(playlist: Playlist, nodes: Nodes) -> None:
    nodes.put("images", "Off", "TestImageSelector")
    nodes.put("images", str(playlist.path), "ImageFilename")
    nodes.put("images", "On", "ImageFileMode")
    for name, wanted in zip(("SensorWidth", "SensorHeight"), playlist.size, strict=True):
        if wanted > nodes.read(name):
            nodes.put("images", wanted, name)


def _region(settings: CameraSettings, nodes: Nodes, whole: tuple[int, int] | None) -> None:
    """Offsets go to zero first: they bound the size, and the size bounds them."""
    nodes.put_if_there(0, "OffsetX")
    nodes.put_if_there(0, "OffsetY")
    if settings.roi is None:
        width, height = whole or (nodes.maximum("Width"), nodes.maximum("Height"))
        nodes.put("roi", width, "Width")
        nodes.put("roi", height, "Height")
        return
    x, y, width, height = settings.roi
    nodes.put("roi", width, "Width")
    nodes.put("roi", height, "Height")
    nodes.put("roi", x, "OffsetX")
    nodes.put("roi", y, "OffsetY")


def _trigger(settings: CameraSettings, nodes: Nodes) -> None:
    for selector in nodes.choices("TriggerSelector"):
        nodes.put("trigger", selector, "TriggerSelector")
        nodes.put_if_there("Off", "TriggerMode")
    if settings.trigger is Trigger.FREE:
        return
    nodes.put("trigger", "FrameStart", "TriggerSelector")
    if settings.trigger is Trigger.HARDWARE:
        nodes.put_if_there(settings.trigger_line, "LineSelector")
        nodes.put_if_there("Input", "LineMode")
        nodes.put("trigger_line", settings.trigger_line, "TriggerSource")
        nodes.put("trigger_edge", settings.trigger_edge, "TriggerActivation")
    else:
        nodes.put("trigger", "Software", "TriggerSource")
    nodes.put("trigger", "On", "TriggerMode")


def _exposure_and_gain(settings: CameraSettings, nodes: Nodes) -> None:
    if settings.exposure_us is not None:
        nodes.put_if_there("Off", "ExposureAuto")
        nodes.put_if_there("Timed", "ExposureMode")
        nodes.put("exposure_us", settings.exposure_us, "ExposureTime", "ExposureTimeAbs")
    if settings.gain_db is not None:
        nodes.put_if_there("Off", "GainAuto")
        nodes.put("gain_db", settings.gain_db, "Gain", "GainRaw")


def _rate(settings: CameraSettings, nodes: Nodes) -> None:
    """A limit of the camera's own would make it miss triggers, so only free run has one."""
    if settings.trigger is Trigger.FREE and settings.rate_hz is not None:
        nodes.put_if_there(True, "AcquisitionFrameRateEnable")
        nodes.put("rate_hz", settings.rate_hz, "AcquisitionFrameRate", "AcquisitionFrameRateAbs")
    else:
        nodes.put_if_there(False, "AcquisitionFrameRateEnable")


def _in_force(settings: CameraSettings, nodes: Nodes) -> AppliedSettings:
    exposure = _fixed(nodes, "ExposureAuto", "ExposureTime", "ExposureTimeAbs")
    gain = _fixed(nodes, "GainAuto", "Gain")
    said = [f"trigger {settings.trigger}"]
    if settings.trigger is Trigger.HARDWARE:
        said.append(f"{settings.trigger_line} {settings.trigger_edge}")
    said.append("exposure automatic" if exposure is None else f"exposure {exposure:g} us")
    if gain is not None:
        said.append(f"gain {gain:g} dB")
    elif (raw := _fixed(nodes, "GainAuto", "GainRaw")) is not None:
        said.append(f"gain {raw:g} raw")
    return AppliedSettings(
        pixel_format=_true_format(nodes),
        width=int(nodes.read("Width")),
        height=int(nodes.read("Height")),
        exposure_us=exposure,
        gain_db=gain,
        detail=", ".join(said),
    )


def _fixed(nodes: Nodes, automatic: str, *names: str) -> float | None:
    value = nodes.read(*names) if nodes.read(automatic) in (None, "Off") else None
    return None if value is None else float(value)


def _true_format(nodes: Nodes) -> str:
    name = str(nodes.read("PixelFormat"))
    return _NEW_NAMES.get(name, name)
