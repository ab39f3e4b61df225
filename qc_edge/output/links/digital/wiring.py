"""Which line says what: two words may share one, which is active while one of them is said."""

from __future__ import annotations

from typing import Generic, TypeVar

Line = TypeVar("Line", str, int)


class Wiring(Generic[Line]):
    """HOLD goes over the line of REJECT where it has none of its own."""

    def __init__(
        self, accept: Line, reject: Line | None, hold: Line | None, ready: Line | None
    ) -> None:
        """None: there is no such line."""
        wired: dict[str, Line | None] = {"accept": accept, "reject": reject, "ready": ready}
        wired["hold"] = reject if hold is None else hold
        self._wired: dict[str, Line] = {
            name: line for name, line in wired.items() if line is not None
        }
        self._said: dict[Line, set[str]] = {line: set() for line in self._wired.values()}

    @property
    def lines(self) -> list[Line]:
        """Each once."""
        return list(self._said)

    def level(self, name: str, *, is_active: bool) -> tuple[Line, bool] | None:
        """The line of `name` and its level from now on; None if it has none."""
        line = self._wired.get(name)
        if line is None:
            return None
        said = self._said[line]
        if is_active:
            said.add(name)
        else:
            said.discard(name)
        return line, bool(said)

    def clear(self) -> None:
        """Nothing is said."""
        for said in self._said.values():
            said.clear()
