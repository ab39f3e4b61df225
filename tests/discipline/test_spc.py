"""Control charts: what they notice, what they leave alone, and which cause they name."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from typer.testing import CliRunner

from qc_edge.cli import app
from qc_edge.discipline.spc.charts import ChartRules, ControlCharts, Earlier, make_charts
from qc_edge.discipline.spc.drift import Cause, Drift, diagnose
from qc_edge.discipline.spc.examine import Watch, examine
from qc_edge.discipline.spc.rate_chart import RateCount, RateReference, rate_chart
from qc_edge.discipline.spc.risk import Risk
from qc_edge.discipline.spc.series import of_pictures
from qc_edge.discipline.spc.subjects import Subject
from qc_edge.discipline.spc.tables import spc_sheet
from qc_edge.domain.inspection import Inspection
from qc_edge.domain.station_calendar import UTC_CALENDAR, StationCalendar
from qc_edge.domain.verdict import Disposition
from qc_edge.query.control.counts import ControlPoint, Regime
from qc_edge.query.control.points import control_points
from qc_edge.query.published_log import PublishedLog
from qc_edge.query.source import EVERYTHING
from qc_edge.settings import StationPaths
from qc_edge.settings.discipline.spc import SpcSettings
from qc_edge.station.discipline.control_watch import ControlWatch
from tests.event_log import MemoryEventLog
from tests.publish.rows import event, inspection, log

BEGINS = datetime(2026, 11, 2, tzinfo=timezone.utc)
LENGTH = timedelta(minutes=30)
RULES = ChartRules(30, 50, 20, 1.0)
TOP = Regime("top", "bottle@1", "m", 0.5, "c")
N = 900


def point(number: int, random: Random, **moved: float) -> ControlPoint:
    """A point of a line at 1,800 parts an hour: 0.5 % FAIL, 0.2 % dull, unless moved."""
    failed = _draw(random, N, moved.get("fail", 0.005))
    dull = _draw(random, N, moved.get("dull", 0.002))
    figures = {
        "focus": random.gauss(moved.get("focus", 100.0), 1.0),
        "brightness": random.gauss(128, 0.5),
        "score": random.gauss(moved.get("score", 0.10), 0.004),
    }
    return ControlPoint(
        BEGINS + number * LENGTH,
        N + dull,
        N,
        failed,
        dull,
        {"low_focus": dull},
        {"scratch": failed},
        figures,
    )


def _draw(random: Random, of: int, share: float) -> int:
    return sum(random.random() < share for _ in range(of))


def charts_of(points: list[ControlPoint]) -> ControlCharts:
    return make_charts({TOP: points}, RULES)


def diagnosed(points: list[ControlPoint]) -> list[Drift]:
    now = points[-1].begins + LENGTH
    return diagnose(charts_of(points).alarms(), now - BEGINS, now)


@pytest.fixture(scope="module")
def calm() -> list[ControlPoint]:
    random = Random(5)
    return [point(number, random) for number in range(110)]


def test_a_line_that_does_not_change_gives_no_alarm(calm: list[ControlPoint]) -> None:
    assert charts_of(calm).alarms() == []


def test_a_lens_that_drifts_is_the_camera_though_more_parts_fail(calm: list[ControlPoint]) -> None:
    random = Random(6)
    drifting = [
        point(len(calm) + n, random, focus=100 - n, fail=0.005 + 0.001 * n, dull=0.002)
        for n in range(20)
    ]
    (found,) = diagnosed(calm + drifting)
    assert found.cause is Cause.CAMERA
    assert "focus 100" in found.short
    assert "lens, light" in found.words


def test_a_rise_of_one_class_with_steady_gates_is_the_process(calm: list[ControlPoint]) -> None:
    random = Random(7)
    more = [point(len(calm) + n, random, fail=0.015) for n in range(12)]
    (found,) = diagnosed(calm + more)
    assert found.cause is Cause.PROCESS
    assert "scratch" in found.short


def test_a_doubling_that_no_single_point_shows_is_found_by_the_sum(
    calm: list[ControlPoint],
) -> None:
    random = Random(8)
    doubled = [point(len(calm) + n, random, fail=0.010) for n in range(24)]
    alarms = charts_of(calm + doubled).alarms()
    assert {each.rule for each in alarms if each.key.subject is Subject.FAIL} == {"slow"}
    assert min(each.at for each in alarms) <= BEGINS + (len(calm) + 16) * LENGTH


def test_scores_of_accepted_parts_that_move_alone_are_said_to_move(
    calm: list[ControlPoint],
) -> None:
    random = Random(9)
    (found,) = diagnosed(calm + [point(len(calm) + n, random, score=0.13) for n in range(6)])
    assert found.cause is Cause.LOOK


def test_another_threshold_begins_another_reference(calm: list[ControlPoint]) -> None:
    other = replace(TOP, threshold=0.6)
    random = Random(10)
    new = [point(len(calm) + n, random, fail=0.05) for n in range(30)]
    charts = make_charts({TOP: calm, other: new}, RULES)
    assert charts.alarms() == []
    assert charts.learning == {other: 30}


def test_a_lens_that_slips_after_a_change_of_the_threshold_is_found(
    calm: list[ControlPoint],
) -> None:
    """Gates go by the picture: they need no new reference, and a threshold that was set back has
    the one of before.
    """
    random, length = Random(11), len(calm)
    other = [point(length + n, random) for n in range(6)]
    back = [point(length + 6 + n, random, focus=99 - n) for n in range(6)]
    charts = make_charts({TOP: [*calm, *back], replace(TOP, threshold=0.6): other}, RULES)
    assert {each.key.name for each in charts.alarms()} == {"focus"}
    assert min(each.at for each in charts.alarms()) <= BEGINS + (length + 10) * LENGTH
    fails = [chart for key, chart in charts.rates.items() if key.subject is Subject.FAIL]
    assert [len(each.points) for each in fails] == [length + 6]


def test_a_point_in_which_the_threshold_changed_counts_as_one_for_the_gates() -> None:
    half = [
        replace(point(0, Random(1)), frames=of, figures={"focus": f})
        for of, f in ((30, 90.0), (10, 98.0))
    ]
    ((merged,),) = of_pictures({TOP: half[:1], replace(TOP, threshold=0.6): half[1:]}).values()
    assert merged.frames == 40
    assert merged.figures == {"focus": 92.0}


def test_charts_that_go_on_say_what_the_whole_says(calm: list[ControlPoint]) -> None:
    """Also where a class comes that was never seen before, and where a point is read again."""
    random = Random(12)
    later = [point(len(calm) + n, random, focus=100 - n / 2, fail=0.012) for n in range(16)]
    later[9] = replace(later[9], classes={"scratch": 20, "dent": 9})
    points, charts = calm + later, charts_of(calm)
    for known in range(len(calm) + 1, len(points) + 1):
        earlier = Earlier(charts, points[known - 3].begins)
        late = replace(points[known - 1], failed=0) if known < len(points) else points[-1]
        charts = make_charts(
            {TOP: [*points[: known - 1], late]}, RULES, earlier, points[known - 30].begins
        )
    whole = charts_of(points)
    assert charts.alarms() == whole.alarms() and whole.alarms()
    assert charts.rates.keys() == whole.rates.keys()
    assert all(len(each.points) == 30 for each in charts.rates.values()), "the rest is left out"


def test_a_reference_without_a_single_fail_is_not_taken_for_a_rate_of_nothing() -> None:
    """Three FAILs of 900 say little against none of 2,000; a hundred do."""
    reference = RateReference.of_counts([RateCount(BEGINS, 0, 2000)])
    low, high = reference.limits(900, 1e-4)
    assert low == 0
    assert 3 <= high < 100


@pytest.mark.parametrize("share", [0.5, 0.9, 1.0])
def test_a_rate_that_was_high_from_the_beginning_is_no_alarm_and_its_limits_hold_it(
    share: float,
) -> None:
    failed = round(N * share)
    counts = [RateCount(BEGINS + number * LENGTH, failed, N) for number in range(80)]
    chart = rate_chart(counts, 50, Risk(1.0, 30, 40))
    assert not any(each.alarm for each in chart.points)
    low, high = chart.limits(chart.points[-1])
    assert low <= failed <= high


def test_a_high_rate_that_rises_is_found() -> None:
    shares = [0.6] * 50 + [0.75] * 4
    counts = [RateCount(BEGINS + n * LENGTH, round(N * each), N) for n, each in enumerate(shares)]
    assert any(each.alarm for each in rate_chart(counts, 50, Risk(1.0, 30, 40)).points)


# --- from a log ---

SETTINGS = SpcSettings(point_minutes=30, reference_points=20, fewest_frames=5, cooldown_hours=6)


def frames() -> list[Inspection]:
    """26 points of five frames each, dull from the 23rd on; one lot of two is worse."""
    rows = []
    for number in range(26):
        for frame in range(5):
            when = BEGINS + number * LENGTH + timedelta(minutes=4 * frame)
            focus = 100.0 + (frame - 2) + (number % 5) - (30.0 if number >= 22 else 0.0)
            rows.append(
                inspection(when, 0.1 + 0.01 * frame, focus=focus, lot="A" if number < 13 else "B")
            )
    return rows


NOW = BEGINS + 26 * LENGTH


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    paths = StationPaths(tmp_path_factory.mktemp("spc"), "line1")
    with log(paths.state, compared=NOW) as written:
        written.add(*frames())
        written.publisher.compare(NOW)
    paths.settings.parent.mkdir(parents=True, exist_ok=True)
    paths.settings.write_text(
        '[station]\nname = "line1"\n[spc]\nreference_points = 20\nfewest_frames = 5\n'
    )
    return paths


def test_the_running_station_says_an_alarm_as_an_event(
    paths: StationPaths,
) -> None:
    events = MemoryEventLog()
    watch = ControlWatch(paths, lambda: SETTINGS, events)
    for points in range(20, 24):
        watch.look(SETTINGS, BEGINS + points * LENGTH)
    assert [each.cause for each in watch.diagnoses] == [Cause.CAMERA]
    kinds = [each.kind.value for each in events.occurrences]
    assert set(kinds) == {"camera_drift"}
    assert "focus" in events.occurrences[0].detail


def test_what_the_log_says_already_is_not_said_again(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    said = replace(event(NOW - timedelta(hours=2), "camera_drift"), after="top")
    with log(paths.state, compared=NOW) as written:
        written.add(*frames(), said)
        written.publisher.compare(NOW)
    events = MemoryEventLog()
    watch = ControlWatch(paths, lambda: SETTINGS, events)
    watch.look(SETTINGS, NOW)
    assert watch.diagnoses
    assert events.occurrences == []


def test_what_was_read_bit_by_bit_is_what_the_whole_says(paths: StationPaths) -> None:
    watch = Watch(paths)
    for points in (10, 11, 20, 26):
        charts = watch.look(SETTINGS, BEGINS + points * LENGTH)
    whole = examine(paths, SETTINGS, BEGINS, NOW)
    assert charts.alarms() == whole.alarms
    assert whole.alarms
    assert [(each.lot.lot, each.lot.judged) for each in whole.lots] == [("A", 65), ("B", 65)]


def test_rows_that_are_published_after_their_point_was_read_are_counted(tmp_path: Path) -> None:
    paths, rows = StationPaths(tmp_path, "line1"), frames()
    watch = Watch(paths)
    with log(paths.state, compared=NOW) as written:
        written.add(*rows[:-1])
        written.publisher.compare(NOW)
        watch.look(SETTINGS, NOW)
        written.add(rows[-1])
        written.publisher.compare(NOW)
    seen = watch.look(SETTINGS, NOW + LENGTH)
    assert counted_fails(seen) == len(rows)


def counted_fails(charts: ControlCharts) -> int:
    (rate,) = [chart for key, chart in charts.rates.items() if key.subject is Subject.FAIL]
    return sum(each.counted.of for each in rate.points)


def test_rows_that_were_not_published_for_hours_are_counted(tmp_path: Path) -> None:
    """As on a full disk: the watch looks meanwhile, and finds nothing."""
    paths, rows = StationPaths(tmp_path, "line1"), frames()
    watch = Watch(paths)
    with log(paths.state, compared=NOW) as written:
        written.add(*rows[:-20])
        written.publisher.compare(NOW)
        for points in range(22, 30):
            watch.look(SETTINGS, BEGINS + points * LENGTH)
        written.add(*rows[-20:])
        written.publisher.compare(NOW)
    assert counted_fails(watch.look(SETTINGS, BEGINS + 30 * LENGTH)) == len(rows)


def test_a_clock_that_was_set_back_silences_no_chart(paths: StationPaths) -> None:
    watch = Watch(paths)
    watch.look(SETTINGS, NOW + timedelta(days=400))
    assert watch.is_due(SETTINGS, NOW)
    assert watch.look(SETTINGS, NOW).alarms() == examine(paths, SETTINGS, BEGINS, NOW).alarms
    assert not watch.is_due(SETTINGS, NOW - timedelta(seconds=5)), "clocks are slewed"


def test_parts_that_are_held_for_a_challenge_that_is_due_are_none_of_the_held(
    tmp_path: Path,
) -> None:
    paths = StationPaths(tmp_path, "line1")
    held = dict.fromkeys(["challenge_due", "learning", "no_part_id"], 7)
    with log(paths.state, compared=NOW) as written:
        for reason, count in held.items():
            for _ in range(count):
                row = inspection(BEGINS, hold_reason=reason)
                written.add(replace(row, disposition=Disposition.HOLD))
        written.publisher.compare(NOW)
    with PublishedLog(paths.published) as published:
        ((counted,),) = control_points(published.cursor(), EVERYTHING, LENGTH).values()
    assert (counted.frames, counted.held) == (21, 7)


def test_a_reference_that_is_to_begin_earlier_is_read_again(paths: StationPaths) -> None:
    watch = Watch(paths)
    short = SETTINGS.model_copy(update={"look_back_days": 0.25})
    assert not watch.look(short, NOW).rates
    assert watch.look(SETTINGS, NOW).rates


def test_a_report_of_a_longer_time_than_is_looked_back_has_all_of_it(paths: StationPaths) -> None:
    short = SETTINGS.model_copy(update={"look_back_days": 0.25})
    assert examine(paths, short, BEGINS, NOW).alarms == examine(paths, SETTINGS, BEGINS, NOW).alarms
    later = SETTINGS.model_copy(update={"reference_from": "2026-11-03"})
    assert not examine(paths, later, BEGINS, NOW).charts.rates


def test_a_fault_of_the_charts_is_logged_and_no_end_of_the_station(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    watch = ControlWatch(paths, lambda: SETTINGS, MemoryEventLog())
    monkeypatch.setattr(watch._watch, "look", lambda *_: 1 / 0)
    for _ in range(2):
        watch.look(SETTINGS, NOW)
    assert [each.message for each in caplog.records] == [
        "control charts: ZeroDivisionError('division by zero')"
    ]


def test_the_drawings_have_the_clock_of_the_station(paths: StationPaths) -> None:
    tokyo = StationCalendar(ZoneInfo("Asia/Tokyo"))
    html = spc_sheet(examine(paths, SETTINGS, BEGINS, NOW), tokyo).html()
    assert "11-02 09:00" in html and "11-02 00:00" not in html


def test_the_sheet_shows_the_alarm_and_its_charts(paths: StationPaths) -> None:
    html = spc_sheet(examine(paths, SETTINGS, BEGINS, NOW), UTC_CALENDAR).html()
    assert "camera drift of top" in html
    assert html.count("<svg") > 5
    assert html.count("<table") == html.count('<div class="scroll" tabindex="0"'), "on a phone"
    assert "Dashed: the mean of the reference" in html


def test_the_command_tells_it_as_json_and_draws_it(paths: StationPaths, tmp_path: Path) -> None:
    drawn = tmp_path / "charts.html"
    since = ("--since", BEGINS.isoformat()[:16])
    run = CliRunner().invoke(
        app, ["spc", "line1", "--root", str(paths.root), *since, "--json", "--output", str(drawn)]
    )
    assert run.exit_code == 0, run.output
    told = json.loads(run.output)
    assert [each["cause"] for each in told["diagnoses"]] == ["camera drift"]
    assert "camera drift" in drawn.read_text()


def test_a_time_without_frames_is_said_to_have_none(tmp_path: Path) -> None:
    paths = StationPaths(tmp_path, "line1")
    with log(paths.state, compared=NOW) as written:
        written.publisher.compare(NOW)
    report = examine(paths, SETTINGS, BEGINS, NOW)
    html = spc_sheet(report, UTC_CALENDAR).html()
    assert "nothing to chart" in html
    assert html.count("No alarm.") == 1
