"""Studies of persons and the station, held by value against published ones."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from qc_edge.cli import app
from qc_edge.discipline.msa.attribute import AttributeStudy, Grade, analyse_attribute, fleiss_kappa
from qc_edge.discipline.msa.gauge import GaugeVerdict, analyse_values
from qc_edge.discipline.msa.signal import doubt_zones
from qc_edge.discipline.msa.station import station_looks, studies
from qc_edge.discipline.msa.trials import Trial, parse_truth, read_trials
from qc_edge.errors import UsageError
from qc_edge.records import notices
from qc_edge.settings import StationPaths
from tests.discipline.published_msa import AIAG_ATTRIBUTE, AIAG_GAUGE, ISO_A4, ISO_FIGURE_6
from tests.publish.rows import NOON, inspection, log


def aiag_trials() -> list[Trial]:
    found = []
    for number, text in enumerate(AIAG_ATTRIBUTE.replace("\n", "|").strip("|").split("|"), start=1):
        *looks, reference = text.split()
        for name, of in zip("ABC", looks, strict=True):
            for trial, look in enumerate(of, start=1):
                truth = reference == "1"
                found.append(Trial(str(number), name, str(trial), look == "1", truth, None))
    return found


@pytest.fixture(scope="module")
def aiag() -> AttributeStudy:
    return analyse_attribute(aiag_trials())


def percent(value: float | None) -> float:
    assert value is not None
    return 100 * value


def test_the_kappas_of_the_manual_between_appraisers_and_against_the_reference(
    aiag: AttributeStudy,
) -> None:
    """Tables III-C 3 and the one after it."""
    assert {pair: round(kappa or 0, 2) for pair, kappa in aiag.kappas.items()} == {
        ("A", "B"): 0.86,
        ("A", "C"): 0.78,
        ("B", "C"): 0.79,
    }
    assert [round(each.kappa_truth or 0, 2) for each in aiag.appraisers] == [0.88, 0.92, 0.77]


def test_the_effectiveness_of_the_manual_with_its_exact_intervals(aiag: AttributeStudy) -> None:
    """Table III-C 5."""
    assert [each.matches.count for each in aiag.appraisers] == [42, 45, 40]
    intervals = [each.matches.exact_interval or (0, 0) for each in aiag.appraisers]
    assert [(round(100 * low), round(100 * high)) for low, high in intervals] == [
        (71, 93),
        (78, 97),
        (66, 90),
    ]
    assert (aiag.against_truth.count, aiag.between.count) == (39, 39)


def test_the_miss_and_false_alarm_rates_of_the_manual_and_its_grades(aiag: AttributeStudy) -> None:
    """Tables III-C 6 and 7."""
    misses = [percent(each.misses.value) for each in aiag.appraisers]
    alarms = [percent(each.false_alarms.value) for each in aiag.appraisers]
    assert misses == pytest.approx([6.25, 6.25, 12.5])
    assert alarms == pytest.approx([4.9, 1.96, 8.8], abs=0.05)
    grades = [list(each.grades.values()) for each in aiag.appraisers]
    good, marginal, bad = Grade
    assert grades == [[marginal, bad, good], [good, bad, good], [marginal, bad, marginal]]
    assert aiag.verdict is bad


def test_the_gauge_study_of_the_manual_as_minitab_prints_it() -> None:
    study = analyse_values(np.array(AIAG_GAUGE))
    table = {row.source: row for row in study.table}
    assert study.is_pooled
    assert table["part"].squares == pytest.approx(88.3619, abs=5e-5)
    assert table["appraiser"].squares == pytest.approx(3.1673, abs=5e-5)
    assert table["part x appraiser"].squares == pytest.approx(0.3590, abs=5e-5)
    assert table["total"].squares == pytest.approx(94.6471, abs=5e-5)
    assert table["part x appraiser"].f == pytest.approx(0.434, abs=5e-4)
    assert table["part x appraiser"].p == pytest.approx(0.974, abs=5e-4)
    assert table["repeatability"].free == 78
    assert table["repeatability"].mean == pytest.approx(0.03997, abs=5e-6)
    assert study.gauge == pytest.approx(0.09143, abs=5e-6)
    assert study.reproducibility == pytest.approx(0.05146, abs=5e-6)
    assert study.part_to_part == pytest.approx(1.08645, abs=5e-5)
    assert percent(study.contribution(study.gauge)) == pytest.approx(7.76, abs=5e-3)
    assert percent(study.variation(study.gauge)) == pytest.approx(27.86, abs=5e-3)
    assert percent(study.variation(study.repeatability)) == pytest.approx(18.42, abs=5e-3)
    assert percent(study.variation(study.reproducibility)) == pytest.approx(20.90, abs=5e-3)
    assert percent(study.variation(study.part_to_part)) == pytest.approx(96.04, abs=5e-3)
    assert (study.categories, study.verdict) == (4, GaugeVerdict.MARGINAL)


def test_the_gauge_study_of_iso_22514_7() -> None:
    """Tables A.5 and A.6."""
    study = analyse_values(np.array(ISO_A4).transpose(1, 0, 2))
    table = {row.source: row for row in study.table}
    assert table["part x appraiser"].f == pytest.approx(1.193, abs=1e-3)
    assert study.part_to_part == pytest.approx(6.50, abs=5e-3)


def test_the_zones_of_doubt_of_iso_22514_7_figure_6() -> None:
    values = {str(number): value for number, value in enumerate(ISO_FIGURE_6)}
    looks = {}
    for part, value in values.items():
        is_bad = value >= 0.566152 or value <= 0.446697
        is_good = 0.470832 <= value <= 0.542704
        looks[part] = [False] * 9 if is_bad else [True] * 9 if is_good else [True, *[False] * 8]
    upper, lower = doubt_zones(values, looks)
    assert (upper.good_up_to, upper.bad_from) == (0.542704, 0.566152)
    assert (lower.good_up_to, lower.bad_from) == (0.470832, 0.446697)
    assert (upper.width + lower.width) / 2 == pytest.approx(0.0237915, abs=1e-9)


def test_kappa_of_many_looks_by_hand_and_of_one_word() -> None:
    """Agreement (1 + 1/3 + 1/2) / 3 = 0.6111, by chance (7/12)^2 + (5/12)^2 = 0.5139."""
    assert fleiss_kappa([(4, 0), (2, 2), (1, 3)]) == pytest.approx(0.2)
    assert fleiss_kappa([(3, 0), (3, 0)]) is None


def test_missing_trials_are_named_and_nothing_is_made_up() -> None:
    trials = [each for each in aiag_trials() if (each.part, each.appraiser) != ("7", "B")]
    with pytest.raises(UsageError, match=r"3 of 450 trials are missing: part 7, B, trial 1"):
        analyse_attribute(trials)


def test_a_study_of_one_class_says_what_it_cannot_tell() -> None:
    good = [each for each in aiag_trials() if each.reference_is_good]
    study = analyse_attribute(good)
    assert study.appraisers[0].misses.value is None
    assert study.appraisers[0].kappa_truth is None
    assert study.verdict is None
    assert "no part is bad: the miss rate" in study.notes[0]


def test_a_part_with_two_truths_is_refused() -> None:
    first, *rest = aiag_trials()
    wrong = Trial(first.part, first.appraiser, first.trial, first.is_good, False, None)
    with pytest.raises(UsageError, match="good in one line and bad in another"):
        analyse_attribute([wrong, *rest])


def test_values_that_never_differ_have_no_verdict() -> None:
    study = analyse_values(np.full((3, 2, 2), 5.0))
    assert (study.verdict, study.categories) == (None, None)
    assert "rounded" in study.notes[-1]


# --- files, the station, the commands ---


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> StationPaths:
    """A station that saw three good and two bad parts three times each; it misses one once."""
    paths = StationPaths(tmp_path_factory.mktemp("msa"), "line1")
    rows = []
    for part, scores in PARTS.items():
        for number, score in enumerate(scores):
            when = NOON + timedelta(minutes=10 * number + int(part[-1]))
            rows.append(
                inspection(when, score, part_id=part, focus=100 + 5 * int(part[-1]) + number)
            )
    with log(paths.state, compared=NOON + timedelta(hours=1)) as written:
        written.add(*sorted(rows, key=lambda row: row.frame_id))
        written.publisher.compare(NOON + timedelta(hours=1))
    paths.settings.parent.mkdir(parents=True)
    paths.settings.write_text('[station]\nname = "line1"\n')
    return paths


PARTS = {
    "P-1": (0.1, 0.12, 0.11),
    "P-2": (0.2, 0.22, 0.21),
    "P-3": (0.3, 0.3, 0.31),
    "P-4": (0.9, 0.91, 0.9),
    "P-5": (0.6, 0.45, 0.62),
}
TRUTH = "part,reference\n" + "".join(
    f"{part},{'good' if part < 'P-4' else 'bad'}\n" for part in PARTS
)


def call(*arguments: object) -> Any:
    return CliRunner().invoke(app, ["msa", *map(str, arguments)])


def test_the_station_is_an_appraiser_by_presenting_parts_again(
    paths: StationPaths, tmp_path: Path
) -> None:
    truth, trials = tmp_path / "truth.csv", tmp_path / "line1.csv"
    truth.write_text(TRUTH)
    root, since = ("--root", paths.root), ("--since", f"{NOON:%Y-%m-%dT%H:%M}")
    assert call("trials", "line1", truth, "--out", trials, *since, *root).exit_code == 0
    told = call("attribute", trials, "--value", "score", "--json")
    tables = json.loads(told.output)["tables"]
    miss = next(row for row in tables["appraisers"] if row["what"] == "miss rate")
    assert (miss["parts or looks"], miss["share"]) == (6, pytest.approx(1 / 6))
    (zone,) = tables["doubt"]
    assert (zone["always good up to"], zone["always bad from"]) == (
        pytest.approx(0.30333, abs=1e-4),
        pytest.approx(0.90333, abs=1e-4),
    )
    gauge = call("gauge", trials, "--value", "focus", "--output", tmp_path / "focus.html")
    assert gauge.exit_code == 0, gauge.output
    assert "one appraiser" in gauge.output
    assert "of the variation" in (tmp_path / "focus.html").read_text()
    looks = station_looks(paths, parse_truth(TRUTH, "truth"), NOON, 3)
    assert [replace(each, value=None) for each in read_trials([trials])] == looks
    more = call("trials", "line1", truth, "--out", trials, *since, *root, "--trials", "4")
    assert "P-1 (3)" in str(more.exception)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("A,good\nB,bad\nA,bad\n", "part A that it is good, and that it is bad"),
        ("A,good\rB,bad\n", "is no CSV"),
        (f"A,good\n{'B' * 140_000},bad\n", "is no CSV"),
    ],
)
def test_a_truth_that_says_two_things_or_is_no_csv_is_refused(text: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        parse_truth(text, "what was typed")


def test_a_blind_order_has_every_part_in_each_trial_and_no_truth(tmp_path: Path) -> None:
    truth = tmp_path / "truth.csv"
    truth.write_text(TRUTH)
    made = call(
        "order", truth, "--appraiser", "anna", "--appraiser", "ben", "--out", tmp_path / "s"
    )
    assert made.exit_code == 0
    texts = [(tmp_path / "s" / f"{name}.csv").read_text() for name in ("anna", "ben")]
    orders = [[line.split(",")[0] for line in text.splitlines()[1:]] for text in texts]
    assert all(sorted(order) == sorted(list(PARTS) * 3) for order in orders)
    assert orders[0] != orders[1]
    assert "good" not in texts[0]
    filled = [
        "\n".join(
            line + ("good" if line < "P-4" else "bad") if line[:2] == "P-" else line
            for line in text.splitlines()
        )
        for text in texts
    ]
    for name, text in zip(("anna", "ben"), filled, strict=True):
        (tmp_path / f"{name}.csv").write_text(text)
    told = call("attribute", tmp_path / "anna.csv", tmp_path / "ben.csv", truth, "--json")
    assert json.loads(told.output)["verdict"] == "acceptable"


def test_a_study_is_kept_with_word_for_the_log(paths: StationPaths, tmp_path: Path) -> None:
    file = tmp_path / "a.csv"
    file.write_text("part,appraiser,trial,result,reference\na,x,1,good,good\nb,x,1,bad,bad\n")
    kept = call("attribute", file, "--keep", "line1", "--root", paths.root, "--by", "anna")
    assert kept.exit_code == 0, kept.output
    (study,) = studies(paths).iterdir()
    assert json.loads(study.read_text())["who"] == "anna"
    (name,) = notices.names(paths.notices)
    notice = notices.load(paths.notices, name)
    assert notice.occurrence.after == hashlib.sha256(study.read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("part,who,trial\n", "no column appraiser, result"),
        ("part,appraiser,trial,result\na,x,1,maybe\n", "neither good nor bad"),
        ("part,appraiser,trial,result\na,,1,good\n", "appraiser is empty"),
        ("part,appraiser,trial,result\na,x,1,good\na,x,1,bad\n", "there twice"),
        ("part;appraiser;trial;result\na;x;1;good\n", "truth of 1 parts is missing"),
        ("part,reference\na,good\n", "no trial in the file"),
    ],
)
def test_what_a_file_lacks_is_said(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    assert said in str(call("attribute", tmp_path / "a.csv").exception)
