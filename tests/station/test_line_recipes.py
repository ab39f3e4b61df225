"""A line that asks for another recipe by its number."""

from __future__ import annotations

from pathlib import Path

from qc_edge.output.links.scripted import ScriptedLink
from tests.station.audit import read_log
from tests.station.harness import configure, make_station, running, write_bundle
from tests.station.test_changeover import by_version, write_recipe


def test_a_line_changes_over_among_approved_recipes_alone(tmp_path: Path) -> None:
    paths = make_station(tmp_path)
    write_bundle(paths.models / "corner/2")
    write_recipe(paths, "bottle", 7, "corner@2")
    write_recipe(paths, "jar", 8, "corner@2", approved=False)
    plc = {"name": "plc", "protocol": "scripted", "recipes": True}
    robot = {"name": "robot", "protocol": "scripted"}
    configure(paths, output=[plc, robot])
    with running(paths, by_version()) as run:
        line, other = ScriptedLink.made["plc"], ScriptedLink.made["robot"]
        line.write(recipe=7)
        run.wait_for(lambda: line.words.recipe == 7, "the recipe is in force")
        offered = [(each.number, each.reference, each.is_in_force) for each in line.recipes()]
        assert offered == [(7, "bottle@2", True)], "what a line may list"
        line.write(recipe=8)
        run.wait_for(lambda: line.words.recipe_refused == 8, "the other is not approved")
        other.write(recipe=7)
        assert other.words.recipe == 7, "both are told which is in force"
        other.write(recipe=9)
        run.wait_for(lambda: other.words.recipe_refused == 9, "this line may not ask")
        assert line.words.recipe == 7
    events = read_log(paths).tables["events"]
    asked = [(row["who"], row["kind"]) for row in events if row["kind"].startswith("recipe")]
    assert asked == [("plc", "recipe"), ("plc", "recipe_refused"), ("robot", "recipe_refused")]
