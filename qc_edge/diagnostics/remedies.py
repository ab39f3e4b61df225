"""What a technician does about a trouble, found by the words in which a station reports it.

Only texts are compared here; nothing is looked at.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Remedy:
    """What to do about troubles whose text contains `words`.

    `fix` is the first thing to try, NAME in it stands for the station; `heading` is the page of
    docs/technician.md to read on.
    """

    words: str
    fix: str
    heading: str


_INVALID = "Everything is INVALID"

REMEDIES = (
    Remedy(
        "challenge: ",
        "show the challenge parts that it names; qc-edge challenge NAME says how it stands",
        "A challenge is due",
    ),
    Remedy(
        "the file server of",
        "the network and the server: findmnt -T /var/lib/qc-edge/NAME/spool names it; it goes on "
        "by itself",
        "The file server is silent",
    ),
    Remedy(
        "upstream: ",
        "journalctl -u qc-edge-sync@NAME says why; the days wait and go up when it works again",
        "Nothing goes upstream",
    ),
    Remedy("PAST DUE:", "qc-edge due NAME; renew what is past", "Something is past its date"),
    Remedy("due: ", "qc-edge due NAME; renew it in time", "Something is past its date"),
    Remedy(
        "camera drift of",
        "qc-edge spc NAME; then lens, light and fixture: the page Aim shows them",
        "A control chart gives an alarm",
    ),
    Remedy(
        "process drift of", "qc-edge spc NAME; then the process", "A control chart gives an alarm"
    ),
    Remedy(
        "beyond what",
        "qc-edge model drift NAME names parts to label",
        "Parts are not those that the model was trained on",
    ),
    Remedy("scores moved of", "qc-edge spc NAME", "A control chart gives an alarm"),
    Remedy("more held of", "qc-edge spc NAME", "A control chart gives an alarm"),
    Remedy(
        "no answer for", "sudo systemctl restart qc-edge@NAME, if it lasts", "A worker is silent"
    ),
    Remedy(
        "what the log says was in force last",
        "sudo qc-edge check NAME names it: put it back, or set a new value on record",
        "The model or a record is refused",
    ),
    Remedy(
        "settings on disk are refused",
        "sudo qc-edge check NAME, mend what is red, then: sudo systemctl reload qc-edge@NAME",
        "The settings are refused",
    ),
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
        "read-only",
        "dmesg says why the disk takes no writes; mended, mount -o remount,rw: it goes on by "
        "itself",
        "The disk is read-only",
    ),
    Remedy(
        "inodes",
        "remove files that nobody needs, many small ones; it goes on by itself",
        "The disk is low or full",
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
        "cannot be taken",
        "sudo qc-edge check NAME names the file; it is tried again every 10 s",
        "A dropped file stays where it is",
    ),
    Remedy(
        "is held open by a writer",
        "fuser -v FILE shows the program; when it closes the file, the file is taken",
        "A dropped file stays where it is",
    ),
    Remedy(
        "cannot be listed",
        "is the directory there, its file server reachable? it goes on by itself",
        "A dropped file stays where it is",
    ),
    Remedy(
        "listed, not watched",
        "raise the limit that it names; it goes on by itself",
        "A dropped file stays where it is",
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
    Remedy(
        "behind the line",
        "slow the line or wait: it is ready by itself when a part is told in time; "
        "qc-edge doctor NAME says what brakes",
        "The station is behind the line",
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
"""The first one that fits counts, so narrower words stand before wider ones."""


def remedy_for(trouble: str) -> Remedy | None:
    """What to do about `trouble`; None if nothing is known about it."""
    return next((remedy for remedy in REMEDIES if remedy.words in trouble), None)


def fix_for(trouble: str, station: str) -> str:
    """What to do about `trouble`, and where to read on; never empty."""
    if remedy := remedy_for(trouble):
        return f"{remedy.fix.replace('NAME', station)} (technician.md: {remedy.heading})"
    return f"journalctl -u qc-edge@{station}"
