"""Labels from other tools' files and back into them; what does not fit is named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from qc_edge.domain.label import Box, PersonRole, Polygon, Said
from qc_edge.errors import UsageError
from qc_edge.labels import LabelRequest, write
from qc_edge.labels.exchange import coco, csv_file, importing, label_studio
from qc_edge.labels.exchange.exported import ExportedLabel, labels_in_effect
from qc_edge.settings import StationPaths
from qc_edge.store.durable import Disk
from qc_edge.store.log.ledger import Ledger
from tests.labels.taking import Taking
from tests.publish.rows import NOON, inspection
from tests.station.harness import make_station


@pytest.fixture
def paths(tmp_path: Path) -> StationPaths:
    """A station at rest with parts one, two and three; three was inspected twice."""
    made = make_station(tmp_path)
    ledger = Ledger(made.database, made.journal, made.set_aside, Disk())
    for name in ("one", "two", "three", "three"):
        row = inspection(NOON, 0.4, part_id=name, original_name=f"{name}.png")
        ledger.commit([row], NOON)
    ledger.close()
    return made


def imported(paths: StationPaths, name: str, content: Any) -> importing.ImportPlan:
    """What of such a file fits."""
    file = paths.state / name
    file.write_text(content if isinstance(content, str) else json.dumps(content))
    return importing.plan(paths, importing.read_file(file), "anna", PersonRole.REVIEWER)


def taken_up(paths: StationPaths) -> list[ExportedLabel]:
    """Let the station take up what waits; the labels in effect."""
    taking = Taking(paths)
    taking.taker.look()
    assert not taking.events.occurrences
    taking.ledger.close()
    return list(labels_in_effect(paths))


def test_a_csv_is_imported_once_and_what_does_not_fit_is_named(paths: StationPaths) -> None:
    text = (
        "part_id,label,defect_class,who,role,why,regions\n"
        'one,defect,scratch,ben,quality,"\'=1+1","[{""box"":[1,2,3,4]}]"\n'
        "two,GOOD,,,,,\n"
        "two,great,,,,,\nthree,good,,,,,\nfour,good,,,,,\n,good,,,,,\n"
        'one,defect,,,,,"[{""box"":[90,2,30,4]}]"\none,good,,,boss,,\n'
    )
    plan = imported(paths, "a.csv", text)
    assert [(each.part_id, str(each.label), each.who, str(each.role)) for each in plan.labels] == [
        ("one", "defect", "ben", "quality"),
        ("two", "good", "anna", "reviewer"),
    ]
    assert plan.labels[0].why == "=1+1"
    told = {each.where: each.why for each in plan.misfits}
    assert "none of good, defect" in told["line 4"]
    assert told["line 5"] == "three was inspected 2 times"
    assert told["line 6"] == "four is not in the log"
    assert told["line 7"] == "neither frame_id nor part_id"
    assert "leaves the frame of 96 x 96" in told["line 8"]
    assert "boss" in told["line 9"]
    importing.write(paths, plan.labels)
    assert [each.label for each in taken_up(paths)] == ["defect", "good"]
    again = imported(paths, "a.csv", text)
    assert (again.labels, again.already) == ([], 2)


def test_coco_boxes_and_polygons(paths: StationPaths) -> None:
    content = {
        "images": [
            {"id": 1, "file_name": "one.png"},
            {"id": 2, "file_name": "pictures/two.png"},
            {"id": 3, "file_name": "nobody.png"},
        ],
        "categories": [{"id": 7, "name": "pit"}, {"id": 8, "name": "rust"}],
        "annotations": [
            {"image_id": 1, "category_id": 7, "bbox": [1, 2, 3, 4]},
            {"image_id": 1, "category_id": 7, "segmentation": [[1, 1, 5, 1, 5, 5]], "bbox": []},
            {"image_id": 3, "category_id": 7, "bbox": [1, 2, 3, 4]},
        ],
    }
    plan = imported(paths, "c.json", content)
    (label,) = plan.labels
    assert (label.part_id, label.label, label.defect_class) == ("one", Said.DEFECT, "pit")
    assert (
        label.regions == '[{"box":[1.0,2.0,3.0,4.0]},{"polygon":[[1.0,1.0],[5.0,1.0],[5.0,5.0]]}]'
    )
    assert [each.where for each in plan.misfits] == ["image pictures/two.png", "image nobody.png"]


def test_label_studio_counts_in_per_cent(paths: StationPaths) -> None:
    value = {"x": 25, "y": 50, "width": 12.5, "height": 25, "rectanglelabels": ["pit"]}
    size = {"original_width": 96, "original_height": 48}
    result = {"type": "rectanglelabels", "value": value, **size}
    good = {"type": "choices", "value": {"choices": ["Good"]}}
    by = {"completed_by": {"email": "eva@plant"}, "lead_time": 3.5}
    content = [
        {"id": 1, "data": {"image": "/data/one.png"}, "annotations": [{"result": [result], **by}]},
        {"id": 2, "data": {"image": "/data/two.png"}, "annotations": [{"result": [good], **by}]},
        {"id": 3, "data": {"image": "/data/two.png"}, "annotations": [{"was_cancelled": True}]},
        {
            "id": 4,
            "data": {"image": "/data/two.png"},
            "annotations": [{"result": [{"type": "brush", "value": {}}]}],
        },
        "no task",
    ]
    plan = imported(paths, "l.json", content)
    assert [(each.label, each.regions, each.who, each.took_s) for each in plan.labels] == [
        (Said.DEFECT, '[{"box":[24.0,24.0,12.0,12.0]}]', "eva@plant", 3.5),
        (Said.GOOD, None, "eva@plant", 3.5),
    ]
    assert [each.where for each in plan.misfits] == ["task 3", "task 4", "task 5"]


@pytest.mark.parametrize("kind", [csv_file, coco, label_studio])
def test_what_was_exported_is_imported_as_it_was(paths: StationPaths, kind: Any) -> None:
    shapes = (Box(1, 2, 30, 40), Polygon(((1.5, 2), (9, 2), (9, 9))))
    request = LabelRequest(
        "one",
        Said.DEFECT,
        "ben",
        PersonRole.ENGINEER,
        defect_class="pit",
        why="=seen",
        regions=shapes,
    )
    write(paths, request)
    write(paths, LabelRequest("two", Said.NOT_INSPECTABLE, "ada"))
    before = taken_up(paths)
    assert len(before) == 2
    text = kind.write(before)
    plan = imported(paths, "x.csv" if kind is csv_file else "x.json", text)
    assert not plan.misfits
    for label, was in zip(plan.labels, before, strict=True):
        assert (label.frame_id, label.label, label.defect_class, label.who, label.why) == (
            was.frame_id,
            was.label,
            was.defect_class,
            was.who,
            was.why,
        )
        assert len(json.loads(label.regions or "[]")) == len(was.shapes)


def test_what_is_no_file_of_labels_is_refused(paths: StationPaths) -> None:
    for name, text in (("a.json", "{"), ("b.json", '{"images": 1}'), ("c.json", "[" * 9000)):
        with pytest.raises(UsageError, match="is no file of labels"):
            imported(paths, name, text)
