"""The dashboard, the alerts and the page name the metrics that there are, and no others."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from qc_edge.station.metrics import AGES
from tests.metrics.scraping import get
from tests.quality.tools import REPOSITORY
from tests.station.harness import drop, make_station, part, running
from tests.station.twins import Plan, dependencies

DOCS = REPOSITORY / "docs"
ALERTS, BEHAVIOUR = DOCS / "alerts.yml", Path(__file__).with_name("alerts_test.yml")
NAME = re.compile(r"\b(qc_edge_[a-z_]+|process_[a-z_]+)\b")
SUFFIX = re.compile(r"_(bucket|count|sum)$")


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names that a running station serves, and those that only a later one gives."""
    root = tmp_path_factory.mktemp("m")
    camera = {"name": "top", "backend": "scripted", "trigger": "hardware"}
    outputs = [{"name": "plc", "protocol": "scripted"}]
    shadow = {"bundle": "corner@1"}
    paths = make_station(root, camera, metrics={"listen": "unix"}, shadow=shadow, output=outputs)
    with paths.settings.open("a") as settings:
        settings.write('\n[[view]]\nname = "above"\ncamera = "top"\n')
    with running(paths, dependencies(Plan(camera="2f"))) as station:
        drop(paths, "good.png", part())
        station.wait_until_inspected(3)
        # A thread of its own works the dates out, once the log can be read.
        station.wait_for(lambda: "qc_edge_due_seconds{" in get(paths.metrics)[1], "the dates")
        status, body = get(paths.metrics)
    assert status == 200
    lines = [line for line in body.splitlines() if not line.startswith("#")]
    names = {re.split(r"[{ ]", line)[0] for line in lines}
    return {SUFFIX.sub("", name) for name in names} | {f"qc_edge_{age}_seconds" for age in AGES}


def named(text: str) -> set[str]:
    return {SUFFIX.sub("", name) for name in NAME.findall(text)}


def expressions(panels: list[dict[str, Any]]) -> list[str]:
    return [target["expr"] for panel in panels for target in panel.get("targets", [])]


def dashboard() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((DOCS / "grafana/stations.json").read_text())
    return loaded


def test_the_page_lists_every_metric_and_no_other(served: set[str]) -> None:
    listed = set(re.findall(r"(?m)^\| `(qc_edge_[a-z_]+)`", (DOCS / "metrics.md").read_text()))
    assert listed == {name for name in served if name.startswith("qc_edge_")}


def test_the_dashboard_shows_every_metric_and_no_other(served: set[str]) -> None:
    shown = named(" ".join(expressions(dashboard()["panels"])))
    assert shown <= served, shown - served
    own = {name for name in served if name.startswith("qc_edge_")}
    assert own <= shown, own - shown


def test_the_dashboard_can_be_imported() -> None:
    board = dashboard()
    assert {"title", "uid", "schemaVersion", "panels", "templating", "time"} <= board.keys()
    ids = [panel["id"] for panel in board["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert place["x"] + place["w"] <= 24, panel["title"]
        assert not cells & taken, f"{panel['title']} lies over another panel"
        taken |= cells
        if panel["type"] != "row":
            assert all(target["expr"] for target in panel["targets"]), panel["title"]
    variables = {each["name"] for each in board["templating"]["list"]}
    used = set(re.findall(r"\$\{?(\w+)", json.dumps(board))) - {"__rate_interval", "__all"}
    assert used <= variables, used - variables


def rules() -> list[dict[str, Any]]:
    loaded = yaml.safe_load(ALERTS.read_text())
    return [rule for group in loaded["groups"] for rule in group["rules"]]


def test_the_alerts_ask_for_metrics_that_there_are(served: set[str]) -> None:
    for rule in rules():
        asked = named(rule["expr"])
        assert asked <= served or rule["alert"] == "QcEdgeDown", (rule["alert"], asked - served)
        assert rule["labels"]["severity"] in {"page", "ticket"}
        assert rule["annotations"]["summary"]


def test_alerts_point_to_pages_that_there_are() -> None:
    pages = set(re.findall(r"(?m)^## (.+)$", (DOCS / "technician.md").read_text()))
    told = re.findall(r"docs/technician\.md, ([^\"\n]+)\"", ALERTS.read_text())
    assert told
    assert set(told) <= pages


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not here: apt install prometheus"
)
@pytest.mark.parametrize(
    "check", [("check", "rules", ALERTS), ("test", "rules", BEHAVIOUR)], ids=["syntax", "sense"]
)
def test_prometheus_itself_agrees(check: tuple[str, str, Path]) -> None:
    ran = subprocess.run(["promtool", *map(str, check)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.mark.skipif(
    not shutil.which("promtool"), reason="promtool is not here: apt install prometheus"
)
def test_prometheus_itself_reads_what_is_served(tmp_path: Path) -> None:
    paths = make_station(tmp_path, metrics={"listen": "unix"})
    with running(paths) as station:
        drop(paths, "good.png", part())
        station.wait_until_inspected(1)
        body = get(paths.metrics)[1]
    ran = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
