"""The section [part]: what fits the views, and what follows from leaving keys out."""

from __future__ import annotations

import pytest

from qc_edge.domain.parts.rules import PartRule
from qc_edge.errors import SettingsError
from qc_edge.settings import Settings, ViewSettings, parse_settings
from qc_edge.settings.change import settings_digest
from qc_edge.settings.render import render_settings, toml_value

VIEWS = [
    {"name": "above", "camera": "incoming/top"},
    {"name": "beside", "camera": "incoming/side"},
]


def settings(**part: object) -> Settings:
    return parse_settings(
        render_settings({"station": {"name": "line1"}, "part": part}, [], VIEWS), "line1.toml"
    )


def test_weights_are_a_table_by_view() -> None:
    weighted = settings(rule="weighted", weights={"above": 2.0}, reject_at=0.4)
    rules = weighted.part.rules(1000.0, weighted.view)
    assert (rules.rule, rules.reject_at) == (PartRule.WEIGHTED, 0.4)
    assert (rules.weight("above"), rules.weight("beside")) == (2.0, 1.0)
    assert toml_value({"above": 2.0}) == "{ above = 2.0 }"


def test_own_cameras_bring_no_id_so_that_time_decides() -> None:
    part, nodes = settings().part, settings().view
    own = (ViewSettings(name="above", camera="top"),)
    assert not part.rules(1000.0, nodes).by_trigger
    assert part.rules(1000.0, own).by_trigger
    assert part.rules(1000.0, own).wait_ms == 750.0
    assert part.rules(100.0, own).wait_ms == part.window_ms
    assert not settings(match="id").part.rules(1000.0, own).by_trigger


@pytest.mark.parametrize(
    ("part", "words"),
    [
        ({"weights": {"top": 1.0}}, "no view is named top"),
        ({"weights": {"above": 0.0}}, "above 0: above"),
        ({"rule": "k_of_n", "fail_at": 3}, "only 2 views"),
        ({"match": "counter"}, "match"),
    ],
)
def test_what_does_not_fit_is_refused(part: dict[str, object], words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings(**part)


def test_the_section_left_at_its_defaults_changes_no_digest() -> None:
    plain = settings()
    assert settings_digest(plain) == settings_digest(settings(rule="worst"))
    assert settings_digest(plain) != settings_digest(settings(window_ms=40.0))
