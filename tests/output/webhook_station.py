"""A webhook's thread beside a log, as a station has them."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from qc_edge.domain.frame import FrameId
from qc_edge.domain.verdict import Disposition
from qc_edge.output.handshake.judged import Note
from qc_edge.output.webhook.backlog import Backlog
from qc_edge.output.webhook.output import WebhookOutput
from qc_edge.service.clock import utc_now
from qc_edge.service.heartbeat import Heartbeat
from qc_edge.settings.outside.outputs.webhook import WebhookSettings
from qc_edge.store.log.ledger import Ledger
from tests.output.parts import told_part
from tests.store.rows import open_ledger


def settings(port: int, **more: Any) -> WebhookSettings:
    """Of a webhook to this machine."""
    given = {"name": "mes", "protocol": "webhook", "url": f"http://127.0.0.1:{port}/parts?of=1"}
    # Long: an answer that comes late on a busy machine is none, and the part is told twice.
    return WebhookSettings.model_validate({**given, "signed": False, "timeout_s": 20.0, **more})


@dataclass
class Station:
    """The log, and the webhook's thread beside it."""

    root: Path
    given: WebhookSettings
    ledger: Ledger
    notes: list[Note] = field(default_factory=list)
    stop: threading.Event = field(default_factory=threading.Event)
    perhaps_untold: Collection[FrameId] = ()

    def __post_init__(self) -> None:
        keep, file = timedelta(hours=self.given.give_up_h), self.root / "webhook-mes.json"
        self.backlog = Backlog(file, "line1", self.ledger, keep, self.perhaps_untold)
        self.output = WebhookOutput(self.given, "line1", self.backlog, self.notes.append)
        self._thread = threading.Thread(
            target=self.output.run, args=(Heartbeat("mes", 5.0), self.stop)
        )

    @property
    def is_started(self) -> bool:
        """Its thread was begun."""
        return self._thread.ident is not None

    def start(self) -> None:
        """Its thread."""
        self._thread.start()

    def tell(self, *numbers: int, announce: bool = True) -> None:
        """The inspector's call for each, once its row stands; or a kill between the two."""
        for number in numbers:
            told = told_part(number, Disposition.ACCEPT)
            self.ledger.append(told.inspections, utc_now())
            if announce:
                self.output.announce(told)

    def end(self) -> None:
        """As the station stops it."""
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive(), "no server holds the stop"

    def kinds(self) -> list[str]:
        """Of what is to be put on record."""
        return [str(note.kind) for note in self.notes]


@contextmanager
def station(
    root: Path,
    given: WebhookSettings,
    *,
    start: bool = True,
    perhaps_untold: Collection[FrameId] = (),
) -> Iterator[Station]:
    """One that runs."""
    ledger = open_ledger(root)
    made = Station(root, given, ledger, perhaps_untold=perhaps_untold)
    if start:
        made.start()
    try:
        yield made
    finally:
        if made.is_started:
            made.end()
        ledger.close()
