"""A camera's GenICam nodes by name: read them, set them, and collect every setting that is refused.

Knows how nodes behave, not what any of them means; imports no driver.
"""

from __future__ import annotations

from typing import Any

Value = str | int | float | bool


class Nodes:
    """The nodes of one opened camera, used by the thread that opened it.

    `driver_error` is the exception class that the camera's driver raises. `refused` has one line
    for each setting that the camera did not take: all are shown together, not the first alone.
    """

    def __init__(self, node_map: Any, driver_error: type[Exception]) -> None:
        self._map = node_map
        self._driver_error = driver_error
        self.refused: list[str] = []

    def read(self, *names: str) -> Any:
        """The value of the first of `names` that can be read, None if none can."""
        for name in names:
            node = self._map.GetNode(name)
            if node.IsReadable():
                return node.Value
        return None

    def read_optional(self, *names: str) -> Any:
        """As `read`, but None also where the camera answers with an error."""
        try:
            return self.read(*names)
        except self._driver_error:
            return None

    def maximum(self, name: str) -> int:
        """The largest value that the whole-number node `name` takes now."""
        return int(self._map.GetNode(name).Max)

    def choices(self, name: str) -> tuple[str, ...]:
        """What the enumeration `name` can be set to now; empty if there is no such node."""
        node = self._map.GetNode(name)
        return tuple(node.GetSettableValues()) if node.IsWritable() else ()

    def set(self, setting: str, value: Value, *names: str) -> None:
        """Set the first of `names` that this camera has to `value`; a refusal is recorded.

        `setting` is the key in the settings file that asks for it.
        """
        node = self._first_present(names)
        if node is None:
            self.record_refusal(setting, " or ".join(names), value, "this camera has no such node")
            return
        name = str(node.GetNode().GetName())
        try:
            # A node that has the value already may be locked, and that is no refusal.
            if node.IsReadable() and node.Value == value:
                return
            if not node.IsWritable():
                why = f"it is read-only and stands at {node.Value}"
                self.record_refusal(setting, name, value, why)
                return
            # GenICam's own message names neither the limits nor the nearest value that would do.
            if violation := _violated_limits(node, value):
                self.record_refusal(setting, name, value, violation)
                return
            node.Value = int(value) if _is_integer_node(node) else value
        except self._driver_error as fault:
            # What follows " : " is the place in GenICam's own source.
            self.record_refusal(setting, name, value, str(fault).split(" : ", 1)[0])

    def set_if_available(self, value: Value, *names: str) -> None:
        """Set the first of `names` to `value` where the camera has it and takes that value."""
        node = self._first_present(names)
        if node is None or not node.IsWritable() or _violated_limits(node, value):
            return
        node.Value = value

    def record_refusal(self, setting: str, name: str, value: Value, why: str) -> None:
        """Remember that `setting` (node `name`) cannot be `value`, and why."""
        self.refused.append(f"{setting}: {name} = {_format(value)} refused; {why}")

    def _first_present(self, names: tuple[str, ...]) -> Any:
        for name in names:
            node = self._map.GetNode(name)
            if node.IsReadable() or node.IsWritable():
                return node
        return None


def _violated_limits(node: Any, value: Value) -> str:
    """What the node allows, as a sentence, if `value` is not allowed; empty if it is."""
    if isinstance(value, str):
        if not hasattr(node, "GetSettableValues") or value in (allowed := node.GetSettableValues()):
            return ""
        return f"allowed: {', '.join(allowed) or 'nothing now'}"
    if isinstance(value, bool):  # before the numbers: bool is a kind of int in Python
        return ""
    low, high = node.Min, node.Max
    step = node.Inc if not hasattr(node, "HasInc") or node.HasInc() else None
    steps = f" in steps of {_format(step)}" if step else ""
    allowed_range = f"allowed: {_format(low)} to {_format(high)}{steps}"
    if not low <= value <= high:
        return allowed_range
    is_whole = _is_integer_node(node)
    if is_whole and value != int(value):
        return f"{allowed_range}, whole numbers"
    if is_whole and step and (below := (int(value) - low) // step * step + low) != value:
        above = f" and {below + step}" if below + step <= high else ""
        return f"{allowed_range}; nearest: {below}{above}"
    return ""


def _is_integer_node(node: Any) -> bool:
    """True for a whole-number node; it takes no float, not even 3.0."""
    return isinstance(getattr(node, "Min", None), int)


def _format(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
