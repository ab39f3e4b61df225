"""A Basler camera's settings, written to its nodes in the order in which cameras take them.

What the settings do not name stays as the camera's start-up user set has it. Node names: Basler's
product documentation (ace Classic, ace U/L, ace 2, boost); older names stand second.
"""

from __future__ import annotations

from dataclasses import dataclass

from qc_edge.camera.emulator import Playlist
from qc_edge.camera.frame_counter import FRAME_COUNTER_CHUNK, GIGE_BLOCK_ID, PLAIN, CounterRange
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
    """What the camera reports after it was configured; None where a value is automatic."""

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
    # The order is the cameras': the pixel format bounds the region, region and exposure bound the
    # frame rate, and a node that is bounded refuses what comes too early.
    nodes.set_if_available("Continuous", "AcquisitionMode")
    _pixel_format(settings, nodes)
    if playlist is not None:
        _play(playlist, nodes)
    set_region(settings, nodes, playlist.size if playlist else None)
    _trigger(settings, nodes)
    set_exposure_and_gain(settings, nodes)
    _rate(settings, nodes)
    if settings.packet_size is not None:
        nodes.set("packet_size", settings.packet_size, "GevSCPSPacketSize")
    return read_back(settings, nodes)


def count_frames(nodes: Nodes, device_class: str) -> tuple[CounterRange, str | None]:
    """How the camera counts and which chunk carries the number (None: the block id).

    The chunk counts exposures, the block id what was sent, so the chunk also shows frames that the
    camera itself had to drop.
    """
    nodes.set_if_available(True, "ChunkModeActive")
    if "Framecounter" in nodes.choices("ChunkSelector"):
        nodes.set_if_available("Framecounter", "ChunkSelector")
        nodes.set_if_available(True, "ChunkEnable")
        return FRAME_COUNTER_CHUNK, "ChunkFramecounter"
    nodes.set_if_available(False, "ChunkModeActive")
    return (GIGE_BLOCK_ID if device_class == "BaslerGigE" else PLAIN), None


def _pixel_format(settings: CameraSettings, nodes: Nodes) -> None:
    requested = settings.pixel_format
    if requested is not None:
        old = _OLD_NAMES.get(requested, requested)
        name = old if old in nodes.choices("PixelFormat") else requested
        nodes.set("pixel_format", name, "PixelFormat")
        return
    current = _current_format(nodes)
    if current not in SUPPORTED_FORMATS:
        offered = [_NEW_NAMES.get(name, name) for name in nodes.choices("PixelFormat")]
        supported = ", ".join(name for name in offered if name in SUPPORTED_FORMATS)
        why = f"the station takes {supported or 'none of its formats'}; set pixel_format"
        nodes.record_refusal("pixel_format", "PixelFormat", current, why)


def _play(playlist: Playlist, nodes: Nodes) -> None:
    nodes.set("images", "Off", "TestImageSelector")
    nodes.set("images", str(playlist.path), "ImageFilename")
    nodes.set("images", "On", "ImageFileMode")
    for name, pixels in zip(("SensorWidth", "SensorHeight"), playlist.size, strict=True):
        if pixels > nodes.read(name):
            nodes.set("images", pixels, name)


def set_region(settings: CameraSettings, nodes: Nodes, image_size: tuple[int, int] | None) -> None:
    """Set the region of `settings`, else the whole image (width, height) or the whole sensor."""
    # Offsets go to zero first: they bound the size, and the size bounds them.
    nodes.set_if_available(0, "OffsetX")
    nodes.set_if_available(0, "OffsetY")
    if settings.roi is None:
        width, height = image_size or (nodes.maximum("Width"), nodes.maximum("Height"))
        nodes.set("roi", width, "Width")
        nodes.set("roi", height, "Height")
        return
    x, y, width, height = settings.roi
    nodes.set("roi", width, "Width")
    nodes.set("roi", height, "Height")
    nodes.set("roi", x, "OffsetX")
    nodes.set("roi", y, "OffsetY")


def _trigger(settings: CameraSettings, nodes: Nodes) -> None:
    # The start-up user set may have another trigger on (AcquisitionStart, FrameBurstStart): then
    # FrameStart alone would never give a frame.
    for selector in nodes.choices("TriggerSelector"):
        nodes.set("trigger", selector, "TriggerSelector")
        nodes.set_if_available("Off", "TriggerMode")
    if settings.trigger is Trigger.FREE:
        return
    nodes.set("trigger", "FrameStart", "TriggerSelector")
    if settings.trigger is Trigger.HARDWARE:
        nodes.set_if_available(settings.trigger_line, "LineSelector")
        nodes.set_if_available("Input", "LineMode")
        nodes.set("trigger_line", settings.trigger_line, "TriggerSource")
        nodes.set("trigger_edge", settings.trigger_edge, "TriggerActivation")
    else:
        nodes.set("trigger", "Software", "TriggerSource")
    nodes.set("trigger", "On", "TriggerMode")


def set_exposure_and_gain(settings: CameraSettings, nodes: Nodes) -> None:
    """Set what the settings name, by hand from then on."""
    if settings.exposure_us is not None:
        nodes.set_if_available("Off", "ExposureAuto")
        nodes.set_if_available("Timed", "ExposureMode")
        nodes.set("exposure_us", settings.exposure_us, "ExposureTime", "ExposureTimeAbs")
    if settings.gain_db is not None:
        nodes.set_if_available("Off", "GainAuto")
        nodes.set("gain_db", settings.gain_db, "Gain", "GainRaw")


def _rate(settings: CameraSettings, nodes: Nodes) -> None:
    """A limit of the camera's own would make it miss triggers, so only free run has one."""
    if settings.trigger is Trigger.FREE and settings.rate_hz is not None:
        nodes.set_if_available(True, "AcquisitionFrameRateEnable")
        nodes.set("rate_hz", settings.rate_hz, "AcquisitionFrameRate", "AcquisitionFrameRateAbs")
    else:
        nodes.set_if_available(False, "AcquisitionFrameRateEnable")


def read_back(settings: CameraSettings, nodes: Nodes) -> AppliedSettings:
    """What is in force now."""
    exposure = _fixed_value(nodes, "ExposureAuto", "ExposureTime", "ExposureTimeAbs")
    gain = _fixed_value(nodes, "GainAuto", "Gain")
    details = [f"trigger {settings.trigger}"]
    if settings.trigger is Trigger.HARDWARE:
        details.append(f"{settings.trigger_line} {settings.trigger_edge}")
    details.append("exposure automatic" if exposure is None else f"exposure {exposure:g} us")
    if gain is not None:
        details.append(f"gain {gain:g} dB")
    elif (raw_gain := _fixed_value(nodes, "GainAuto", "GainRaw")) is not None:
        details.append(f"gain {raw_gain:g} raw")
    return AppliedSettings(
        pixel_format=_current_format(nodes),
        width=int(nodes.read("Width")),
        height=int(nodes.read("Height")),
        exposure_us=exposure,
        gain_db=gain,
        detail=", ".join(details),
    )


def _fixed_value(nodes: Nodes, automatic: str, *names: str) -> float | None:
    """The value of the first of `names`; None while the camera moves it by itself (`automatic`)."""
    value = nodes.read(*names) if nodes.read(automatic) in (None, "Off") else None
    return None if value is None else float(value)


def _current_format(nodes: Nodes) -> str:
    """The pixel format in force, by its name of today also on cameras with the older one."""
    name = str(nodes.read("PixelFormat"))
    return _NEW_NAMES.get(name, name)
