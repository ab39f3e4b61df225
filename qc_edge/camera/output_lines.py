"""The output lines of an opened camera, each driven by a "user output" of the camera.

Inactive from the moment they are taken until the camera is closed. What no program can do: a camera
whose cable is pulled, or whose process is killed, keeps its levels until it is taken again.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from qc_edge.camera.nodes import Nodes
from qc_edge.errors import CameraError

_USER_OUTPUT = "UserOutput"


class OutputLines:
    """Of one camera. `attach` and `detach` belong to the thread that opens and closes it, the rest
    to one other: a camera that is closed between two nodes would end the process.
    """

    def __init__(self, camera: str, driver_error: type[Exception]) -> None:
        """`driver_error` is the class of what the camera's driver raises."""
        self._camera, self._driver_error = camera, driver_error
        self._lock = threading.Lock()
        self._map: Any = None
        self._outputs: dict[str, str] = {}

    def attach(self, node_map: Any) -> None:
        """The camera is open; nobody has its lines."""
        with self._lock:
            self._map, self._outputs = node_map, {}

    def detach(self) -> None:
        """It will be closed: all inactive, if it still answers."""
        with self._lock:
            for line in self._outputs if self._map is not None else ():
                with suppress(self._driver_error, CameraError):
                    self._put(line, is_active=False)
            self._map, self._outputs = None, {}

    def take(self, lines: Sequence[str], *, inverted: bool) -> None:
        """Have these as outputs, inactive. Raises CameraError where the camera is away, or has no
        such line or no user output for it.
        """
        with self._lock:
            nodes = self._nodes()
            self._outputs = {}
            try:
                for line in lines:
                    self._outputs[line] = self._take(nodes, line, inverted=inverted)
            except self._driver_error as fault:
                raise self._lost(str(fault)) from fault
            if nodes.refused:
                self._outputs = {}
                raise CameraError(
                    f"camera {self._camera} refuses its lines: {'; '.join(nodes.refused)}",
                    hint="the camera's own page of Basler's documentation says which lines it has",
                )

    def put(self, line: str, *, is_active: bool) -> None:
        """The level of a line that was taken. Raises CameraError if the camera was closed since."""
        with self._lock:
            self._put(line, is_active=is_active)

    def check(self) -> None:
        """Raises CameraError unless the lines are still those that were taken."""
        with self._lock:
            if self._map is None or not self._outputs:
                raise self._lost("it was closed or opened anew")

    def _take(self, nodes: Nodes, line: str, *, inverted: bool) -> str:
        """The user output that drives it: the first that the line takes and no other one has."""
        nodes.set("output", line, "LineSelector")
        if inverted:  # refused where the line cannot: its inactive level would be the active one
            nodes.set("active_low", True, "LineInverter")
        else:
            nodes.set_if_available(False, "LineInverter")
        found = self._free(nodes)
        if found is None:  # a line that can be both offers its sources once it is an output
            nodes.set("output", "Output", "LineMode")
            found = self._free(nodes)
        if found is None:
            why = "no user output is left for it"
            nodes.record_refusal("output", "LineSource", line, why)
            return ""
        nodes.set("output", found, "UserOutputSelector")
        nodes.set("output", False, "UserOutputValue")
        nodes.set("output", found, "LineSource")
        nodes.set("output", "Output", "LineMode")
        return found

    def _free(self, nodes: Nodes) -> str | None:
        taken = set(self._outputs.values())
        choices = [each for each in nodes.choices("LineSource") if each.startswith(_USER_OUTPUT)]
        return next((each for each in choices if each not in taken), None)

    def _put(self, line: str, *, is_active: bool) -> None:
        if line not in self._outputs:
            raise self._lost("it was closed or opened anew")
        nodes = self._nodes()
        try:
            nodes.set("output", self._outputs[line], "UserOutputSelector")
            nodes.set("output", is_active, "UserOutputValue")
        except self._driver_error as fault:
            raise self._lost(str(fault)) from fault
        if nodes.refused:
            raise self._lost("; ".join(nodes.refused))

    def _nodes(self) -> Nodes:
        if self._map is None:
            raise self._lost("it is not open")
        return Nodes(self._map, self._driver_error)

    def _lost(self, why: str) -> CameraError:
        return CameraError(f"the lines of camera {self._camera} are not to be had: {why}")
