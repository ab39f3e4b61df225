"""The shell of `qc-edge sql`: history, several lines until the semicolon, names completed by the
Tab key.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from qc_edge.terminal.options import out

if TYPE_CHECKING:
    from qc_edge.query.sql_session import SqlSession
    from qc_edge.terminal.sql_answer import ResultPrinter

_HISTORY = 2000

HELP = """\
A statement ends with a semicolon and may span lines. Ctrl-C drops it, or ends a running one.
  .tables         the views and macros that can be asked
  .mode MODE      table, csv or json
  .help           this
  .quit           or Ctrl-D
DESCRIBE inspections;   the columns of a view
"""


def run(asking: SqlSession, show: ResultPrinter, station: str) -> None:
    """Until .quit or the end of the input. A fault is said and the next statement asked for."""
    _remember(asking)
    out().print(
        f"the log of [bold]{station}[/bold], read-only, times in UTC; .help, .tables, .quit"
    )
    pending: str | None = ""
    while pending is not None:
        try:
            pending = _take(input("   ...> " if pending else f"{station}> "), pending, asking, show)
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            pending = ""


def _take(line: str, pending: str, asking: SqlSession, show: ResultPrinter) -> str | None:
    """Do what the line completes; what is pending after it, None to leave."""
    from qc_edge.errors import QcEdgeError

    if not pending and line.strip().startswith("."):
        if line.split()[0] in {".quit", ".exit", ".q"}:
            return None
        _dot(line.split(), asking, show)
        return ""
    text = f"{pending}\n{line}" if pending else line
    if not text.strip():
        return ""
    if not asking.is_complete(text):
        return text
    try:
        for statement in asking.statements(text):
            show(statement)
    except QcEdgeError as fault:
        out().print(f"{fault}", markup=False, style="red")
    except KeyboardInterrupt:
        asking.interrupt()
        out().print("stopped")
    return ""


def _dot(words: list[str], asking: SqlSession, show: ResultPrinter) -> None:
    console = out()
    if words[0] in {".tables", ".views"}:
        for each in asking.relations():
            console.print(str(each), markup=False)
    elif words[0] == ".mode" and words[1:] in (["table"], ["csv"], ["json"]):
        show.kind = words[1]
    elif words[0] == ".help":
        console.print(HELP, markup=False, end="")
    else:
        console.print(f"there is no {' '.join(words)}; .help shows what there is", markup=False)


def _remember(asking: SqlSession) -> None:
    """History and Tab, where this Python has readline."""
    try:
        import readline
    except ImportError:
        return
    state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state")
    history = state / "qc-edge/sql_history"
    with contextlib.suppress(OSError):
        history.parent.mkdir(parents=True, exist_ok=True)
        readline.read_history_file(history)
    readline.set_history_length(_HISTORY)

    def keep() -> None:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)

    atexit.register(keep)
    names = asking.completions()

    def complete(text: str, state: int) -> str | None:
        found = [name for name in names if name.lower().startswith(text.lower())] if text else []
        return found[state] if state < len(found) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n,()=<>+-*/;'\"")
    readline.parse_and_bind("tab: complete")
