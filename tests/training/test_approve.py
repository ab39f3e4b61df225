"""`qc-edge model approve`: only for what was found on parts that the model has not seen."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qc_edge.bundles.bundle import open_bundle
from qc_edge.bundles.evaluated import check_evaluation
from qc_edge.bundles.manifest import EVALUATION
from qc_edge.bundles.signing import make_key
from qc_edge.errors import ModelError, QcEdgeError, UsageError
from qc_edge.recipe.model_install import install
from qc_edge.settings.bundles import ModelSettings
from tests.adapted import BLUE, GREEN, RED, network, part
from tests.cli.runner import invoke
from tests.training.pictures import coloured, put

DEMANDED = ModelSettings(require_evaluation=True)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """colour@2, packed with three pictures of each kind; not to be changed."""
    place = tmp_path_factory.mktemp("packed")
    for number in range(3):
        put(place / f"ok/{number}.png", part(GREEN, number))
        put(place / f"nok/scratch/{number}.png", part(RED, 100 + number))
        put(place / f"nok/pit/{number}.png", part(BLUE, 200 + number))
    (place / "model.onnx").write_bytes(network(batch=1))
    where = ("--good", place / "ok", "--bad", place / "nok", "--out", place / "bundles")
    named = ("--name", "colour@2", "--by", "anna", "--normalise", "imagenet")
    result = invoke("model", "pack", place / "model.onnx", *where, *named)
    assert result.exit_code == 0, result.output
    return place / "bundles/colour/2"


@pytest.fixture
def report(bundle: Path, tmp_path: Path) -> Path:
    """Of the bundle, on new pictures."""
    told = invoke("evaluate", bundle, coloured(tmp_path / "new"), "--json")
    (tmp_path / "report.json").write_text(told.stdout)
    return tmp_path / "report.json"


def approve(bundle: Path, report: Path, *options: str | Path) -> None:
    result = invoke("model", "approve", bundle, report, "--by", "ben", *options)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output


def changed(report: Path, change: dict[str, Any]) -> Path:
    report.write_text(json.dumps(json.loads(report.read_text()) | change))
    return report


def test_a_station_that_demands_it_takes_what_was_evaluated_and_nothing_else(
    bundle: Path, report: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="was not evaluated on parts that it has not seen"):
        install(bundle, tmp_path / "models", DEMANDED)
    assert not list((tmp_path / "models").glob("*"))
    key = tmp_path / "key.pem"
    public = make_key(key)
    install(bundle, tmp_path / "models", ModelSettings())
    try:
        approve(bundle, report)
        installed, is_new = install(bundle, tmp_path / "models", DEMANDED)
        assert not is_new
        check_evaluation(installed, DEMANDED)
        signed = ModelSettings(
            require_evaluation=True, require_signature=True, trusted_keys=(public,)
        )
        with pytest.raises(ModelError, match="not signed with a key that this station trusts"):
            check_evaluation(open_bundle(bundle), signed)
        approve(bundle, report, "--key", key)
        check_evaluation(open_bundle(bundle), signed)
        values = json.loads((bundle / EVALUATION).read_text())
        values["evaluated"]["escapes"] += 1
        (bundle / EVALUATION).write_text(json.dumps(values))
        with pytest.raises(ModelError, match="not signed with a key"):
            check_evaluation(open_bundle(bundle), signed)
    finally:
        (bundle / EVALUATION).unlink()


def test_what_the_model_has_seen_approves_nothing(bundle: Path, report: Path) -> None:
    seen = json.loads((bundle / "report.json").read_text())["pictures"]
    with pytest.raises(UsageError, match="1 of 1 pictures were used to make the bundle"):
        approve(bundle, changed(report, {"pictures": seen[:1]}))
    own = open_bundle(bundle).manifest.training.sha256
    pictures = {"pictures": ["ab" * 32], "dataset_sha256": own}
    with pytest.raises(UsageError, match="the model learnt from this very dataset"):
        approve(bundle, changed(report, pictures))
    with pytest.raises(UsageError, match="is no evaluation"):
        approve(bundle, bundle / "bundle.toml")
    whole = report.read_text()
    with pytest.raises(UsageError, match="names no picture"):
        approve(bundle, changed(report, {"pictures": []}))
    for missing in ("dataset", "dataset_sha256"):
        values = json.loads(whole)
        del values[missing]
        report.write_text(json.dumps(values))
        with pytest.raises(UsageError, match="is no evaluation"):
            approve(bundle, report)
    report.write_text(whole)
    found = json.loads(report.read_text())["bundle"] | {"sha256": "0" * 64}
    with pytest.raises(UsageError, match=r"is of colour@2 with the digest 000000"):
        approve(bundle, changed(report, {"bundle": found}))
    assert not (bundle / EVALUATION).exists()
