"""The digital lines of a Linux GPIO chip. This module alone knows gpiod."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from qc_edge.errors import OutputError
from qc_edge.output.links.digital.link import DigitalLink
from qc_edge.output.links.digital.pulses import Pulses
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

_NS_IN_MS = 1_000_000


class GpioPins:
    """Fulfils `qc_edge.output.links.digital.link.Pins`."""

    def __init__(self, settings: GpioSettings) -> None:
        self._settings = settings
        wired = {"accept": settings.accept, "reject": settings.reject, "hold": settings.hold}
        wired["hold"] = settings.reject if settings.hold is None else settings.hold
        wired["ready"] = settings.ready
        self._wired = {name: number for name, number in wired.items() if number is not None}
        self._active: dict[int, set[str]] = {number: set() for number in self._wired.values()}
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
                given.chip, dict.fromkeys(self._active, how), consumer="qc-edge"
            )
        except (OSError, ValueError) as fault:
            raise OutputError(
                f"the lines {sorted(self._active)} of {given.chip} are not to be had: {fault}",
                hint="gpioinfo; who has them, and may the unit use the chip (DeviceAllow=)?",
            ) from fault

    def set(self, name: str, *, is_active: bool) -> None:
        """Two that share a line are active while one of them is."""
        number = self._wired.get(name)
        if number is None or self._request is None:
            return
        names = self._active[number]
        if is_active:
            names.add(name)
        else:
            names.discard(name)
        try:
            self._request.set_value(number, Value.ACTIVE if names else Value.INACTIVE)
        except (OSError, ValueError) as fault:
            raise OutputError(f"line {number} of {self._settings.chip}: {fault}") from fault

    def close(self) -> None:
        """Inactive, whatever the chip makes of a line that nobody holds."""
        request, self._request = self._request, None
        if request is None:
            return
        for names in self._active.values():
            names.clear()
        with suppress(OSError):  # the chip is gone
            request.set_values(dict.fromkeys(self._active, Value.INACTIVE))
        request.release()


def make_link(settings: GpioSettings) -> DigitalLink:
    """The lines of these settings."""
    delay_ms = settings.delay_ms
    delay_ns = None if delay_ms is None else int(delay_ms * _NS_IN_MS)
    pulses = Pulses(int(settings.pulse_ms * _NS_IN_MS), delay_ns)
    return DigitalLink(GpioPins(settings), settings.place, pulses)
