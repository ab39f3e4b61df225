"""`qc-edge dataset export`: every format holds the same truth, one query gives the same bytes."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from qc_edge.dataset.formats import FORMATS
from qc_edge.dataset.formats.yolo import at_least_a_pixel
from qc_edge.dataset.request import SplitRule
from qc_edge.dataset.splits import split_of
from qc_edge.domain.label import PersonRole, Said, parse_regions
from qc_edge.errors import QcEdgeError, StoreError, UsageError
from qc_edge.labels.exchange import importing
from qc_edge.labels.record import SaidLabel
from qc_edge.settings import StationPaths
from qc_edge.store.compression import Compressor
from qc_edge.store.durable import Disk
from tests.cli.runner import environment, invoke
from tests.dataset.conftest import CORNER, LOTS, PICTURES, pixels
from tests.station.harness import NAME, wait_for

SCRATCH = "scratch 1/2"


def export(paths: StationPaths, out: Path, *options: str) -> dict[str, Any]:
    """`qc-edge dataset export` with --json; what it said, or the fault that it raised."""
    result = invoke("dataset", "export", NAME, out, *options, "--json", "--root", paths.root)
    if isinstance(result.exception, QcEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    told: dict[str, Any] = json.loads(result.stdout)
    return told


def content(directory: Path) -> dict[str, bytes]:
    """Every file below it."""
    files = (path for path in directory.rglob("*") if path.is_file())
    return {path.relative_to(directory).as_posix(): path.read_bytes() for path in files}


@pytest.fixture(scope="module")
def exports(judged: StationPaths, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One dataset of everything in each format."""
    base = tmp_path_factory.mktemp("exports")
    for kind in FORMATS:
        export(judged, base / kind, "--format", kind)
    return {kind: base / kind for kind in FORMATS}


def samples(directory: Path) -> dict[str, dict[str, Any]]:
    """The samples by their part."""
    lines = (directory / "samples.jsonl").read_text().splitlines()
    return {line["part_id"]: line for line in map(json.loads, lines)}


@pytest.mark.parametrize("kind", FORMATS)
def test_the_manifest_has_every_file_and_its_digest(exports: dict[str, Path], kind: str) -> None:
    files = content(exports[kind])
    manifest = json.loads(files.pop("manifest.json"))
    assert {
        name: {"sha256": hashlib.sha256(data).hexdigest(), "size": len(data)}
        for name, data in files.items()
    } == manifest["files"]
    assert manifest["samples"] == PICTURES
    assert [each["why"] for each in manifest["left_out"]] == ["unreadable"]
    found = samples(exports[kind])
    assert len(found) == PICTURES
    for sample in found.values():
        assert sample["prediction"]["model"] == "corner@1"
        assert pixels(exports[kind] / sample["prepared"]).shape == (512, 512)
        raw = pixels(exports[kind] / sample["image"])
        assert hashlib.sha256(raw.tobytes()).hexdigest() == sample["row"]["raw_sha256"]
        assert str(exports[kind]) not in json.dumps(sample)


def test_two_exports_of_one_query_are_the_same_bytes(
    judged: StationPaths, exports: dict[str, Path], tmp_path: Path
) -> None:
    again = export(judged, tmp_path / "again", "--format", "coco", "--link")
    assert content(tmp_path / "again") == content(exports["coco"])
    assert (
        again["sha256"]
        == hashlib.sha256((exports["coco"] / "manifest.json").read_bytes()).hexdigest()
    )
    linked = [path for path in (tmp_path / "again").rglob("*.png") if path.stat().st_nlink == 2]
    assert len(linked) == LOTS, "what is a PNG already goes as it is, and needs no room"
    assert not list(tmp_path.glob(".*")), "nothing is left beside it"


def test_an_export_is_the_same_before_and_after_the_station_has_compressed(
    judged: StationPaths, exports: dict[str, Path], tmp_path: Path
) -> None:
    shutil.copytree(judged.root, tmp_path / "root", symlinks=True)
    paths = StationPaths(tmp_path / "root", NAME)
    for file in (paths.state / "evidence").rglob("*"):
        os.utime(file, (0, 0))
    assert Compressor(paths.state / "evidence", Disk()).compress(0, lambda: True) == 1
    export(paths, tmp_path / "out")
    assert content(tmp_path / "out") == content(exports["folder"])


def test_a_split_tears_no_lot_and_is_the_same_in_every_export(
    judged: StationPaths, exports: dict[str, Path], tmp_path: Path
) -> None:
    export(judged, tmp_path / "fails", "--only", "fail")
    everything, fails = samples(exports["folder"]), samples(tmp_path / "fails")
    assert set(fails) == {f"{lot}-bad" for lot in range(LOTS)}
    for part, sample in fails.items():
        assert sample["split"] == everything[part]["split"]
    for lot in range(LOTS):
        splits = {everything[f"{lot}-{name}"]["split"] for name in ("good", "bad", "near")}
        assert splits == {split_of(f"lot:L{lot}", SplitRule())}
    places = Counter(split_of(f"lot:{number}", SplitRule()) for number in range(2000))
    assert 1330 < places["train"] < 1470 and 250 < places["val"] < 350


def test_what_is_asked_for_with_only(judged: StationPaths, tmp_path: Path) -> None:
    export(judged, tmp_path / "disputed", "--only", "disputed")
    assert set(samples(tmp_path / "disputed")) == {"5-near"}
    export(judged, tmp_path / "some", "--only", "labelled", "--only", "band")
    assert len(samples(tmp_path / "some")) == 3 * LOTS
    export(judged, tmp_path / "labelled", "--only", "labelled")
    assert {sample["truth"] for sample in samples(tmp_path / "labelled").values()} == {
        "good",
        "defect",
    }
    assert len(samples(tmp_path / "labelled")) == 2 * LOTS


def test_folders_are_classes_and_masks_lie_beside_them(exports: dict[str, Path]) -> None:
    found = samples(exports["folder"])
    assert found["5-near"]["image"].startswith("images/unlabelled/"), "people do not agree"
    for part, sample in found.items():
        if part.endswith("-good"):
            assert sample["image"].split("/")[2] == "good"
    (folder,) = {
        sample["image"].split("/")[2] for part, sample in found.items() if part.endswith("-bad")
    }
    assert folder.startswith("scratch_1_2-")
    assert np.array_equal(pixels(exports["folder"] / found["3-bad"]["mask"]), CORNER)
    boxed = pixels(exports["folder"] / found["1-bad"]["mask"])
    assert (boxed[5, 10], boxed[70, 60], boxed[5, 60]) == (255, 255, 0)


def test_mvtec_learns_from_good_parts_alone(exports: dict[str, Path]) -> None:
    found = samples(exports["mvtec"])
    for part, sample in found.items():
        if part.endswith("-bad"):
            assert sample["image"].startswith("test/scratch_1_2-")
        elif part.endswith("-good"):
            assert sample["image"].split("/")[1] == "good"
    mask = exports["mvtec"] / found["3-bad"]["mask"]
    assert mask.match("ground_truth/scratch_1_2-*/*_mask.png")
    sheet = json.loads((exports["mvtec"] / "datasheet.json").read_text())
    assert {leak["what"] for leak in sheet["leaks"]} == {"group"}, "a lot in two splits is said"


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_coco_is_what_pycocotools_reads(exports: dict[str, Path]) -> None:
    from pycocotools import mask as coco_masks
    from pycocotools.coco import COCO

    seen = set[str]()
    for file in (exports["coco"] / "annotations").iterdir():
        coco = COCO(str(file))
        for image in coco.loadImgs(coco.getImgIds()):
            assert pixels(exports["coco"] / image["file_name"]).shape == (96, 96)
            marked = coco.loadAnns(coco.getAnnIds(image["id"]))
            seen |= {image["part_id"]} if marked else set()
            names = {coco.cats[each["category_id"]]["name"] for each in marked}
            assert names <= {SCRATCH}
            if image["part_id"] == "3-bad":
                (one,) = marked
                assert np.array_equal(coco.annToMask(one), CORNER != 0)
                assert one["area"] == coco_masks.area(coco.annToRLE(one)) == (CORNER != 0).sum()
                assert one["bbox"] == coco_masks.toBbox(coco.annToRLE(one)).tolist()
            if image["part_id"] == "2-bad":
                assert coco.annToMask(marked[0]).sum() == pytest.approx(marked[0]["area"], abs=8)
            if image["part_id"] == "1-bad":
                assert [each["bbox"] for each in marked] == [[1, 2, 30, 40], [50.5, 60, 20, 30]]
    assert seen == {"1-bad", "2-bad", "3-bad"}
    unlocated = json.loads((exports["coco"] / "annotations/unlocated.json").read_text())
    assert len(unlocated["images"]) == LOTS - 3, "no defect is taught as a good part"


def test_yolo_has_boxes_in_shares_and_nothing_for_a_good_part(exports: dict[str, Path]) -> None:
    about = yaml.safe_load((exports["yolo"] / "data.yaml").read_text())
    assert about["names"] == {0: SCRATCH}
    found = samples(exports["yolo"])

    def lines(part: str) -> list[list[float]]:
        file = found[part]["image"].replace("images/", "labels/").replace(".png", ".txt")
        rows = (exports["yolo"] / file).read_text().splitlines()
        return [[float(value) for value in row.split()] for row in rows]

    assert lines("1-bad")[0] == pytest.approx([0, 16 / 96, 22 / 96, 30 / 96, 40 / 96], abs=1e-6)
    assert len(lines("3-bad")) == 2, "a box for each piece of a mask"
    assert lines("4-good") == []
    assert found["4-bad"]["image"].startswith("images/unlocated/")


def test_a_line_becomes_a_box_of_one_pixel_round_the_same_middle() -> None:
    assert at_least_a_pixel((10.0, 20.0, 0.0, 40.0)) == (9.5, 20.0, 1.0, 40.0)
    assert at_least_a_pixel((10.0, 20.0, 30.0, 40.0)) == (10.0, 20.0, 30.0, 40.0)


@pytest.mark.parametrize("kind", ["labelstudio", "coco"])
def test_what_was_exported_is_imported_as_it_was(
    judged: StationPaths, exports: dict[str, Path], kind: str
) -> None:
    files = (
        [exports[kind] / "tasks.json"]
        if kind == "labelstudio"
        else sorted((exports[kind] / "annotations").glob("*.json"))
    )
    found: dict[str, SaidLabel] = {}
    for file in files:
        plan = importing.plan(judged, importing.read_file(file), None, PersonRole.OPERATOR)
        assert {misfit.why.split(",")[0] for misfit in plan.misfits} <= {"it has no annotation"}
        found |= {label.part_id: label for label in plan.labels}
    assert set(found) == {f"{lot}-{name}" for lot in range(LOTS) for name in ("good", "bad")}
    for part, label in found.items():
        before = samples(exports[kind])[part]["label"]
        assert (label.label, label.who) == (Said(before["said"]), before["who"])
        assert (label.defect_class, str(label.role)) == (before["defect_class"], "reviewer")
        if part == "3-bad" and kind == "labelstudio":
            assert len(parse_regions(label.regions)) == 2, "a mask as its outlines"
        else:
            was = parse_regions(json.dumps(before["regions"]))
            assert len(parse_regions(label.regions)) == len(was)
            for one, other in zip(parse_regions(label.regions), was, strict=True):
                assert type(one) is type(other)
                assert np.allclose(one.corners, other.corners)


def test_label_studio_knows_what_the_model_said(exports: dict[str, Path]) -> None:
    tasks = json.loads((exports["labelstudio"] / "tasks.json").read_text())
    by_part = {task["data"]["part_id"]: task for task in tasks}
    (said,) = by_part["4-bad"]["predictions"]
    assert (said["model_version"], said["result"][0]["value"]["choices"]) == (
        "corner@1",
        ["defect"],
    )
    assert not by_part["4-near"]["annotations"]
    image = by_part["4-bad"]["data"]["image"].removeprefix("/data/local-files/?d=")
    assert (exports["labelstudio"] / image).exists()


def test_fiftyone_has_labels_regions_and_predictions(exports: dict[str, Path]) -> None:
    about = json.loads((exports["fiftyone"] / "metadata.json").read_text())
    assert "version" not in about and about["default_classes"] == ["good", SCRATCH]
    found = json.loads((exports["fiftyone"] / "samples.json").read_text())["samples"]
    one = next(sample for sample in found if sample["part_id"] == "1-bad")
    assert one["ground_truth"]["label"] == SCRATCH and one["prediction"]["label"] == "FAIL"
    assert one["regions"]["detections"][0]["bounding_box"] == [1 / 96, 2 / 96, 30 / 96, 40 / 96]
    assert (exports["fiftyone"] / one["filepath"]).exists()


def test_the_datasheet_counts_and_says_what_is_wrong(exports: dict[str, Path]) -> None:
    sheet = json.loads((exports["folder"] / "datasheet.json").read_text())
    assert sum(sum(each.values()) for each in sheet["classes"].values()) == PICTURES
    assert sheet["classes"]["unlabelled"] == {"unlabelled": LOTS + 1}
    assert (sheet["disputed"], sheet["masks"], sheet["leaks"]) == (1, 3, [])
    (pair,) = sheet["agreement"]
    assert (pair["one"], pair["other"], pair["parts"], pair["agreed"]) == ("Ada", "Ben", 2, 1)
    assert any(note.startswith("few groups") for note in sheet["notes"])
    page = (exports["folder"] / "datasheet.html").read_text()
    assert "do people agree" in page and "http" not in page.replace("http://www.w3.org", "")


def test_evidence_that_was_changed_is_left_out(judged: StationPaths, tmp_path: Path) -> None:
    shutil.copytree(judged.root, tmp_path / "root", symlinks=True)
    paths = StationPaths(tmp_path / "root", NAME)
    raw = min((paths.state / "evidence").rglob("*.raw.pgm"))
    data = bytearray(raw.read_bytes())
    data[-1] ^= 255
    raw.write_bytes(data)
    export(paths, tmp_path / "out")
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    assert sorted(each["why"] for each in manifest["left_out"]) == ["changed", "unreadable"]


@pytest.mark.parametrize("kind", ["coco", "yolo"])
def test_a_defect_whose_mask_is_gone_is_not_taught_as_a_good_part(
    judged: StationPaths, tmp_path: Path, kind: str
) -> None:
    shutil.copytree(judged.root, tmp_path / "root", symlinks=True)
    paths = StationPaths(tmp_path / "root", NAME)
    for mask in paths.masks.iterdir():
        mask.unlink()
    export(paths, tmp_path / "out", "--format", kind, "--only", "fail")
    found = samples(tmp_path / "out")
    assert found["3-bad"]["image"].startswith("images/unlocated/")
    assert not found["1-bad"]["image"].startswith("images/unlocated/")
    sheet = json.loads((tmp_path / "out/datasheet.json").read_text())
    assert "defects whose mask is gone, marked nowhere: 1" in sheet["notes"]


def test_nothing_is_overwritten_and_no_empty_dataset_is_made(
    judged: StationPaths, tmp_path: Path
) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(UsageError, match="is there already"):
        export(judged, tmp_path / "there")
    with pytest.raises(UsageError, match="no inspection fits"):
        export(judged, tmp_path / "none", "--until", "2020-01-01")
    with pytest.raises(UsageError, match="is no split"):
        export(judged, tmp_path / "none", "--shares", "70:20:20")
    with pytest.raises(UsageError, match="among the station's own files"):
        export(judged, judged.state / "mine")
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="cannot write"):
        export(judged, tmp_path / "file/out")
    with pytest.raises(UsageError, match="'fails' is unknown"):
        export(judged, tmp_path / "none", "--only", "fails")
    assert {path.name for path in tmp_path.iterdir()} == {"there", "file"}


def test_a_killed_export_goes_on_where_it_was(
    judged: StationPaths, exports: dict[str, Path], tmp_path: Path
) -> None:
    out, work = tmp_path / "out", tmp_path / ".out.partial"
    command = [sys.executable, "-m", "qc_edge", "dataset", "export", NAME, str(out)]
    process = subprocess.Popen([*command, "--root", str(judged.root)], env=environment())
    wait_for(lambda: len(list(work.rglob("*.png"))) > 5, "some pictures are there", every_s=0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not out.exists(), "nothing half has the name"
    listed = (work / ".placed.jsonl").read_text()
    whole = [json.loads(line)["name"] for line in listed.splitlines() if line.endswith("}")]
    first, second = (work / name for name in whole[:2])
    made = first.stat().st_mtime_ns
    second.write_bytes(b"torn by a power cut")
    (work / "images/stray.png").write_bytes(b"of an earlier query")
    export(judged, out)
    assert (out / whole[0]).stat().st_mtime_ns == made, "what was whole is not done twice"
    assert content(out) == content(exports["folder"])
