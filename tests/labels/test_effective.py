"""Which label counts: the rule of the view, case by case, also beside files of earlier versions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import duckdb
import pytest

from qc_edge.domain.history import Selection
from qc_edge.domain.inspection import COLUMNS
from qc_edge.publish.qa_database import build
from qc_edge.query.label_rows import LATER
from qc_edge.query.past.station_history import published_history
from qc_edge.store.log import chain
from tests.publish.rows import NOON, at, event, gap, inspection, label, log

Case = tuple[list[tuple[str, str, str]], str | None, str | None, bool]

CASES: dict[str, Case] = {
    "people of one role differ: the newest, open again": (
        [("good", "ada", "reviewer"), ("defect", "ben", "reviewer")],
        "defect",
        "ben",
        True,
    ),
    "a higher role settles what a lower one has said": (
        [("good", "ada", "reviewer"), ("defect", "ben", "engineer")],
        "defect",
        "ben",
        False,
    ),
    "a lower role that differs later opens it, and does not count": (
        [("defect", "eva", "quality"), ("good", "olaf", "operator")],
        "defect",
        "eva",
        True,
    ),
    "who corrects himself is of one mind": (
        [("good", "ada", "reviewer"), ("defect", "ada", "reviewer")],
        "defect",
        "ada",
        False,
    ),
    "unsure is no word where another has one": (
        [("unsure", "eva", "quality"), ("defect", "olaf", "operator")],
        "defect",
        "olaf",
        False,
    ),
    "unsure counts alone": ([("unsure", "eva", "quality")], "unsure", "eva", False),
    "a dispute alone is no judgement": ([("disputed", "olaf", "operator")], None, None, True),
    "a dispute after a label opens it": (
        [("good", "ada", "reviewer"), ("disputed", "olaf", "operator")],
        "good",
        "ada",
        True,
    ),
    "a label of a higher role settles a dispute": (
        [("disputed", "olaf", "operator"), ("good", "ada", "reviewer")],
        "good",
        "ada",
        False,
    ),
    "a label of a lower role does not settle it": (
        [("disputed", "eva", "quality"), ("good", "olaf", "operator")],
        "good",
        "olaf",
        True,
    ),
}


def test_the_label_in_effect_case_by_case(tmp_path: Path) -> None:
    with log(tmp_path) as made:
        frames = {name: inspection(NOON, 0.1) for name in CASES}
        made.add(event(NOON), *frames.values())
        for name, (said, *_) in CASES.items():
            for word, who, role in said:
                made.add(replace(label(NOON, frames[name], word, who), role=role))
        made.publisher.publish()
        build(tmp_path / "qa.duckdb", made.published)
        with duckdb.connect(str(tmp_path / "qa.duckdb"), read_only=True) as qa:
            found = {
                frame: (word, who, disputed)
                for frame, word, who, disputed in qa.execute(
                    "SELECT frame_id, label, labelled_by, disputed FROM effective_labels"
                ).fetchall()
            }
            escapes = qa.execute("SELECT count(*) FROM escapes").fetchone()
        with published_history(made.published, Selection()) as history:
            judged = history.labelled()
    for name, (_, *expected) in CASES.items():
        assert found[frames[name].frame_id] == tuple(expected), name
    assert escapes == (sum(word == "defect" for _, word, *_ in CASES.values()),)
    assert len(judged) == sum(word in {"good", "defect"} for _, word, *_ in CASES.values())


@pytest.mark.parametrize("newer", [False, True], ids=["no newer label", "a newer label"])
def test_files_of_labels_of_an_earlier_version_hide_no_column(tmp_path: Path, newer: bool) -> None:
    early = inspection(at("2026-11-22 10:00"))
    with log(tmp_path) as made:
        made.add(early, event(NOON), gap(NOON), label(early.recorded_at, early, "good"))
        made.publisher.publish()
        file = made.file("2026-11-22 10", "labels")
        kept = [name for name in (*COLUMNS["labels"], *chain.CHAIN) if name not in LATER]
        with duckdb.connect() as writing:
            query = f"SELECT {', '.join(kept)} FROM '{file}'"
            writing.execute(f"COPY ({query}) TO '{tmp_path}/old.parquet'")
        (tmp_path / "old.parquet").rename(file)
        if newer:
            made.add(replace(label(NOON, early, "defect", "eva"), role="quality", took_s=2.5))
            made.publisher.publish()
        build(tmp_path / "qa.duckdb", made.published)
        with duckdb.connect(str(tmp_path / "qa.duckdb"), read_only=True) as qa:
            roles = qa.execute("SELECT who, role, took_s, date::VARCHAR FROM labels ORDER BY 1")
            assert roles.fetchall() == [
                ("Ada", None, None, "2026-11-22"),
                *([("eva", "quality", 2.5, "2026-11-22")] if newer else []),
            ]
            said = qa.execute("SELECT label FROM inspections").fetchall()
        with published_history(made.published, Selection()) as history:
            (part,) = history.labelled()
    assert said == [("defect" if newer else "good",)]
    assert part.is_defect == newer
