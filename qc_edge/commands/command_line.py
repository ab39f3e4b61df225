"""How a command line is read: what cannot be read ends with 64, and -0.4 may be a number."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import typer

from qc_edge.errors import UsageError

_UsageError: type[Any] = typer.BadParameter.__mro__[1]
"""click's, or that of the copy that newer versions of typer carry."""


class Program(typer.core.TyperGroup):
    """The command, or a group of verbs: whatever cannot be read of a command line ends with 64."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read the options before the verb."""
        with _usage_ends_with_64():
            return super().make_context(*args, **kwargs)

    def invoke(self, ctx: Any) -> Any:
        """Read the verb's own command line and run it."""
        with _usage_ends_with_64():
            return super().invoke(ctx)


@contextmanager
def _usage_ends_with_64() -> Iterator[None]:
    try:
        yield
    except _UsageError as fault:
        # 2, as click has it, is what `qc-edge doctor` says of a station that is red.
        fault.exit_code = UsageError.exit_code
        raise


class Verb(typer.core.TyperCommand):
    """A verb whose last argument may be a negative number: `-0.4` is no option."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put `--` in front of a negative number, so that click looks for no option in it."""
        for at, text in enumerate(args):
            if text == "--":
                break
            if re.fullmatch(r"-(\d|\.\d|inf|nan)\S*", text) and not self._takes_a_value(
                args[at - 1]
            ):
                args = [*args[:at], *args[at + 1 :], "--", text]
                break
        return super().parse_args(ctx, args)

    def _takes_a_value(self, before: str) -> bool:
        """True if `before` is an option with a value: then the number belongs to it."""
        options = (parameter for parameter in self.params if before in parameter.opts)
        return any(not getattr(option, "is_flag", False) for option in options)
