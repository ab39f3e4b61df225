"""Applies what is staged, proves it, and goes back if it is not good: says why, and where."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from qc_edge.domain.events import EventKind, Occurrence
from qc_edge.errors import QcEdgeError, UpdateError
from qc_edge.records import notices
from qc_edge.service.owner import acting_as_owner
from qc_edge.settings import StationPaths
from qc_edge.setup.update import box_state
from qc_edge.setup.update.box_state import AppliedUpdate
from qc_edge.setup.update.boxes import UpdatableBox
from qc_edge.setup.update.staging import StagedUpdate, discard


def apply(
    root: Path,
    box: UpdatableBox,
    staged: StagedUpdate,
    stations: Sequence[str],
    say: Callable[[str], object],
) -> AppliedUpdate:
    """Install `staged` on the box; `stations` are those that run and must run again.

    Where they do not, the version before comes back, and screen, journal and log say why. Raises
    UpdateError if nothing could be installed at all.
    """
    applied = _begin(root, box.running(), staged.manifest.version)
    try:
        box.install(staged)
    except UpdateError as fault:
        fell_back(root, applied, fault.message, say)
        raise
    if box.proves_later():
        say(f"version {applied.version} is tried at the next boot: sudo systemctl reboot")
        return applied
    if faults := box.faults(stations):
        why = "; ".join(f"{name}: {words}" for name, words in sorted(faults.items()))
        say(f"version {applied.version} is not good: {why}")
        try:
            box.go_back()
        except QcEdgeError as fault:
            why += f"; and it could not go back: {fault.message}"
            say(f"the box stays in {applied.version}: {fault.message}")
            return box_state.end(root, applied, why, went_back=False)
        return fell_back(root, applied, why, say)
    say(f"version {applied.version} is good")
    return _proven(root, applied)


def _begin(root: Path, running: str, version: str) -> AppliedUpdate:
    """What was cut off, by a power cut say, is taken up again. Raises UpdateError if it runs."""
    last = box_state.read_applied(root)
    if last is not None and (last.outcome, last.version) == ("trying", version):
        return box_state.begin(root, version, last.before)
    if running == version:
        raise UpdateError(f"version {running} runs already", hint="nothing was changed")
    return box_state.begin(root, version, running)


def take_back(root: Path, box: UpdatableBox) -> str:
    """Take the version before again because a person says so; which one that is.

    Raises UsageError or UpdateError if there is none.
    """
    version = box.go_back()
    applied = box_state.read_applied(root)
    if applied is not None and applied.outcome == "trying":
        # Else the next boot would say that it had not come up.
        box_state.end(root, applied, "a person took it back before it had proven itself")
    return version


def after_boot(
    root: Path, running: str, faults: dict[str, str], say: Callable[[str], object]
) -> bool:
    """What a boot has shown of the version that was being tried; False if it is not good.

    `running` is the version that came up, `faults` what is wrong with its stations.
    """
    applied = box_state.read_applied(root)
    if applied is None or applied.outcome != "trying":
        return not faults
    if running != applied.version:
        why = applied.why or "it did not come up: look at its boots with journalctl --list-boots"
        fell_back(root, applied, why, say)
        return not faults
    if faults:
        why = "; ".join(f"{name}: {words}" for name, words in sorted(faults.items()))
        # Kept at each try: the version before tells it once the boot loader has gone back.
        box_state.keep_applied(root, _because(applied, why))
        say(f"version {running} is not good: {why}; the box boots again")
        return False
    _proven(root, applied)
    say(f"version {running} is good")
    return True


def _proven(root: Path, applied: AppliedUpdate) -> AppliedUpdate:
    ended = box_state.end(root, applied)
    discard(root, applied.version)
    return ended


def fell_back(
    root: Path, applied: AppliedUpdate, why: str, say: Callable[[str], object]
) -> AppliedUpdate:
    """Say that the box runs the version before: to whoever looks, and to each station's log."""
    say(f"fell back from {applied.version} to {applied.before}: {why}")
    for settings in sorted((root / "etc/qc-edge").glob("*.toml")):
        paths = StationPaths(root, settings.stem)
        occurrence = Occurrence(
            EventKind.SOFTWARE_FELL_BACK, why, applied.version, applied.before, "update"
        )
        # A station that cannot be told is one more reason to go back, not one to stop here.
        with suppress(QcEdgeError, OSError), acting_as_owner(paths.state):
            if paths.state.is_dir():
                notices.leave(paths.notices, occurrence)
    return box_state.end(root, applied, why)


def _because(applied: AppliedUpdate, why: str) -> AppliedUpdate:
    return AppliedUpdate(applied.version, applied.before, applied.at, applied.outcome, why)
