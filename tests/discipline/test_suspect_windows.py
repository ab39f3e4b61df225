"""From when on, and up to when, parts are suspect: of each cause, by what the log has."""

from __future__ import annotations

import csv
import os
from dataclasses import replace
from datetime import datetime, timedelta
from errno import ENOSPC
from pathlib import Path

import pytest

from qc_edge.discipline.suspect.listing import SuspectList
from qc_edge.discipline.suspect.window import SuspectCause, SuspectWindow, window_of
from qc_edge.domain.challenges.rows import Challenge, ChallengeOutcome
from qc_edge.domain.events import Event
from qc_edge.domain.frame import FrameId
from qc_edge.domain.inspection import Part, Row
from qc_edge.domain.verdict import Disposition
from qc_edge.errors import StoreError, UsageError
from qc_edge.query.published_log import PublishedLog
from tests.publish.rows import at, event, inspection, log, new_id

JUST = timedelta(microseconds=1)
NOON = at("2026-11-22 12:00")


def o_clock(text: str) -> datetime:
    return at(f"2026-11-22 {text}")


def change(text: str, kind: str, before: str, after: str) -> Event:
    return replace(event(o_clock(text), kind), before=before, after=after, detail=after)


def challenge(text: str, outcome: ChallengeOutcome) -> Challenge:
    ended = o_clock(text)
    values = (new_id(ended, "challenge"), ended, "line1", "", "", ended, outcome, "", 1, 0, "{}")
    return Challenge(*values, "carla", None, None)


def found(
    directory: Path, cause: SuspectCause, *rows: Row, now: datetime = NOON
) -> tuple[SuspectWindow, list[str]]:
    """The window, and the parts in it."""
    with log(directory, compared=None) as written:
        for row in rows:
            written.add(row)
        written.publisher.compare(NOON)
    return asked(directory, cause, now)


def asked(
    directory: Path, cause: SuspectCause, now: datetime = NOON
) -> tuple[SuspectWindow, list[str]]:
    """The same of a log that is there."""
    with PublishedLog(directory / "published") as published:
        cursor = published.cursor()
        window = window_of(cursor, cause, now, None)
        rows = SuspectList(cursor, window).nearest(100)
    return window, sorted({row["part_id"] for row in rows})


SLIPPED = change("09:00", "threshold", "bundle@1:0.5", "a:0.8")
BACK = change("10:00", "threshold", "a:0.8", "b:0.5")


def test_a_threshold_that_is_in_force_is_suspect_until_now(tmp_path: Path) -> None:
    window, parts = found(
        tmp_path,
        SuspectCause.THRESHOLD,
        inspection(o_clock("08:59"), part_id="before"),
        SLIPPED,
        inspection(o_clock("11:00"), part_id="since"),
    )
    assert (window.since, window.until) == (o_clock("09:00"), NOON)
    assert parts == ["since"]


def test_a_threshold_that_was_set_back_is_suspect_while_it_was_in_force(tmp_path: Path) -> None:
    """And what was under way when it was set back."""
    late = o_clock("10:00:01")
    window, parts = found(
        tmp_path,
        SuspectCause.THRESHOLD,
        SLIPPED,
        inspection(o_clock("09:30"), part_id="wrong", threshold_id="a:0.8"),
        BACK,
        inspection(late, part_id="under way", threshold_id="a:0.8"),
        inspection(o_clock("10:30"), part_id="right", threshold_id="b:0.5"),
    )
    assert (window.since, window.until) == (o_clock("09:00"), late + JUST)
    assert parts == ["under way", "wrong"]
    assert "was taken back" in window.words


def test_a_threshold_that_was_replaced_by_a_third_one_is_asked_for_by_its_time(
    tmp_path: Path,
) -> None:
    third = change("10:00", "threshold", "a:0.8", "c:0.6")
    window, _ = found(tmp_path, SuspectCause.THRESHOLD, SLIPPED, third)
    assert window.since == o_clock("10:00")
    window, _ = asked(tmp_path, SuspectCause.THRESHOLD, now=o_clock("10:00"))
    assert (window.since, window.until) == (o_clock("09:00"), o_clock("10:00"))


def test_a_model_that_was_taken_back_is_suspect_while_it_judged(tmp_path: Path) -> None:
    window, parts = found(
        tmp_path,
        SuspectCause.MODEL,
        change("09:00", "model", "corner@1", "corner@2"),
        inspection(o_clock("09:30"), part_id="wrong", model_version="2"),
        change("10:00", "model", "corner@2", "corner@1"),
        inspection(o_clock("10:30"), part_id="right"),
    )
    assert (window.since, window.until) == (o_clock("09:00"), o_clock("10:00"))
    assert parts == ["wrong"]


def test_an_expired_calibration_is_suspect_though_another_has_come(tmp_path: Path) -> None:
    window, parts = found(
        tmp_path,
        SuspectCause.CALIBRATION,
        change("06:00", "calibration", "k0", "k1"),
        inspection(o_clock("08:00"), part_id="in date"),
        inspection(o_clock("09:00"), part_id="expired", calibration_in_date=False),
        change("10:00", "calibration", "k1", "k2"),
        inspection(o_clock("11:00"), part_id="again"),
    )
    assert (window.since, window.until) == (o_clock("09:00"), o_clock("10:00"))
    assert parts == ["expired"]


def test_a_calibration_that_is_wrong_is_suspect_since_it_came(tmp_path: Path) -> None:
    rows = (change("06:00", "calibration", "k0", "k1"), change("10:00", "calibration", "k1", "k2"))
    window, _ = found(tmp_path, SuspectCause.CALIBRATION, *rows)
    assert (window.since, window.until) == (o_clock("10:00"), NOON)


def clock(text: str, words: str, day: int = 22) -> Event:
    return replace(event(at(f"2026-11-{day} {text}"), "clock"), detail=words)


def test_what_a_clock_judged_that_stood_a_day_ahead_is_found_by_the_chain(tmp_path: Path) -> None:
    tomorrow = at("2026-11-23 09:40")
    window, parts = found(
        tmp_path,
        SuspectCause.CLOCK,
        inspection(o_clock("09:00"), part_id="before"),
        clock("09:30", "the wall clock was stepped by +86400.0 s", day=23),
        inspection(tomorrow, part_id="tomorrow"),
        clock("10:00", "the wall clock was stepped by -86400.0 s"),
        inspection(o_clock("10:10"), part_id="today"),
        now=o_clock("10:20"),
    )
    assert parts == ["today", "tomorrow"]
    assert window.until == tomorrow + JUST


def test_a_clock_that_was_wrong_since_the_start_is_suspect_since_then(tmp_path: Path) -> None:
    _, parts = found(
        tmp_path,
        SuspectCause.CLOCK,
        inspection(o_clock("05:00"), part_id="run before"),
        event(o_clock("06:00"), "started"),
        inspection(o_clock("07:00"), part_id="doubtful"),
        clock("08:00", "the wall clock is now synchronised"),
        inspection(o_clock("09:00"), part_id="since"),
    )
    assert parts == ["doubtful", "since"]


def test_a_clock_that_lost_its_source_is_suspect_since_then(tmp_path: Path) -> None:
    window, _ = found(
        tmp_path,
        SuspectCause.CLOCK,
        event(o_clock("06:00"), "started"),
        clock("08:00", "the wall clock is no longer synchronised"),
    )
    assert (window.since, window.until) == (o_clock("08:00"), NOON)


def test_a_lens_is_suspect_since_a_challenge_or_a_calibration_the_later_of_both(
    tmp_path: Path,
) -> None:
    calibrated = change("06:00", "calibration", "k0", "k1")
    passed = challenge("07:00", ChallengeOutcome.PASSED)
    window, _ = found(tmp_path / "challenge", SuspectCause.LENS, calibrated, passed)
    assert window.since == o_clock("07:00")
    again = change("08:00", "calibration", "k1", "k2")
    window, _ = found(tmp_path / "calibration", SuspectCause.LENS, calibrated, passed, again)
    assert window.since == o_clock("08:00")


def test_a_lens_is_suspect_since_its_own_camera_was_calibrated(tmp_path: Path) -> None:
    """What was calibrated of the other says nothing of it; a camera that is gone counts no more."""
    window, parts = found(
        tmp_path,
        SuspectCause.LENS,
        change("05:00", "calibration", "k", "20261122T050000Z-gone"),
        change("06:00", "calibration", "k", "20261122T060000Z-top"),
        inspection(o_clock("07:00"), part_id="P1", camera="top"),
        change("08:00", "calibration", "k", "20261122T080000Z-side"),
        inspection(o_clock("09:00"), part_id="P2", camera="top"),
        inspection(o_clock("09:00"), part_id="P2", camera="side"),
    )
    assert window.since == o_clock("06:00")
    assert parts == ["P1", "P2"]
    assert "other cameras were calibrated since" in window.words


@pytest.mark.parametrize("is_back", [False, True])
def test_what_a_clock_judged_that_was_set_back_behind_the_change_is_of_the_window(
    tmp_path: Path, is_back: bool
) -> None:
    """By the chain it came after the change; also where the threshold was taken back since."""
    back = change("05:30", "threshold", "a:0.8", "b:0.5")
    taken_back: list[Row] = [back, inspection(o_clock("05:40"), part_id="right")]
    window, parts = found(
        tmp_path,
        SuspectCause.THRESHOLD,
        inspection(o_clock("04:00"), part_id="before"),
        SLIPPED,
        inspection(o_clock("09:10"), part_id="P1", threshold_id="a:0.8"),
        clock("05:00", "the wall clock was stepped by -15000.0 s"),
        inspection(o_clock("05:10"), part_id="P2", threshold_id="a:0.8"),
        *(taken_back if is_back else []),
    )
    assert window.since == o_clock("05:10")
    assert {"P1", "P2"} <= set(parts) and "before" not in parts


def test_a_part_that_was_told_behind_the_edge_is_listed_as_it_was_told(tmp_path: Path) -> None:
    _, parts = found(
        tmp_path,
        SuspectCause.THRESHOLD,
        SLIPPED,
        inspection(o_clock("09:59:59"), part_id="P2", attempt_id="a2"),
        told("10:00:01"),
    )
    assert parts == ["P2"]
    with PublishedLog(tmp_path / "published") as published:
        window = SuspectWindow(o_clock("09:00"), o_clock("10:00"), "")
        assert SuspectList(published.cursor(), window).figures().told == {"REJECT": 1}


def told(text: str) -> Part:
    return Part(
        FrameId("a2"),
        o_clock(text),
        *("P2", "name", 1, None, "line1", None, o_clock("09:59:59"), "top", "top", None, "f"),
        *("any", Disposition.REJECT, "view_fails", "", 0.9, 1.0),
    )


def test_a_challenge_that_failed_is_asked_for_after_another_has_passed(tmp_path: Path) -> None:
    window, _ = found(
        tmp_path,
        SuspectCause.CHALLENGE,
        challenge("06:00", ChallengeOutcome.PASSED),
        challenge("09:00", ChallengeOutcome.FAILED),
        challenge("10:00", ChallengeOutcome.PASSED),
    )
    assert window.since == o_clock("10:00")
    assert "--to 2026-11-22T09:00:00" in window.words
    window, _ = asked(tmp_path, SuspectCause.CHALLENGE, now=o_clock("09:00"))
    assert (window.since, window.until) == (o_clock("06:00"), o_clock("09:00"))


def disk_full(_: int) -> None:
    raise OSError(ENOSPC, "No space left on device")


def test_the_list_is_written_hour_by_hour_with_what_was_told_of_the_whole_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = (
        SLIPPED,
        inspection(o_clock("09:30"), part_id="=1+1", lot="@L"),
        inspection(o_clock("09:59:59"), part_id="P2", attempt_id="a2"),
        told("10:00:01"),
        inspection(o_clock("11:20"), part_id="P3", captured_at=o_clock("11:10")),
        inspection(o_clock("11:19"), part_id="P4", captured_at=o_clock("11:15")),
        inspection(o_clock("11:30"), part_id="CH-R1", hold_reason="challenge"),
    )
    window, _ = found(tmp_path, SuspectCause.THRESHOLD, *rows)
    path, one_hour = tmp_path / "parts.csv", tmp_path / "parts.csv.part"
    with PublishedLog(tmp_path / "published", writable=[one_hour]) as published:
        listed = SuspectList(published.cursor(), window)
        with monkeypatch.context() as full, pytest.raises(StoreError):
            full.setattr(os, "fsync", disk_full)
            listed.write_csv(path, one_hour)
        assert not list(tmp_path.glob("parts.csv*")), "no list that lacks some of them"
        listed.write_csv(path, one_hour)
        figures = listed.figures()
    with path.open(newline="") as file:
        written = [(row["part_id"], row["lot"], row["told"]) for row in csv.DictReader(file)]
    assert written == [
        ("'=1+1", "'@L", "ACCEPT"),
        ("P2", "", "REJECT"),
        ("P3", "", "ACCEPT"),
        ("P4", "", "ACCEPT"),
    ]
    assert (figures.parts, figures.frames, figures.told) == (4, 4, {"ACCEPT": 3, "REJECT": 1})
    assert figures.lots == {"": 3, "@L": 1}
    assert not one_hour.exists()


def test_what_nothing_proves_and_nobody_changed_has_no_beginning(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="has no event threshold"):
        found(tmp_path, SuspectCause.THRESHOLD, event(o_clock("06:00")))
    for cause in SuspectCause:
        with pytest.raises(UsageError) as refused:
            asked(tmp_path, cause)
        assert "--from" in (refused.value.hint or "")
