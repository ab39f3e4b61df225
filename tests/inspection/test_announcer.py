"""The line first, whatever else there is to say of a part."""

from __future__ import annotations

from qc_edge.domain.parts.told import ToldPart
from qc_edge.domain.verdict import Disposition, HoldReason
from qc_edge.inspection.announcer import Announcer
from qc_edge.inspection.parts.part_row import decide
from qc_edge.inspection.statistics import Statistics
from qc_edge.station.meter import Meter
from qc_edge.store.log.startup_state import DayCounts
from tests.event_log import MemoryEventLog
from tests.inspection.test_assembler import AT, BY_TIME, Line, frame


class Told:
    """An output that knows how many events there were when it was told of a part."""

    def __init__(self, events: MemoryEventLog) -> None:
        self._events = events
        self.parts: list[tuple[Disposition, str, int]] = []

    def announce(self, told: ToldPart) -> None:
        self.parts.append((told.disposition, told.reason, len(self._events.occurrences)))

    def close(self) -> None: ...


def test_a_late_part_is_told_before_its_event_waits_for_the_disk() -> None:
    line = Line(BY_TIME)
    line.take(frame("above", 0), 10)
    line.take(frame("beside", 5), 15)
    (part,) = line.closed
    events = MemoryEventLog()
    output = Told(events)
    statistics = Statistics(Meter(["top"]), lambda _since, _until: DayCounts())
    announcer = Announcer([output], statistics, None, events)
    announcer.announce_part(decide(part, AT, part.first_ns, "line1", 1))
    assert output.parts == [(Disposition.HOLD, HoldReason.LATE, 0)]
    assert [str(each.kind) for each in events.occurrences] == ["late_announcement"]
