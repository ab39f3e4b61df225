"""`qc-edge train` with the real PyTorch (make test-train): small inputs of rendered parts."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from qc_edge.bundles.bundle import open_bundle
from qc_edge.dataset.reading import open_dataset
from qc_edge.engine.onnx import OnnxModel
from qc_edge.errors import DiskFullError, EngineError, ModelError
from qc_edge.training.learning import fitting, head
from qc_edge.training.learning.backbone import pretrained
from qc_edge.training.learning.features import compute_features
from qc_edge.training.learning.fusion import Fusion
from qc_edge.training.learning.head import HeadWeights, head_maps
from qc_edge.training.learning.logistic import ProbeWeights
from qc_edge.training.learning.pictures import learning_pictures
from qc_edge.training.learning.request import TrainRequest
from qc_edge.training.learning.training import train
from qc_edge.training.learning.whole import whole_model
from tests.cli.runner import invoke
from tests.training.rendered_dataset import Quiet, write_dataset

pytestmark = pytest.mark.train


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 good and 12 bad ones with masks, of six groups."""
    return write_dataset(tmp_path_factory.mktemp("parts") / "november", range(24), range(100, 112))


@pytest.fixture(scope="module")
def bundles(parts: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """flange@1, trained from them by the command."""
    out = tmp_path_factory.mktemp("bundles")
    told = run_train(parts, out, "flange")
    assert told["bundle"] == "flange@1"
    return out


def run_train(parts: Path, out: Path, name: str, *options: str) -> dict[str, Any]:
    named = ("--name", name, "--by", "anna", "--size", "128", "--threads", "1", "--epochs", "3")
    result = invoke("train", parts, out, *named, "--json", *options)
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def request(parts: Path, out: Path) -> TrainRequest:
    return TrainRequest(parts, out, "flange", "1", "anna", size=(64, 64), threads=1, epochs=1)


def test_a_trained_bundle_is_taken_by_a_station_and_judged_on_what_it_has_not_seen(
    parts: Path, bundles: Path, tmp_path: Path
) -> None:
    bundle = open_bundle(bundles / "flange/1")
    assert bundle.manifest.input.preprocess == "gray128" and bundle.manifest.adapter is not None
    report = json.loads((bundle.directory / "report.json").read_text())
    assert report["split"] == "folds" and len(report["pictures"]) == 36
    figures = report["bundle"]["figures"]
    assert figures["baseline"] and figures["pointing"]
    assert len(report["threshold_transfer"]) == 3 and report["half_the_parts"]["whole"] > 0
    assert {each["group"] for each in report["by_group"]} == {f"g{n}" for n in range(6)}
    new = write_dataset(tmp_path / "new", range(500, 520), range(600, 620))
    told = json.loads(invoke("evaluate", bundle.directory, new, "--json").stdout)
    assert told["bundle"]["figures"]["auc"]["value"] > 0.55
    result = invoke("evaluate", bundle.directory, parts, "--split", "all", "--json")
    assert "were used to make the bundle" in str(result.exception)
    assert not list(bundles.glob("flange/.*")), "what a killed training needs is gone"


def test_the_onnx_gives_what_pytorch_and_the_fusion_give(parts: Path, bundles: Path) -> None:
    size, weights = (128, 128), pretrained()
    items = open_dataset(parts).items[:3]
    found = learning_pictures(items, size, lambda: None).pictures
    features = compute_features(found, size, weights, bundles / "features", 1, lambda _: None)
    chance = np.random.default_rng(0)

    def drawn(*shape: int) -> npt.NDArray[np.float32]:
        return chance.normal(size=shape).astype(np.float32)

    mixers = drawn(96, 40), drawn(96, 112), drawn(96, 320), drawn(96, 40)
    learnt = HeadWeights(mixers, drawn(96), drawn(96), 0.5)
    probe = ProbeWeights(drawn(4 * 472), 0.25)
    fusion = Fusion(700.0, 400.0, 0.0, 100.0, 1.0, -0.5)
    maps = head_maps(features, [0, 1, 2], learnt)
    highest = maps.reshape(3, -1).max(axis=1).astype(np.float64)
    expected = fusion.scores(highest, probe.scores(features.statistics[:, 0]))
    model = OnnxModel(whole_model(size, weights, learnt, probe, fusion), 1)
    for at, picture in enumerate(found):
        score, plane = model.run(picture.pixels[None])
        # The features are kept as float16.
        assert score.shape == (1,) and abs(float(score[0]) - expected[at]) < 0.02
        assert np.allclose(plane[0, 0], fusion.cells(maps[at]), atol=0.02)
    assert np.ptp(expected) > 0.05, "pictures that score alike would show nothing"


def test_the_same_seed_gives_the_same_model(parts: Path, bundles: Path, tmp_path: Path) -> None:
    again = run_train(parts, tmp_path, "flange")
    first = open_bundle(bundles / "flange/1")
    assert open_bundle(Path(again["directory"])).sha256 == first.sha256


def test_good_parts_alone_make_a_first_model(tmp_path: Path) -> None:
    good = write_dataset(tmp_path / "good", range(24), [])
    told = run_train(good, tmp_path / "out", "cold")
    assert told["report"] is None and any("only what good ones" in note for note in told["notes"])
    new = write_dataset(tmp_path / "new", range(500, 512), range(600, 612))
    found = json.loads(invoke("evaluate", told["directory"], new, "--json").stdout)
    assert found["bundle"]["figures"]["auc"]["value"] > 0.7


def test_a_training_that_was_killed_goes_on_where_it_was(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    learnt = counted(monkeypatch, fitting, "learn_head", fails_at=2, fault=KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        train(request(parts, tmp_path), Quiet())
    assert not (tmp_path / "flange/1").exists() and (tmp_path / "flange/.1.training").is_dir()
    assert len(learnt) == 2
    monkeypatch.undo()
    learnt = counted(monkeypatch, fitting, "learn_head")
    computed = counted(monkeypatch, OnnxModel, "run")
    train(request(parts, tmp_path), Quiet())
    assert len(learnt) == fitting.FitPlan().heads - 1 and not computed
    assert (tmp_path / "flange/1").is_dir()


def test_a_loss_that_is_no_number_ends_in_words(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(plane: Any, *_: Any) -> Any:
        return (plane * float("nan")).sum()

    monkeypatch.setattr(head, "head_loss", lost)
    with pytest.raises(ModelError, match="the loss is no number any more in epoch 1"):
        train(request(parts, tmp_path), Quiet())
    assert not (tmp_path / "flange/1").exists()


def test_a_full_disk_and_a_full_device_leave_no_bundle(
    parts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def no_room(*_: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(os, "posix_fallocate", no_room)
        with pytest.raises(DiskFullError):
            train(request(parts, tmp_path), Quiet())
    fault = torch.OutOfMemoryError("CUDA out of memory")
    counted(monkeypatch, fitting, "learn_head", fails_at=1, fault=fault)
    with pytest.raises(EngineError, match="has no memory left: CUDA out of memory") as told:
        train(request(parts, tmp_path), Quiet())
    assert "--device cpu" in told.value.hint
    assert not (tmp_path / "flange/1").exists()


def counted(
    monkeypatch: pytest.MonkeyPatch,
    owner: Any,
    name: str,
    fails_at: int = 0,
    fault: BaseException | None = None,
) -> list[str]:
    """A list that grows with each call of `owner.name`; call number `fails_at` raises `fault`."""
    calls: list[str] = []
    real: Callable[..., Any] = getattr(owner, name)

    def call(*arguments: Any, **named: Any) -> Any:
        calls.append(name)
        if fault is not None and len(calls) == fails_at:
            raise fault
        return real(*arguments, **named)

    monkeypatch.setattr(owner, name, call)
    return calls
