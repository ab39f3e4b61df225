"""The spool at the start: made where it is missing, waited for where its file server is silent."""

from __future__ import annotations

import threading

from qc_edge.errors import FileServerError, StoreError
from qc_edge.service.logs import LOG
from qc_edge.service.worker_pool import WorkerPool
from qc_edge.settings import StationPaths
from qc_edge.station.dependencies import Dependencies
from qc_edge.station.reporter import Reporter
from qc_edge.station.supervisor import Supervisor
from qc_edge.store.directories import make_directories
from qc_edge.store.spool import Spool

_AGAIN_S = 1.0


def open_spool(
    dependencies: Dependencies,
    paths: StationPaths,
    workers: WorkerPool,
    supervisor: Supervisor,
    reporter: Reporter,
) -> Spool | None:
    """The spool, its directories made; while its file server does not answer, wait and say so.

    None if the station is told to stop meanwhile. Raises StoreError.
    """
    server = dependencies.serve_spool(paths.spool)
    spool = Spool(paths, dependencies.disk, server)
    reporter.file_server = server
    workers.heartbeats.excuses = server.excuses
    if not server.is_remote:
        make_directories(paths.spool_directories())
        return spool
    while not _is_made(spool, paths, supervisor):
        reporter.waits_for_spool = True
        LOG.error("holding: %s", server.trouble)
        if supervisor.pause(_AGAIN_S):
            return None
    reporter.waits_for_spool = False
    workers.start("file-server", dependencies.patience_s, server.run)
    return spool


def _is_made(spool: Spool, paths: StationPaths, supervisor: Supervisor) -> bool:
    """Asked on a thread of its own: over a hard mount the answer may take hours."""
    faults: list[StoreError] = []

    def ask() -> None:
        try:
            with spool.server.call():
                make_directories(paths.spool_directories())
        except StoreError as fault:
            faults.append(fault)

    thread = threading.Thread(target=ask, name="spool", daemon=True)
    thread.start()
    thread.join(_AGAIN_S)
    while thread.is_alive():
        if supervisor.pause(_AGAIN_S):
            return False
    if faults and not isinstance(faults[0], FileServerError):
        raise faults[0]
    return not faults
