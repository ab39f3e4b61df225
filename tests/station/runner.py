"""A station in a process that may be killed: `python -m tests.station.runner ROOT PLAN`."""

from __future__ import annotations

import json
import sys
import threading
from pathlib import Path

from qc_edge.commands.run import end_at_once
from qc_edge.errors import QcEdgeError
from qc_edge.service.logs import start_logging
from qc_edge.station.daemon import Station
from qc_edge.station.supervisor import Supervisor
from tests.station.twins import Fault, Plan, dependencies


def main() -> None:
    """Run by plan; stop by itself after `until_rows` rows in the journal. The exit code is the
    fault's.
    """
    root, values = Path(sys.argv[1]), json.loads(sys.argv[2])
    values["faults"] = tuple(Fault(**fault) for fault in values["faults"])
    plan = Plan(**values)
    station = Station(root, "line1", dependencies(plan))
    start_logging("info", "line1")
    supervisor = Supervisor()
    supervisor.handle_signals()
    if plan.until_rows is not None:
        threading.Thread(
            target=_stop_after, args=(station, supervisor, plan.until_rows), daemon=True
        ).start()
    try:
        station.run(supervisor)
    except QcEdgeError as fault:
        sys.stderr.write(f"{fault}\n")
        sys.stderr.flush()
        end_at_once(fault.exit_code)
    if supervisor.stuck:
        end_at_once(0)  # as `qc-edge run` does: a thread that hangs would end in an abort


def _stop_after(station: Station, supervisor: Supervisor, rows: int) -> None:
    pause = threading.Event()
    while not pause.wait(0.02):
        found = sum(
            path.read_bytes().count(b'{"table":"inspections"')
            for path in station.paths.journal.glob("*")
        )
        if found >= rows and not any(station.paths.frames.iterdir()):
            supervisor.stop()
            return


if __name__ == "__main__":
    main()
