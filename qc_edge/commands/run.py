"""`qc-edge run`: the station in the foreground, as systemd starts it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root


def command(name: Name, root: Root = DEFAULT_ROOT) -> None:
    """Run a station in the foreground until SIGTERM or Ctrl-C.

    It finishes the frame in hand, leaves the rest in the spool and ends within 5 s. SIGHUP reads
    the settings again and applies what can change while it runs. Exit codes: 0 told to stop, 65
    model or calibration, 69 camera, 70 engine or a stuck worker, 74 disk or log, 75 already
    running, 78 settings.

    [dim]Examples:[/dim]
      [bold]qc-edge run line1[/bold]
      [bold]qc-edge run line1 --root demo[/bold]
    """
    from qc_edge.errors import QcEdgeError, WorkerStuckError
    from qc_edge.service.logs import LOG, start_logging
    from qc_edge.service.notify import report_fatal_error
    from qc_edge.service.priority import take_short_turns
    from qc_edge.station.daemon import Station
    from qc_edge.station.supervisor import Supervisor

    _leave_root(root.absolute(), name)
    # At first with the usual level: it is the settings that may be wrong.
    start_logging("info", name)
    take_short_turns()
    supervisor = Supervisor()
    # Before the station is made: loading a model may take minutes, and SIGTERM must end that too.
    supervisor.handle_signals()
    try:
        station = Station(root.absolute(), name)
        start_logging(station.settings.log.level, name)
        with files_refused():
            station.run(supervisor)
        if supervisor.stuck:
            end_at_once(0)
    except QcEdgeError as fault:
        is_reported = report_fatal_error(fault)
        if supervisor.stuck or isinstance(fault, WorkerStuckError):
            if not is_reported:
                LOG.critical("%s", fault)
            end_at_once(fault.exit_code)
        if not is_reported:
            raise
        raise SystemExit(fault.exit_code) from None


def _leave_root(root: Path, name: str) -> None:
    """As root: go on as the station's user, or refuse where there is one but the files are root's.

    The service could not go on with files that root has made.
    """
    import os

    from qc_edge.errors import UsageError
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths
    from qc_edge.setup.ownership import give_directory
    from qc_edge.setup.station_files import station_user

    paths = StationPaths(root, name)
    if os.geteuid() != 0 or not paths.state.is_dir():
        return
    owner = paths.state.stat()
    if owner.st_uid != 0:
        # Root's own /run is closed to the station's user; systemd makes this one for the service.
        give_directory(paths.run, owner.st_uid, owner.st_gid)
        act_as_owner(paths.state)
    elif root == DEFAULT_ROOT and station_user() is not None:
        raise UsageError(
            f"{paths.state} is root's, and the station's user could not go on with what root makes",
            hint=f"sudo qc-edge install --station {name}, then: sudo systemctl start "
            f"qc-edge@{name}",
        )


@contextmanager
def files_refused() -> Iterator[None]:
    """Turn what the system refuses about any file into a StoreError: no traceback, exit code 74."""
    from qc_edge.store.disk_errors import store_error

    try:
        yield
    except OSError as fault:
        # Without a file it is about something else, and a traceback says more.
        if fault.filename is None:
            raise
        raise store_error(fault, f"cannot use {fault.filename}") from fault


def end_at_once(code: int) -> None:
    """End the process: the interpreter's own end would wait for a stuck thread for ever."""
    import logging
    import os

    logging.shutdown()
    os._exit(code)
