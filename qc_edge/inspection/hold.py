"""The hold of a full disk or a lost file server: nothing is judged, nothing is lost, and it ends by
itself.

See decisions 0009 and 0039.
"""

from __future__ import annotations

from qc_edge.errors import DiskFullError, FileServerError
from qc_edge.inspection.batch import Batch
from qc_edge.inspection.prefetch import Prefetcher
from qc_edge.inspection.retirement import Retirement
from qc_edge.inspection.stores import InspectionStores, Judging
from qc_edge.service.logs import LOG
from qc_edge.store.spooled_file import SpooledFile


class Hold:
    """Puts back what is in hand when the disk is full or the spool's file server does not answer,
    and takes it up again when there is room or it does.

    Used by the inspector's thread alone.
    """

    def __init__(
        self,
        stores: InspectionStores,
        judging: Judging,
        prefetcher: Prefetcher,
        retirement: Retirement,
    ) -> None:
        self._stores = stores
        self._judging = judging
        self._prefetcher = prefetcher
        self._retirement = retirement
        self._unfinished: list[SpooledFile] = []
        self._is_held = False
        self._waits_for_server = False

    def report(self, fault: DiskFullError | FileServerError) -> None:
        """A write found no space, or a server did not answer: log it, and let nothing be judged
        until that has changed.
        """
        LOG.error("holding: %s", fault)
        if isinstance(fault, FileServerError):
            self._waits_for_server = True
        else:
            self._stores.disk_monitor.report_full(fault)

    def begin(self, batch: Batch, fault: DiskFullError | FileServerError) -> None:
        """Put back the batch and what is prefetched: what has no row stays in the spool,
        unannounced, and is next when there is room again.
        """
        self.report(fault)
        self._judging.evidence.abandon()
        self._judging.repeats.discard()
        self._judging.parts.discard()
        self._judging.part_numbers.take_back(batch.scored)
        self._unfinished = [*batch.files(), *self._prefetcher.give_up()]
        self._is_held = True

    def resume(self) -> bool:
        """After a hold, repair the log and take up what was in hand; False if there is no room, or
        no answer.

        True at once if nothing is held.
        """
        if self._waits_for_server:
            if not self._stores.spool.server.answers():
                return False
            self._waits_for_server = False
            LOG.info("the file server of the spool answers again: the station goes on")
        if not self._is_held:
            return True
        try:
            self._stores.ledger.reopen()
            # The append may have reached the disk although it failed: that counts for parts, too.
            self._judging.parts.recover()
        except DiskFullError as fault:
            self._stores.disk_monitor.report_full(fault)
            return False
        # Those frames have their rows.
        self._retirement.look_up(self._unfinished)
        self._stores.arrivals.give_back(self._unfinished)
        self._unfinished, self._is_held = [], False
        LOG.info("what was held is taken up again")
        return True
