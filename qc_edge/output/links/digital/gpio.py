"""The digital lines of a Linux GPIO chip. This module alone knows gpiod."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qc_edge.errors import OutputError
from qc_edge.output.links.digital.link import DigitalLink
from qc_edge.output.links.digital.pulses import pulses_of
from qc_edge.output.links.digital.wiring import Wiring
from qc_edge.settings.outside.outputs.gpio import GpioSettings

try:
    import gpiod
    from gpiod.line import Direction, Value
except ImportError as fault:
    raise OutputError(
        f"the protocol gpio needs gpiod, which cannot be imported: {fault}",
        hint="pip install 'qc-edge[gpio]'",
    ) from fault

if TYPE_CHECKING:
    from gpiod import LineRequest


class GpioPins:
    """Fulfils `qc_edge.output.links.digital.link.Pins`."""

    def __init__(self, settings: GpioSettings) -> None:
        self._settings = settings
        given = settings
        self._wiring = Wiring(given.accept, given.reject, given.hold, given.ready)
        self._request: LineRequest | None = None

    def open(self) -> None:
        """Take them as outputs, all inactive from the first moment on."""
        given = self._settings
        how = gpiod.LineSettings(
            direction=Direction.OUTPUT,
            active_low=given.active_low,
            output_value=Value.INACTIVE,
        )
        try:
            self._request = gpiod.request_lines(
                given.chip, dict.fromkeys(self._wiring.lines, how), consumer="qc-edge"
            )
        except (OSError, ValueError) as fault:
            raise OutputError(
                f"lines {sorted(self._wiring.lines)} of {given.chip} are not to be had: {fault}",
                hint="gpioinfo; who has them, and may the unit use the chip (DeviceAllow=)?",
            ) from fault

    def set(self, name: str, *, is_active: bool) -> None:
        """Two that share a line are active while one of them is."""
        level = self._wiring.level(name, is_active=is_active)
        if level is None or self._request is None:
            return
        number, is_up = level
        try:
            self._request.set_value(number, Value.ACTIVE if is_up else Value.INACTIVE)
        except (OSError, ValueError) as fault:
            raise OutputError(f"line {number} of {self._settings.chip}: {fault}") from fault

    def check(self) -> None:
        """The kernel leaves them to whoever holds them."""

    def close(self) -> None:
        """Inactive, whatever the chip makes of a line that nobody holds."""
        request, self._request = self._request, None
        if request is None:
            return
        self._wiring.clear()
        with suppress(OSError):  # the chip is gone
            request.set_values(dict.fromkeys(self._wiring.lines, Value.INACTIVE))
        request.release()


def make_link(settings: GpioSettings) -> DigitalLink:
    """The lines of these settings."""
    return DigitalLink(GpioPins(settings), settings.place, pulses_of(settings))
