"""Calibrations asked for at the page: measured by the station, in force with an event, once."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from qc_edge.domain.calibration import Calibration, calibration_id
from qc_edge.errors import RecordError, UsageError
from qc_edge.query.journal_reader import newest_inspections
from qc_edge.recipe.calibrating import taking_up
from qc_edge.recipe.calibrating.good_frames import chosen_frames
from qc_edge.recipe.calibrating.proposal import CalibrationTerms, propose_calibration
from qc_edge.recipe.calibrating.taking_up import CalibrationTaker
from qc_edge.recipe.rulebook import RuleBook
from qc_edge.records import calibration_requests as requests
from qc_edge.records import calibrations
from qc_edge.records.calibration_requests import CalibrationRequest, figures_digest
from qc_edge.records.recipe_content import GateSettings, RecipeContent, RecipeView
from qc_edge.service.clock import utc_now
from qc_edge.settings import INCOMING, StationPaths, load_settings
from tests.event_log import MemoryEventLog
from tests.station.audit import read_log
from tests.station.harness import GOOD, drop, make_station, part, running
from tests.station.planted import plant

REGION = (0, 0, 80, 96)


def asked(paths: StationPaths, **changes: object) -> CalibrationRequest:
    """What somebody asks for after they have looked at the station's frames."""
    frames = [row.frame_id for row in newest_inspections(paths.journal)]
    terms = CalibrationTerms("anna", has_region=True, region=REGION)
    found = propose_calibration(paths, INCOMING, chosen_frames(paths, INCOMING, frames), terms)
    assert found.proposal.calibration is not None
    request = CalibrationRequest(
        INCOMING,
        "anna",
        "new lens",
        utc_now(),
        REGION,
        tuple(frames),
        expects=figures_digest(found.proposal.calibration),
    )
    return replace(request, **changes)  # type: ignore[arg-type]


def in_force(paths: StationPaths) -> Calibration:
    return calibrations.load_current(paths.calibration, INCOMING)


def test_what_is_asked_for_is_measured_again_and_in_force_with_who_and_why(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    with running(paths) as run:
        for number in range(5):
            drop(paths, f"{number}.png", part(GOOD, seed=number))
        run.wait_until_inspected(5)

        def settled(request: CalibrationRequest) -> str | None:
            name = requests.leave(paths.requests, request)
            assert name is not None
            shutil.copy(paths.requests / f"{name}.json", tmp_path / "again.json")
            run.wait_for(lambda: not requests.is_waiting(paths.requests, name), "it is taken up")
            return requests.why_refused(paths.set_aside, name)

        before = in_force(paths)
        wrong = settled(asked(paths, expects="0" * 64))
        assert wrong is not None
        assert "other bounds than were shown" in wrong
        few = settled(asked(paths, frames=asked(paths).frames[:2]))
        assert few is not None
        assert "at least 3" in few
        assert in_force(paths) == before

        assert settled(asked(paths)) is None
        record = in_force(paths)
        assert (record.made_by, record.why, record.roi) == ("anna", "new lens", REGION)
        assert not record.starting
        drop(paths, "next.png", part(GOOD, seed=9))
        run.wait_until_inspected(6)
        row = next(newest_inspections(paths.journal))
        assert row.calibration_id == record.calibration_id
        # As if the station had been killed before the request was gone.
        kept = paths.requests / "20260101T000000000000Z-00000000.json"
        shutil.copy(tmp_path / "again.json", kept)
        run.wait_for(lambda: not kept.exists(), "it is taken up")
        assert in_force(paths) == record
    events = read_log(paths).tables["events"]
    made = [each for each in events if each["kind"] == "calibration"]
    assert [(each["who"], each["why"]) for each in made] == [("anna", "new lens")]
    assert len([each for each in events if each["kind"] == "calibration_refused"]) == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"format": 2}, "not what a request holds"),
        ({"camera": "../top"}, "not what a request holds"),
        ({"bounds": {"focus_min": 0}}, "not what a request holds"),
        ({"why": ""}, "not what a request holds"),
        ({"roi": [0, 0, 5, 5]}, "at least 32 x 32"),
        ({"frames": []}, "either frames or"),
        ({"learning": 20}, "either frames or"),
        ({"asked_at": "2020-01-01T00:00:00+00:00"}, "a day ago at most"),
        ({"asked_at": "2999-01-01T00:00:00+00:00"}, "a day ago at most"),
    ],
)
def test_what_is_no_request_is_refused(
    tmp_path: Path, changes: dict[str, object], why: str
) -> None:
    request = CalibrationRequest("top", "anna", "lens", utc_now(), (0, 0, 64, 64), ("f",))
    name = requests.leave(tmp_path, request)
    assert name is not None
    assert requests.load(tmp_path, name) == request
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    with pytest.raises(RecordError, match=why):
        requests.check_date(requests.load(tmp_path, name), utc_now())


def test_a_request_of_another_time_zone_is_dated_in_utc(at_rest: AtRest) -> None:
    now = utc_now()
    at_rest.leave(frames=(), learning=5, asked_at=now.astimezone(timezone(timedelta(hours=14))))
    at_rest.taker.take_up()
    assert in_force(at_rest.paths).calibration_id == calibration_id(now, INCOMING)


def test_a_frame_of_a_year_that_is_none_is_refused_in_words(tmp_path: Path) -> None:
    for frame in ("99991231T235959999999Z-top", "a frame"):
        with pytest.raises(UsageError, match="is no frame"):
            chosen_frames(StationPaths(tmp_path, "one"), "top", [frame])


def test_frames_are_looked_for_no_further_back_than_they_were_exposed(tmp_path: Path) -> None:
    paths, beats = StationPaths(tmp_path, "one"), list[None]()
    paths.journal.mkdir(parents=True)
    (paths.journal / "2026-11-28T10.jsonl").write_bytes(b'1\t0\t{"frame_id":"x"}\n' * 3)
    (paths.journal / "2026-11-28T09.jsonl").mkdir()  # whoever reads it fails
    with pytest.raises(UsageError, match="there is no frame"):
        chosen_frames(paths, "top", ["20261128T100000000000Z-top"], lambda: beats.append(None))
    assert len(beats) == 3, "with each row: a long search is no silence"


class AtRest:
    """What takes up the requests of a station that has no engine and no frames."""

    def __init__(self, root: Path) -> None:
        self.paths = make_station(root)
        self.rulebook = SimpleNamespace(
            settings=load_settings(self.paths.settings),
            rules=SimpleNamespace(
                settings=load_settings(self.paths.settings), calibrations={}, recipe_in_force=None
            ),
            reload=lambda: None,
        )
        self.events = MemoryEventLog()
        self.taker = CalibrationTaker(self.paths, cast("RuleBook", self.rulebook), self.events)

    def leave(self, **changes: object) -> str:
        """Ask for a calibration; the name of the request."""
        request = CalibrationRequest(INCOMING, "anna", "lens", utc_now(), REGION, ("f",))
        name = requests.leave(self.paths.requests, replace(request, **changes))  # type: ignore[arg-type]
        assert name is not None
        return name

    def why_refused(self, name: str) -> str:
        """In words; "" where it was not."""
        return requests.why_refused(self.paths.set_aside, name) or ""


@pytest.fixture
def at_rest(tmp_path: Path) -> AtRest:
    return AtRest(tmp_path)


def test_a_request_that_meets_any_fault_is_refused_and_the_next_one_is_taken_up(
    at_rest: AtRest, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = [at_rest.leave(), at_rest.leave()]
    # As a library that meets what nobody has thought of: the fault of one request.
    monkeypatch.setattr(taking_up, "chosen_frames", lambda *_: 1 // 0)
    at_rest.taker.take_up()
    assert all("by zero" in at_rest.why_refused(name) for name in names)
    assert len(at_rest.events.occurrences) == 2


def test_bounds_that_a_view_or_a_recipe_would_overrule_are_refused(at_rest: AtRest) -> None:
    settings, rules = at_rest.rulebook.settings, at_rest.rulebook.rules
    view = RecipeView(name="top", camera=INCOMING, bundle="corner@1", roi=(0, 0, 40, 40))
    rules.settings = settings.model_copy(update={"view": (view.plain,)})
    name = at_rest.leave(frames=(), learning=5, roi=None)
    at_rest.taker.take_up()
    assert "view top names the region [0, 0, 40, 40]" in at_rest.why_refused(name)

    gated = view.model_copy(update={"gates": GateSettings(focus_min=3.0)})
    recipe = RecipeContent(number=1, product="lids", view=(gated,))
    rules.recipe_in_force = SimpleNamespace(content=recipe)
    name = at_rest.leave(frames=(), learning=5)
    at_rest.taker.take_up()
    assert "bounds of its own for view top" in at_rest.why_refused(name)
    assert in_force(at_rest.paths).made_by != "anna"

    rules.recipe_in_force = SimpleNamespace(content=recipe.model_copy(update={"view": (view,)}))
    at_rest.leave(frames=(), learning=5)
    at_rest.taker.take_up()
    assert in_force(at_rest.paths).roi == REGION


@pytest.mark.parametrize("fault", [RecordError("another record is damaged"), ValueError("odd")])
def test_what_is_written_and_not_in_force_yet_waits_and_is_not_called_refused(
    at_rest: AtRest, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    def refuse() -> None:
        raise fault

    at_rest.rulebook.reload = refuse
    name = at_rest.leave(frames=(), learning=5)
    at_rest.taker.take_up()
    written = in_force(at_rest.paths)
    assert (written.made_by, written.learning) == ("anna", 5)
    # Neither after days, nor where nobody may ask any more.
    monkeypatch.setattr(taking_up, "utc_now", lambda: utc_now() + timedelta(days=3))
    page = at_rest.rulebook.settings.page.model_copy(update={"calibrates": False})
    at_rest.rulebook.settings = at_rest.rulebook.settings.model_copy(update={"page": page})
    at_rest.taker.take_up()
    assert requests.is_waiting(at_rest.paths.requests, name)
    assert not at_rest.events.occurrences
    at_rest.rulebook.reload = lambda: None
    at_rest.taker.take_up()
    assert in_force(at_rest.paths) == written
    assert not requests.is_waiting(at_rest.paths.requests, name)
    assert not at_rest.why_refused(name)


def test_pipes_links_and_names_that_are_no_text_are_refused_as_requests(at_rest: AtRest) -> None:
    planted = plant(at_rest.paths.requests, ".json")
    at_rest.taker.take_up()
    assert not [*at_rest.paths.requests.iterdir()]
    told = at_rest.events.occurrences
    assert len(told) == len(planted)
    assert all(each.detail.encode() for each in told), "as a row has to be written"
    # In whose place among the refused another one lies: it is said once, and nothing waits for it.
    planted[2].write_bytes(b"{")
    at_rest.taker.take_up()
    at_rest.taker.take_up()
    assert len(told) == len(planted) + 1
