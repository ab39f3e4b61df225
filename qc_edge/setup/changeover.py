"""`python -m qc_edge.setup.changeover`: the stations of a box go over to the version in use.

Run by the package after an upgrade, and by `qc-edge rollback`. Says of each station how it is, and
never waits long: a station that takes its time is named. A station whose settings or records the
version would refuse is not restarted and goes on in its own; one that does not run is left so.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from qc_edge.settings import StationPaths
from qc_edge.setup.software import TOP, Software
from qc_edge.store.durable import write_file

SETTLED_S = 30.0
"""Longest that a changeover waits for all stations: one stops within 5 s and starts in three or
four, and a model that must be compiled anew takes minutes.
"""

_LOOK_S = 0.2
_STEADY_S = 1.0
"""A station that dies does so in its first moments; it is looked at again after this."""

_CAMERAS_S = 4.0
"""So much longer for cameras that are being opened: what is NOT READY then has a reason."""

_PREFLIGHT_S = 20.0
_DIED = "died"
"""A file beside the versions: the stations that the last changeover has killed."""

_NOT_TAKEN = (65, 78)
"""Exit codes of a start that would be refused."""

_PROPERTIES = "Id,ActiveState,SubState,ExecMainStatus,MainPID,StatusText,Job"


@dataclass(frozen=True, slots=True)
class Unit:
    """What systemd says of a station: its process (0 for none) and whether a job is under way."""

    name: str
    state: str
    substate: str
    exit_code: str
    pid: int
    words: str
    has_job: bool

    @property
    def runs(self) -> bool:
        """It is active, or about to be."""
        return self.state in {"active", "activating", "reloading"} and not self.fails

    @property
    def is_well(self) -> bool:
        """It says that it is ready."""
        return self.words.startswith("READY")

    @property
    def fails(self) -> bool:
        """It has ended on a fault; systemd may be about to start it again."""
        return self.state == "failed" or self.substate == "auto-restart"


def change_over(software: Software, say: Callable[[str], object]) -> bool:
    """Restart what runs and say how each station is; False if one that ran does not run any more.

    `software` is the version in use, which the units start.
    """
    begun, before, died = time.monotonic(), units(), software.directory.parent / _DIED
    # What the changeover before this one has killed runs again, in the version that it ran in.
    killed = set(died.read_text(encoding="utf-8").split()) if died.exists() else set()
    names = [name for name, unit in before.items() if unit.runs or (unit.fails and name in killed)]
    refused = _refusals(software, names)
    restarted = {name: before[name].pid for name in names if name not in refused}
    _systemctl("try-restart", "--no-block", "qc-edge-clock.service")
    if restarted:
        _systemctl("restart", "--no-block", *(f"qc-edge@{name}.service" for name in restarted))
    after = _wait_until_settled(restarted)
    dead = [name for name in restarted if not after[name].runs]
    write_file(died, "\n".join(dead).encode())
    for name, unit in sorted(before.items()):
        if name in restarted:
            say(f"{name}: {_condition(after[name])}")
        elif name not in refused:
            say(f"{name}: did not run ({unit.state}), left so")
        else:
            left = "runs on in the version before" if unit.runs else "it did not run"
            mend = f"mend it, then: systemctl restart qc-edge@{name}"
            say(f"{name}: NOT RESTARTED, {left}: {refused[name]} · {mend}")
    if restarted:
        say(f"{len(restarted)} restarted in {time.monotonic() - begun:.0f} s")
    return not dead


def units() -> dict[str, Unit]:
    """The stations that systemd knows, by name: those that run, and those that failed."""
    said = _systemctl("show", "qc-edge@*.service", f"--property={_PROPERTIES}")
    found = {}
    for block in said.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if (identity := values.get("Id", "")).startswith("qc-edge@"):
            name = identity.removeprefix("qc-edge@").removesuffix(".service")
            found[name] = _unit(name, values)
    return found


def _unit(name: str, values: Mapping[str, str]) -> Unit:
    return Unit(
        name,
        values.get("ActiveState", ""),
        values.get("SubState", ""),
        values.get("ExecMainStatus", "0"),
        int(values.get("MainPID") or 0),
        values.get("StatusText", ""),
        values.get("Job", "0") not in {"", "0"},
    )


def _refusals(software: Software, names: Sequence[str]) -> dict[str, str]:
    """Which of the stations `software` would not start, and why."""
    with ThreadPoolExecutor() as pool:
        asked = dict(zip(names, pool.map(partial(_refusal, software), names), strict=True))
    return {name: why for name, why in asked.items() if why}


def _refusal(software: Software, name: str) -> str:
    """Why `software` would not start with what the station has on the disk; empty if it would."""
    state = StationPaths(Path("/"), name).state
    if not (software.can_look_ahead and state.is_dir()):
        return ""
    owner = state.stat()
    try:
        ran = subprocess.run(
            [software.python, "-I", "-m", "qc_edge.setup.preflight", name],
            user=owner.st_uid,
            group=owner.st_gid,
            extra_groups=[],
            cwd="/",
            capture_output=True,
            text=True,
            timeout=_PREFLIGHT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""  # the restart will tell
    return ran.stdout.strip() if ran.returncode in _NOT_TAKEN else ""


def _wait_until_settled(pids: Mapping[str, int]) -> dict[str, Unit]:
    """The stations, by name, once each runs anew or has failed, or the time is over.

    `pids`: their processes before the restart.
    """
    pause, end = threading.Event(), time.monotonic() + SETTLED_S
    while pids and time.monotonic() < end:
        now = units()
        if all(_is_settled(now.get(name), pid) for name, pid in pids.items()):
            # Dead in its first moments, or without its camera until that is opened.
            pause.wait(_STEADY_S)
            end = min(end, time.monotonic() + _CAMERAS_S)
            while time.monotonic() < end and not _are_well(pids):
                pause.wait(_LOOK_S)
            break
        pause.wait(_LOOK_S)
    now = units()
    gone = Unit("", "inactive", "dead", "0", 0, "", has_job=False)
    return {name: now.get(name, gone) for name in pids}


def _are_well(names: Iterable[str]) -> bool:
    now = units()
    return all(name in now and now[name].is_well for name in names)


def _is_settled(unit: Unit | None, pid_before: int) -> bool:
    if unit is None or unit.fails:
        return True
    return not unit.has_job and unit.state == "active" and unit.pid != pid_before


def _condition(unit: Unit) -> str:
    if unit.fails or not unit.runs:
        return f"DEAD, exit code {unit.exit_code}: {unit.words}"
    if unit.state != "active":
        return f"still starting: {unit.words}"
    return unit.words if unit.is_well else f"runs, NOT READY: {unit.words}"


def _systemctl(*arguments: str) -> str:
    return subprocess.run(
        ["systemctl", *arguments], capture_output=True, text=True, check=False
    ).stdout


def main(arguments: Sequence[str]) -> int:
    """For the package: 0 if all is well or as it was, 1 if a station that ran is dead."""
    top = Path(arguments[0]) if arguments else TOP
    software = Software((top / "current").resolve())
    if change_over(software, lambda words: sys.stdout.write(f"qc-edge: {words}\n")):
        return 0
    sys.stdout.write(
        "qc-edge: a station that ran does not run any more; the version before comes back with: "
        "sudo qc-edge rollback\n"
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
