"""What systemd says of a station's service."""

from __future__ import annotations

from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, fault, ok, warning
from qc_edge.diagnostics.host import Host

_PROPERTIES = "LoadState,ActiveState,SubState,Result,NRestarts,ExecMainStatus,UnitFileState"
_NOT_RESTARTED = {
    "65": "model or calibration",
    "66": "no such station",
    "77": "rights",
    "78": "settings",
}
"""Exit codes after which the unit stays down (RestartPreventExitStatus): a person must act."""

_STARTS_AT_BOOT = {"enabled", "enabled-runtime", "static", "linked"}


def check_unit(host: Host, name: str) -> Iterator[Finding]:
    """Whether the unit of station `name` is there, is active, and starts with the box."""
    answer = host.ask("systemctl", "show", f"qc-edge@{name}", f"--property={_PROPERTIES}")
    if not answer:
        yield ok("systemd does not run here")
        return
    unit = dict(line.split("=", 1) for line in answer.splitlines() if "=" in line)
    # `systemctl show` answers for a unit that does not exist, too, and exits with 0.
    if unit.get("LoadState") != "loaded":
        yield warning(
            f"there is no unit for qc-edge@{name}", f"sudo qc-edge install --station {name}"
        )
        return
    state = f"qc-edge@{name} is {unit.get('ActiveState')} ({unit.get('SubState')})"
    if unit.get("ActiveState") == "failed":
        yield fault(
            f"{state}, {_reason(unit.get('ExecMainStatus', '0'))}",
            f"mend what is red here, then: sudo systemctl restart qc-edge@{name}",
        )
        return
    if unit.get("ActiveState") != "active":
        yield warning(state, f"sudo systemctl start qc-edge@{name}")
    elif (restarts := int(unit.get("NRestarts", "0") or 0)) > 0:
        yield warning(
            f"{state}, restarted {restarts} times", f"why: journalctl -u qc-edge@{name} -p err"
        )
    else:
        yield ok(state)
    if unit.get("UnitFileState") not in _STARTS_AT_BOOT:
        yield warning(
            f"it does not start with the box ({unit.get('UnitFileState')})",
            f"sudo systemctl enable qc-edge@{name}",
        )


def _reason(exit_code: str) -> str:
    if exit_code in _NOT_RESTARTED:
        return f"exit code {exit_code}: {_NOT_RESTARTED[exit_code]}, not tried again"
    return f"exit code {exit_code}"
