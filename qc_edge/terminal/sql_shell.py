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
    from qc_edge.terminal.sql_result import ResultPrinter

_HISTORY = 2000

HELP = """\
A statement ends with a semicolon and may span lines. Ctrl-C drops it, or ends a running one.
  .tables         the views and macros that can be asked
  .mode MODE      table, csv or json
  .help           this
  .quit           or Ctrl-D
DESCRIBE inspections;   the columns of a view
"""


def run(session: SqlSession, printer: ResultPrinter, station: str) -> None:
    """Read and run statements until .quit or the end of the input. Errors are printed, and the next
    statement is read.
    """
    _set_up_readline(session)
    out().print(
        f"the log of [bold]{station}[/bold], read-only, times in UTC; .help, .tables, .quit"
    )
    pending: str | None = ""
    while pending is not None:
        try:
            line = input("   ...> " if pending else f"{station}> ")
            pending = _handle_line(line, pending, session, printer)
        except EOFError:
            sys.stdout.write("\n")
            return
        except KeyboardInterrupt:
            sys.stdout.write("\n")
            pending = ""


def _handle_line(
    line: str, pending: str, session: SqlSession, printer: ResultPrinter
) -> str | None:
    """Run the statement or dot command that `line` completes.

    Gives the text of the statement that is still incomplete, None to leave the shell.
    """
    from qc_edge.errors import QcEdgeError

    if not pending and line.strip().startswith("."):
        if line.split()[0] in {".quit", ".exit", ".q"}:
            return None
        _run_dot_command(line.split(), session, printer)
        return ""
    text = f"{pending}\n{line}" if pending else line
    if not text.strip():
        return ""
    if not session.is_complete(text):
        return text
    try:
        for statement in session.statements(text):
            printer(statement)
    except QcEdgeError as fault:
        out().print(f"{fault}", markup=False, style="red")
    except KeyboardInterrupt:
        session.interrupt()
        out().print("stopped")
    return ""


def _run_dot_command(command: list[str], session: SqlSession, printer: ResultPrinter) -> None:
    console = out()
    if command[0] in {".tables", ".views"}:
        for relation in session.relations():
            console.print(str(relation), markup=False)
    elif command[0] == ".mode" and command[1:] in (["table"], ["csv"], ["json"]):
        printer.kind = command[1]
    elif command[0] == ".help":
        console.print(HELP, markup=False, end="")
    else:
        console.print(f"there is no {' '.join(command)}; .help shows what there is", markup=False)


def _set_up_readline(session: SqlSession) -> None:
    """History over sessions and completion by Tab, where this Python has readline."""
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

    def write_history() -> None:
        with contextlib.suppress(OSError):
            readline.write_history_file(history)

    atexit.register(write_history)
    names = session.completions()

    def complete(text: str, state: int) -> str | None:
        matches = [name for name in names if name.lower().startswith(text.lower())] if text else []
        return matches[state] if state < len(matches) else None

    readline.set_completer(complete)
    readline.set_completer_delims(" \t\n,()=<>+-*/;'\"")
    readline.parse_and_bind("tab: complete")
