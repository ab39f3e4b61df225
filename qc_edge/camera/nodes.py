"""A camera's GenICam nodes by name: set, read, and every refused setting remembered in words.

Knows how nodes behave, not what any of them means; imports no driver.
"""

from __future__ import annotations

from typing import Any

Value = str | int | float | bool


class Nodes:
    """The nodes of one opened camera. `fault` is the exception class that its driver raises."""

    def __init__(self, node_map: Any, fault: type[Exception]) -> None:
        self._map = node_map
        self._fault = fault
        self.refused: list[str] = []

    def read(self, *names: str) -> Any:
        """The value of the first of `names` that can be read, None if none can."""
        for name in names:
            node = self._map.GetNode(name)
            if node.IsReadable():
                return node.Value
        return None

    def ask(self, *names: str) -> Any:
        """As `read`, for what is only good to know: None also where the camera refuses."""
        try:
            return self.read(*names)
        except self._fault:
            return None

    def maximum(self, name: str) -> int:
        """The largest value that the whole-number node `name` takes now."""
        return int(self._map.GetNode(name).Max)

    def choices(self, name: str) -> tuple[str, ...]:
        """What the enumeration `name` can be set to now; empty if there is no such node."""
        node = self._map.GetNode(name)
        return tuple(node.GetSettableValues()) if node.IsWritable() else ()

    def put(self, setting: str, wanted: Value, *names: str) -> None:
        """Set the first of `names` that this camera has to `wanted`; a refusal is remembered.

        `setting` is the key in the settings file that asks for it.
        """
        node = self._find(names)
        if node is None:
            self.refuse(setting, " or ".join(names), wanted, "this camera has no such node")
            return
        name = str(node.GetNode().GetName())
        try:
            if node.IsReadable() and node.Value == wanted:
                return
            if not node.IsWritable():
                self.refuse(setting, name, wanted, f"it is read-only and stands at {node.Value}")
                return
            if limits := _limits(node, wanted):
                self.refuse(setting, name, wanted, limits)
                return
            node.Value = int(wanted) if _counts(node) else wanted
        except self._fault as fault:
            self.refuse(setting, name, wanted, str(fault).split(" : ", 1)[0])

    def put_if_there(self, wanted: Value, *names: str) -> None:
        """Set the first of `names` to `wanted` where the camera has it and offers that value."""
        node = self._find(names)
        if node is None or not node.IsWritable() or _limits(node, wanted):
            return
        node.Value = wanted

    def refuse(self, setting: str, name: str, wanted: Value, why: str) -> None:
        """Remember that `setting` (node `name`) cannot be `wanted`."""
        self.refused.append(f"{setting}: {name} = {_shown(wanted)} refused; {why}")

    def _find(self, names: tuple[str, ...]) -> Any:
        for name in names:
            node = self._map.GetNode(name)
            if node.IsReadable() or node.IsWritable():
                return node
        return None


def _limits(node: Any, wanted: Value) -> str:
    """What the node allows, in words, if `wanted` is not allowed; else nothing."""
    if isinstance(wanted, str):
        if not hasattr(node, "GetSettableValues") or wanted in (
            allowed := node.GetSettableValues()
        ):
            return ""
        return f"allowed: {', '.join(allowed) or 'nothing now'}"
    if isinstance(wanted, bool):
        return ""
    low, high = node.Min, node.Max
    step = node.Inc if not hasattr(node, "HasInc") or node.HasInc() else None
    allowed_range = f"allowed: {_shown(low)} to {_shown(high)}" + (
        f" in steps of {_shown(step)}" if step else ""
    )
    if not low <= wanted <= high:
        return allowed_range
    whole = _counts(node)
    if whole and wanted != int(wanted):
        return f"{allowed_range}, whole numbers"
    if whole and step and (below := (int(wanted) - low) // step * step + low) != wanted:
        above = f" and {below + step}" if below + step <= high else ""
        return f"{allowed_range}; nearest: {below}{above}"
    return ""


def _counts(node: Any) -> bool:
    """True for a whole-number node; it takes no float, not even 3.0."""
    return isinstance(getattr(node, "Min", None), int)


def _shown(value: Value) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)
