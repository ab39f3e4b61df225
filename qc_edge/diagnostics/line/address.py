"""Whether an output of the settings can listen: its library, its address, its port."""

from __future__ import annotations

import importlib.util
import socket
from collections.abc import Iterator

from qc_edge.diagnostics.finding import Finding, ok
from qc_edge.diagnostics.liveness import is_running
from qc_edge.errors import OutputError
from qc_edge.settings import OutputSettings, Settings, StationPaths

_LIBRARIES = {
    "modbus": "pymodbus",
    "mqtt": "paho",
    "opcua": "asyncua",
    "s7": "snap7",
    "ethernetip": "pycomm3",
    "gpio": "gpiod",
}


def check_output(
    paths: StationPaths, settings: Settings, output: OutputSettings
) -> Iterator[Finding]:
    """Look for the library, and try the port unless the station runs and has it."""
    library = _LIBRARIES.get(output.protocol)
    if library and importlib.util.find_spec(library) is None:
        missing = OutputError(
            f"the protocol {output.protocol} needs {library}, which is not installed",
            hint=f"pip install 'qc-edge[{output.protocol}]'",
        )
        yield Finding.of_error(missing)
        return
    for place in () if is_running(paths, settings) else output.listens:
        try:
            with socket.create_server(place):
                pass
        except OSError as refused:
            taken = OutputError(
                f"cannot listen at {output.place}: {refused.strerror}",
                hint="is the address one of this machine, and the port free? ip address; ss -ltn",
            )
            yield Finding.of_error(taken)
            return
    yield ok(f"{output.protocol} at {output.place}")
