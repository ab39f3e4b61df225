"""Two settings: their digests, and what a running station takes over."""

from __future__ import annotations

import pytest

from qc_edge.settings import Settings, apply_live, parse_settings, settings_digest, split_changes
from qc_edge.settings.change import LIVE

CAMERA = '[[camera]]\nname = "top"\n'


def settings(more: str = "") -> Settings:
    return parse_settings('[station]\nname = "line1"\n' + more, "line1.toml")


def test_equal_settings_have_one_digest_however_they_are_written() -> None:
    assert settings_digest(settings()) == settings_digest(settings("deadline_ms = 1000\n[log]\n"))
    assert settings_digest(settings()) != settings_digest(settings("deadline_ms = 1001\n"))


@pytest.mark.parametrize(
    "text",
    [
        "deadline_ms = 5",
        "[model]\nthreshold = 0.4",
        "[model]\nreview_band = 0.1",
        '[log]\nlevel = "debug"',
        "[storage]\nstop_free_mb = 7",
        '[incoming]\nsidecar = "required"',
    ],
)
def test_what_is_live_applies_at_once(text: str) -> None:
    live, restart = split_changes(settings(), settings(text))
    assert len(live) == 1
    assert restart == ()
    assert apply_live(settings(), settings(text)) == settings(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ('roles = ["inspect"]', "station.roles"),
        ('[model]\nbundle = "other@2"', "model.bundle"),
        ("[engine]\nthreads = 3", "engine.threads"),
        ("[incoming]\nenabled = false", "incoming.enabled"),
        (CAMERA + "exposure_us = 50", "camera.top.exposure_us"),
    ],
)
def test_everything_else_needs_a_restart(text: str, name: str) -> None:
    old = settings(CAMERA if "camera" in name else "")
    live, restart = split_changes(old, settings(text))
    assert live == ()
    assert [change.name for change in restart] == [name]
    assert apply_live(old, settings(text)) == old


def test_a_new_camera_is_named() -> None:
    _, restart = split_changes(settings(), settings(CAMERA))
    assert str(restart[0]) == 'camera: [] -> ["top"]'


def test_of_a_mixed_change_only_the_live_part_is_in_force() -> None:
    new = settings("[model]\nthreshold = 0.4\n[engine]\nthreads = 3")
    live, restart = split_changes(settings(), new)
    assert [str(change) for change in live] == ["model.threshold: none -> 0.4"]
    assert [str(change) for change in restart] == ["engine.threads: 0 -> 3"]
    assert apply_live(settings(), new) == settings("[model]\nthreshold = 0.4")


def test_every_live_name_is_a_setting() -> None:
    for name in LIVE:
        section, _, key = name.partition(".")
        model = Settings.model_fields[section].annotation
        assert model is not None
        assert not key or key in model.model_fields
