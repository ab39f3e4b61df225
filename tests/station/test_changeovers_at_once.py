"""A changeover beside other changes: a second one, a model that is activated; and its parts."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from qc_edge.bundles.bundle import Bundle
from qc_edge.errors import UsageError
from qc_edge.query.part_lookup import find_part
from qc_edge.recipe.changeover.request import (
    request_changeover,
    request_rollback,
    wait_for_changeover,
)
from qc_edge.settings import StationPaths
from tests.cli.runner import invoke
from tests.station.audit import audit
from tests.station.harness import NAME, WAIT_S, drop, make_station, part, running, write_bundle
from tests.station.test_activation import by_version, model
from tests.station.test_changeover import WHO, change_over, write_recipe


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station with three bundles, and two approved recipes of the second."""
    paths = make_station(tmp_path)
    for version in ("2", "3"):
        write_bundle(paths.models / "corner" / version)
    write_recipe(paths, "bottle", 7, "corner@2")
    write_recipe(paths, "jar", 8, "corner@2")
    return paths


class SlowLoad:
    """An engine of one version of the bundle that loads only when it may."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.loading, self.may_load = threading.Event(), threading.Event()

    def prove(self, bundle: Bundle) -> None:
        """Wait, if it is that version."""
        if bundle.version == self.version:
            self.loading.set()
            assert self.may_load.wait(WAIT_S)


def test_while_a_changeover_is_under_way_another_one_is_refused_and_the_first_comes_in_force(
    paths: StationPaths,
) -> None:
    slow = SlowLoad("2")
    with running(paths, by_version(slow.prove)) as run:
        first = request_changeover(paths, "bottle", "anna", "order")
        assert slow.loading.wait(WAIT_S)
        under_way = "a changeover to bottle@2 is under way, asked for by anna"
        for wanted in ("jar", "bottle", "station"):
            with pytest.raises(UsageError, match=under_way):
                request_changeover(paths, wanted, "ben", "next order")
        with pytest.raises(UsageError, match=under_way):
            request_rollback(paths, "ben", "wrong product")
        assert run.station.rulebook
        assert run.station.rulebook.rules.recipe is None
        slow.may_load.set()
        assert wait_for_changeover(paths, first, WAIT_S) == "in force"
        assert change_over(paths, "jar") == "in force"
    log = audit(paths)
    assert [event["after"] for event in log.events_of("recipe")] == ["bottle@2", "jar@2"]
    assert not log.events_of("recipe_refused")


@pytest.mark.parametrize("slow_version", ["2", "3"])
def test_a_recipe_and_a_model_that_are_changed_at_once_are_both_in_force_in_the_end(
    paths: StationPaths, slow_version: str
) -> None:
    """Whichever engine comes last: the recipe's views keep their bundle, the station's is new."""
    slow = SlowLoad(slow_version)

    def activate() -> None:
        model("activate", "corner@3", *WHO, paths=paths)

    with running(paths, by_version(slow.prove)) as run:
        activation = threading.Thread(target=activate)
        if slow_version == "3":
            activation.start()
            assert slow.loading.wait(WAIT_S)
            assert change_over(paths, "bottle") == "in force"
            slow.may_load.set()
        else:
            asked = request_changeover(paths, "bottle", "anna", "order")
            assert slow.loading.wait(WAIT_S)
            activation.start()
            run.wait_for_status(lambda status: status.model == "corner@3", "the model is in force")
            slow.may_load.set()
            assert wait_for_changeover(paths, asked, WAIT_S) == "in force"
        activation.join(WAIT_S)
        assert model("list", paths=paths)["in_force"] == "corner@3"
        drop(paths, "bottle.png", part(seed=1))
        run.wait_until_inspected(1)
        assert change_over(paths, "station") == "in force"
        drop(paths, "station.png", part(seed=2))
        run.wait_until_inspected(2)
    log = audit(paths)
    judged = [log.of("bottle.png"), log.of("station.png")]
    assert [row["recipe"] for row in judged] == ["bottle@2", None]
    assert [row["model_version"] for row in judged] == ["2", "3"]
    said = invoke("verify", NAME, "--root", paths.root)
    assert said.exit_code == 0, said.output


def test_the_story_of_a_part_has_the_changeover_to_its_recipe_however_long_ago(
    paths: StationPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(paths, by_version()) as run:
        assert change_over(paths, "bottle") == "in force"
        drop(paths, "bottle.png", part())
        run.wait_until_inspected(1)
    monkeypatch.setattr("qc_edge.query.part_lookup._AROUND", timedelta())
    (inspection,) = find_part(paths, audit(paths).of("bottle.png")["part_id"]).cases
    changes = {event.kind: event for event in inspection.changes}
    assert (changes["recipe"].after, changes["recipe"].who) == ("bottle@2", "anna")
