"""How the command line tells an error: its words on stderr, its exit code."""

from __future__ import annotations

import errno
import sys

from qc_edge.errors import QcEdgeError, RightsError, StoreError
from qc_edge.terminal.streams import close_output, drop_output


def as_error(fault: OSError) -> QcEdgeError:
    """What the system refused, as an error for a person. Raises `fault` if it is about no file."""
    if isinstance(fault, PermissionError) and fault.filename is not None:
        return RightsError(f"{fault.filename}: this user may not use it")
    if fault.filename is not None:
        return StoreError(f"cannot use {fault.filename}: {fault.strerror}")
    if fault.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}:
        return StoreError(f"cannot write the output: {fault.strerror}")
    raise fault


def end_with(error: QcEdgeError) -> int:
    """Tell the error, if that can be told, and return its exit code."""
    try:
        _print_error(error)
    except OSError:
        drop_output(sys.stderr)
    # What was printed before it may be what could not be written.
    if close_output() is not None and sys.stdout is not None:
        drop_output(sys.stdout)
    return error.exit_code


def _print_error(error: QcEdgeError) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    console.print(Text.assemble(("error: ", "bold red"), error.message))
    if error.hint:
        console.print(Text.assemble(("hint: ", "bold cyan"), error.hint))
