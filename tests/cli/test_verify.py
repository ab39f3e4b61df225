"""`qc-edge verify`: what it prints, and the exit code."""

from __future__ import annotations

import json

from qc_edge.domain.verdict import Verdict
from qc_edge.errors import AuditError
from qc_edge.settings import StationPaths
from tests.audit.conftest import paths, station_at_rest
from tests.cli.runner import invoke, run
from tests.report.test_part_report import one

__all__ = ["paths", "station_at_rest"]


def test_a_station_that_holds_exits_with_0(paths: StationPaths) -> None:
    result = invoke("verify", paths.name, "--root", paths.root)
    assert result.exit_code == 0
    assert "everything holds" in result.stdout
    said = "no counter for incoming: whether every exposure has its row, nobody can say"
    assert said in " ".join(result.stdout.split()), "of the camera there is one"
    assert "no counter for top" not in result.stdout
    assert "images in" in result.stdout and "a second" in result.stdout


def test_a_finding_exits_with_65_and_says_what_to_do(paths: StationPaths) -> None:
    row = one(paths, Verdict.FAIL)
    (paths.state / str(row.prepared_path)).unlink()
    said = run("verify", paths.name, "--root", paths.root)
    assert said.returncode == 65
    assert "does not exist" in said.stdout and str(row.frame_id) in said.stdout
    assert "1 fault, 0 warnings" in said.stderr


def test_json_is_one_object_also_with_findings(paths: StationPaths) -> None:
    (paths.state / str(one(paths, Verdict.FAIL).map_path)).unlink()
    result = invoke("verify", paths.name, "--root", paths.root, "--json")
    assert isinstance(result.exception, AuditError)
    told = json.loads(result.stdout)
    assert told["ok"] is False
    assert [each["kind"] for each in told["findings"]] == ["map_missing"]
    assert {"name", "count", "seconds", "per_s"} <= told["steps"][0].keys()


def test_only_a_sample_of_the_pictures_is_looked_at(paths: StationPaths) -> None:
    (paths.state / str(one(paths, Verdict.FAIL).map_path)).unlink()
    assert invoke("verify", paths.name, "--root", paths.root, "--sample", "0").exit_code == 0
