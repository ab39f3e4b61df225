"""From a station's words for its trouble to what a technician does about it. Knows words, looks
nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remedy:
    """A page of docs/technician.md: what is said contains `words`; first `fix`, then the page
    `heading`.
    """

    words: str
    fix: str
    heading: str


_INVALID = "Everything is INVALID"

PAGES = (
    Remedy(
        "silent for",
        "it restarts by itself; if it comes again: qc-edge doctor NAME, disk and GPU",
        "A worker is silent",
    ),
    Remedy(
        "building engine plan",
        "let it work: the model is compiled for this GPU, once",
        "It stays starting",
    ),
    Remedy(
        "HOLD: disk",
        "make room; it goes on by itself with 5 % more than the bound",
        "The disk is low or full",
    ),
    Remedy(
        "open, but no frame for",
        "is the trigger or the light off? is the line moving?",
        "A camera is silent",
    ),
    Remedy(
        "is lost",
        "power and cable of the camera; the station opens it again by itself",
        "A camera is missing or lost",
    ),
    Remedy(
        "camera ",
        "power, cable, serial number; sudo qc-edge check NAME",
        "A camera is missing or lost",
    ),
    Remedy("spool", "is it growing? then the model or the disk is too slow", "The spool grows"),
    Remedy("low_focus", "lens, distance, dirt, vibration", _INVALID),
    Remedy("too_bright", "light and exposure time", _INVALID),
    Remedy("too_dark", "light and exposure time; lens cap", _INVALID),
    Remedy("saturated", "exposure time, reflections", _INVALID),
    Remedy("black", "light, lens cap", _INVALID),
    Remedy("low_contrast", "light, dirt on the lens", _INVALID),
    Remedy("out_of_frame", "fixture and trigger position", _INVALID),
    Remedy(
        "starting", "wait; journalctl -fu qc-edge@NAME says what it waits for", "It stays starting"
    ),
    Remedy("stopped", "sudo systemctl start qc-edge@NAME", "It stays starting"),
)
"""The first one that fits counts: the narrower words stand before the wider."""


def fix_for(said: str, station: str) -> str:
    """What to do about `said`, and where to read on; never empty."""
    for page in PAGES:
        if page.words in said:
            return f"{page.fix.replace('NAME', station)} (technician.md: {page.heading})"
    return f"journalctl -u qc-edge@{station}"
