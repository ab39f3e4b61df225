"""[[view]] in the settings: what is refused, and that a station without views is as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timezone

import pytest

from qc_edge.domain.calibration import starting_calibration
from qc_edge.errors import SettingsError
from qc_edge.settings import Settings, parse_settings, settings_digest, split_changes
from qc_edge.settings.change import settings_text

CAMERAS = '[[camera]]\nname = "top"\n[[camera]]\nname = "side"\n'
TOP = '[[view]]\nname = "above"\ncamera = "top"\n'
SIDE = '[[view]]\nname = "beside"\ncamera = "side"\n'


def settings(more: str = "") -> Settings:
    return parse_settings('[station]\nname = "line1"\n' + more, "line1.toml")


def test_a_camera_and_a_node_are_views() -> None:
    node = '[[view]]\nname = "below"\ncamera = "incoming/cell-2"\nrequired = false\n'
    views = settings(CAMERAS + TOP + SIDE + node).view
    assert [view.frames_of for view in views] == ["top", "side", "cell-2"]
    assert [view.required for view in views] == [True, True, False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (TOP, "view 'above' has the camera 'top', and no [[camera]] has that name (there is none)"),
        (CAMERAS + TOP, "no view has the camera side"),
        (CAMERAS + TOP + SIDE.replace("beside", "above"), "given twice: above"),
        (
            CAMERAS + TOP + SIDE + TOP.replace("above", "again") + "roi = [0, 0, 9, 9]\n",
            "the views above, again have the same camera 'top': a frame is judged once",
        ),
        (CAMERAS + SIDE + TOP.replace('"top"', '"incoming/top"'), "takes frames of the node 'top'"),
        (CAMERAS + TOP + SIDE + "threshold = 1.5\n", "view[beside].threshold: got 1.5"),
        (CAMERAS + TOP + SIDE + 'bundle = "no version"\n', "view[beside].bundle: got"),
        (CAMERAS + TOP + SIDE + "roi = [0, 0, 0, 9]\n", "expected [x, y, width, height]"),
        (CAMERAS + TOP + SIDE + 'lens = "wide"\n', "view[beside].lens: unknown key"),
        (
            CAMERAS + TOP + 'bundle = "one@1"\n' + SIDE + 'bundle = "two@1"\n',
            "every view names a bundle of its own",
        ),
        ('[view]\nname = "above"\n', "each view is a section of its own: [[view]]"),
    ],
)
def test_views_that_do_not_fit_are_refused(text: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(text)
    assert said in refused.value.message


def test_without_views_the_digest_is_what_it_was_before_there_were_any() -> None:
    assert "view" not in json.loads(settings_text(settings(CAMERAS)))
    assert settings_digest(settings()) == (
        "3186355062de087c5a7f5dc89047f8bb7029741de81c6fef630c133e92938bd6"
    )


def test_a_view_that_comes_is_named_and_needs_a_restart() -> None:
    live, restart = split_changes(settings(CAMERAS), settings(CAMERAS + TOP + SIDE))
    assert live == ()
    assert 'view: none -> ["above", "beside"]' in map(str, restart)
    one, other = CAMERAS + TOP + SIDE, CAMERAS + TOP + SIDE + "threshold = 0.25\n"
    _, restart = split_changes(settings(one), settings(other))
    assert list(map(str, restart)) == ["view.beside.threshold: none -> 0.25"]


def test_a_calibration_without_a_region_gets_that_of_its_view() -> None:
    views = settings(CAMERAS + TOP + SIDE + "roi = [1, 2, 30, 40]\n")
    record = starting_calibration("line1", "side", datetime(2026, 1, 1, tzinfo=timezone.utc))
    assert views.as_seen(record, "side").roi == (1, 2, 30, 40)
    assert views.as_seen(record, "top").roi is None
    own = replace(record, roi=(5, 5, 50, 50))
    assert views.as_seen(own, "side") == own
