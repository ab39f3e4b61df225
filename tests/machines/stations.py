"""One station on two machines: `camera` captures, `judge` inspects, and the spool is shared."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from qc_edge.settings import StationPaths
from tests.machines.file_server import SHARED, FileServer
from tests.machines.machine import Machine
from tests.station.audit import Log, audit
from tests.station.harness import NAME, make_station, wait_for
from tests.station.twins import Plan

ROOT = "/data/station"
STATE = f"{ROOT}/var/lib/qc-edge/{NAME}"
SPOOL = f"{STATE}/spool"
RATE_HZ = 2.0
DEADLINE_MS = 5000.0
CAMERA = {"name": "top", "backend": "scripted", "silence_s": 3600.0}

# As systemd does: whatever ends is started again.
_KEEP_RUNNING = """
cd /source
export PYTHONPATH=/source:/opt/qc-edge OMP_NUM_THREADS=1
while [ ! -e {root}/is-over ]; do
    setpriv --reuid 990 --regid 990 --clear-groups python3 -m tests.station.runner {root} '{plan}' &
    echo $! >{root}/pid
    wait $!
    echo "$(date +%s) $?" >>{root}/ended
    sleep 0.5
done
"""

_TRUST = """
python3 -c '
import ctypes, struct
timex = struct.pack("I4xqqqqi", 0x10 | 0x4, 0, 0, 1000, 1000, {status})
ctypes.CDLL(None).adjtimex(timex + bytes(200))
'
"""


@dataclass
class Role:
    """A station's process of one role, on its machine, started again whenever it ends."""

    machine: Machine
    plan: Plan

    def start(self) -> None:
        """Start it; it may take until it is ready."""
        plan = json.dumps(asdict(self.plan))
        script = _KEEP_RUNNING.format(root=ROOT, plan=plan)
        self.machine.run(
            f"rm -f {ROOT}/is-over\ncat >/tmp/keep-running <<'END'\n{script}\nEND\n"
            f"setsid sh /tmp/keep-running </dev/null >>{ROOT}/said 2>&1 &"
        )

    def kill(self) -> None:
        """kill -9; it is started again."""
        self.machine.run(f"kill -9 $(cat {ROOT}/pid)")

    def stop(self) -> None:
        """End it in good order, or after 20 s in any."""
        self.machine.run(
            f"touch {ROOT}/is-over; kill $(cat {ROOT}/pid) 2>/dev/null\n"
            f"for i in $(seq 200); do kill -0 $(cat {ROOT}/pid) 2>/dev/null || exit 0; sleep 0.1; "
            f"done; kill -9 $(cat {ROOT}/pid)"
        )

    def status(self) -> dict[str, Any]:
        """The last status that it wrote; empty if there is none."""
        text = self.machine.run(f"cat {ROOT}/run/qc-edge/{NAME}/status.json 2>/dev/null || true")
        return dict(json.loads(text)) if text else {}

    def ended(self) -> list[str]:
        """Exit codes of those that ended, in order; 137 is kill -9."""
        text = self.machine.run(f"cat {ROOT}/ended 2>/dev/null || true")
        return [line.split()[1] for line in text.splitlines()]

    def said(self) -> str:
        """What it said, all of it."""
        return self.machine.run(f"cat {ROOT}/said")


class TwoMachines:
    """The station on both machines; `here` is where its files are made and brought back to."""

    def __init__(
        self,
        camera: Machine,
        judge: Machine,
        server: FileServer,
        here: Path,
        options: str,
        **sections: dict[str, Any],
    ) -> None:
        """Make the station's files on both machines, with the spool on the file server."""
        self.server, self.here = server, here
        self.capture = Role(
            camera, Plan(camera="99999f", rate_hz=RATE_HZ, grabbed=f"{ROOT}/grabbed")
        )
        self.inspect = Role(judge, Plan(announced=f"{ROOT}/told"))
        server.machine.run(f"rm -rf {SHARED}/*")
        for role, name in ((self.capture, "capture"), (self.inspect, "inspect")):
            tree = here / name
            station = {"roles": [name], "deadline_ms": DEADLINE_MS} | sections.get("station", {})
            paths = make_station(tree, CAMERA, due_in_days=30, **(sections | {"station": station}))
            assert paths.root == tree
            role.machine.run(f"umount -l {SPOOL} 2>/dev/null; rm -rf {ROOT}; mkdir -p {ROOT}")
            role.machine.put(tree, ROOT)
            self.mount(role.machine, options)

    def mount(self, machine: Machine, options: str) -> None:
        """The shared spool, or the served directory itself on the server's own machine."""
        if machine is self.server.machine:
            machine.run(f"mountpoint -q {SPOOL} || mount --bind {SHARED} {SPOOL}")
        else:
            self.server.mount(machine, SPOOL, options)

    def start(self) -> None:
        """Both roles, until the one inspects what the other captures."""
        self.inspect.start()
        self.wait_for(lambda: self.inspect.status().get("ready"), "inspection is ready")
        self.capture.start()
        self.wait_for(lambda: self.told() >= 3, "parts are told")

    def wait_for(self, condition: Callable[[], Any], what: str, timeout_s: float = 120.0) -> Any:
        """As `wait_for`, and what the roles said where it comes to nothing."""
        try:
            return wait_for(condition, what, timeout_s, every_s=0.5)
        except AssertionError as fault:
            said = "".join(f"\n--- {r.machine.name}\n{r.said()[-4000:]}" for r in self._roles)
            raise AssertionError(f"{fault}{said}") from None

    def told(self) -> int:
        """Parts that were announced so far."""
        text = self.inspect.machine.run(f"wc -l <{ROOT}/told 2>/dev/null || echo 0")
        return int(text.split()[-1])

    def exposed(self) -> int:
        """Frames that the camera exposed so far."""
        text = self.capture.machine.run(f"wc -l <{ROOT}/grabbed 2>/dev/null || echo 0")
        return int(text.split()[-1])

    def trust(self, machine: Machine, *, synchronised: bool) -> None:
        """Have the kernel call its clock synchronised, as chrony does, or not."""
        machine.run(_TRUST.format(status=0x1 if synchronised else 0x40))

    def finish(self, kills_of_capture: int = 0) -> tuple[Log, dict[str, Any]]:
        """Stop the camera, let the rest be inspected, stop, and hold the log against the camera."""
        self.capture.stop()
        exposed = self.exposed()

        def is_empty() -> bool:
            names = self.inspect.machine.run(f"ls {SPOOL}/frames").split()
            return not [name for name in names if not name.startswith(".nfs")]

        self.wait_for(is_empty, "all is inspected", 240)
        self.inspect.stop()
        copy = self.here / f"log-{time.monotonic_ns()}"
        self.inspect.machine.get(ROOT, copy, "./var/lib/qc-edge/*/spool")
        paths = StationPaths(copy, NAME)
        paths.frames.mkdir(parents=True)
        log = audit(paths, copy / "told")
        self.inspect.machine.run("true")
        rows, lost = len(log.inspections), log.lost
        figures = {
            "triggers": exposed,
            "rows": rows,
            "lost": lost,
            "accept": sum(row["disposition"] == "ACCEPT" for row in log.inspections),
            "holds": _counts(log.inspections, "hold_reason"),
            "gaps": _counts(log.gaps, "reason"),
            "ended": {"capture": self.capture.ended(), "inspect": self.inspect.ended()},
        }
        assert exposed - kills_of_capture <= rows + lost <= exposed, figures
        return log, figures

    @property
    def _roles(self) -> tuple[Role, Role]:
        return self.capture, self.inspect


def _counts(rows: Sequence[Mapping[str, Any]], column: str) -> dict[str, int]:
    counts: dict[str, int] = {}
    for row in rows:
        if row[column] is not None:
            counts[row[column]] = counts.get(row[column], 0) + row.get("lost", 1)
    return counts
