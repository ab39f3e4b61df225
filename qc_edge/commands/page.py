"""`qc-edge page`: the station's page in the foreground, as systemd starts it."""

from __future__ import annotations

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root


def command(name: Name, root: Root = DEFAULT_ROOT) -> None:
    """Serve the station's page until SIGTERM or Ctrl-C, at the address in [bold]\\[page][/bold] of
    its settings.

    A process of its own: the station runs with or without it. [bold]qc-edge user[/bold] says who
    may log in. Exit codes: 0 told to stop, 74 address taken or a file does not read, 78 settings.

    [dim]Examples:[/dim]
      [bold]qc-edge page line1[/bold]
      [bold]sudo systemctl enable --now qc-edge-page@line1[/bold]
    """
    from qc_edge.errors import QcEdgeError
    from qc_edge.service.logs import start_logging
    from qc_edge.service.notify import report_fatal_error
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.page_modules import page_modules

    paths = StationPaths(root.absolute(), name)
    try:
        settings = load_settings(paths.settings)
        # As root: the station must be able to read what the page leaves for it.
        act_as_owner(paths.state)
        start_logging(settings.log.level, name)
        with page_modules():
            from qc_edge.web.server import serve
        serve(paths)
    except QcEdgeError as fault:
        if not report_fatal_error(fault):
            raise
        raise SystemExit(fault.exit_code) from None
