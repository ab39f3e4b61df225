"""A camera's temperature and link: under the names of every generation, and what a check-up makes
of them.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from qc_edge.camera.health import Health, read_health
from qc_edge.camera.nodes import Nodes
from qc_edge.diagnostics.camera import check_health
from qc_edge.diagnostics.finding import Level


class RefusedError(Exception):
    """What a driver raises."""


class _Refusing:
    def IsReadable(self) -> bool:  # noqa: N802
        return True

    @property
    def Value(self) -> float:  # noqa: N802
        raise RefusedError("the sensor does not answer")


def health(**values: Any) -> Health:
    """Of a camera that has these nodes and no others."""
    missing = SimpleNamespace(IsReadable=lambda: False)
    there = {
        name: value
        if isinstance(value, _Refusing)
        else SimpleNamespace(IsReadable=lambda: True, Value=value)
        for name, value in values.items()
    }
    return read_health(
        Nodes(SimpleNamespace(GetNode=lambda name: there.get(name, missing)), RefusedError)
    )


def test_a_usb3_camera() -> None:
    seen = health(DeviceTemperature=48.53, BslTemperatureStatus="Ok", DeviceLinkSpeed=500_000_000)
    assert seen == Health(48.5, "Ok", 4000.0)


def test_an_older_gige_camera() -> None:
    assert health(TemperatureAbs=51.0, GevLinkSpeed=1000) == Health(51.0, None, 1000.0)


def test_a_camera_that_tells_nothing_or_refuses() -> None:
    assert health() == health(DeviceTemperature=_Refusing()) == Health()


@pytest.mark.parametrize(
    ("seen", "levels", "words"),
    [
        (Health(), [], ""),
        (Health(48.5, "Ok", 4000.0), [Level.OK, Level.OK], "4,000 Mbit/s"),
        (Health(71.0, None, None), [Level.WARNING], "hot: 71 °C"),
        (Health(60.0, "Critical", None), [Level.WARNING], "hot: 60 °C Critical"),
        (Health(None, "Error", None), [Level.WARNING], "hot: temperature Error"),
        (Health(None, None, 100.0), [Level.WARNING], "its link runs at 100 Mbit/s"),
    ],
)
def test_what_is_said_of_it(seen: Health, levels: list[Level], words: str) -> None:
    findings = list(check_health(seen))
    assert [finding.level for finding in findings] == levels
    assert words in " ".join(finding.message for finding in findings)
