"""`qc-edge line test`: the handshake with the line, step by step, while no station runs."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Name, Root, out


def test_command(
    name: Name,
    output: Annotated[
        str, typer.Argument(metavar="OUTPUT", help="The output's name.", show_default=False)
    ],
    tell: Annotated[
        Literal["hold", "reject"],
        typer.Option("--tell", help="What the line is told; never ACCEPT, which needs a part."),
    ] = "hold",
    seconds: Annotated[
        float, typer.Option("--seconds", min=1, help="Wait so long for the line.")
    ] = 60.0,
    yes: Annotated[
        bool, typer.Option("--yes", help="The line is clear: do not ask.", show_default=False)
    ] = False,
    root: Root = DEFAULT_ROOT,
) -> None:
    """Try the wire and the line's program: listen in the place of the station, take one trigger,
    tell HOLD (or REJECT) and wait for the acknowledge.

    The station has to be stopped. Asks before anything can move. Nothing is written to the log. A
    webhook is sent one message of a part that there is not, and `"test": true` in it.

    [dim]Examples:[/dim]
      [bold]qc-edge line test line1 plc[/bold]
      [bold]qc-edge line test line1 plc --tell reject[/bold]
    """
    from qc_edge.domain.verdict import Disposition
    from qc_edge.errors import UsageError
    from qc_edge.output.trial import LineTrial
    from qc_edge.output.webhook.trial import post_trial
    from qc_edge.service.lock import StationLock
    from qc_edge.settings import LineSettings, Role, StationPaths, load_settings
    from qc_edge.settings.outside.outputs.camera_lines import CameraLineSettings
    from qc_edge.settings.outside.outputs.webhook import WebhookSettings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    found = next((each for each in settings.output if each.name == output), None)
    if found is None:
        known = ", ".join(each.name for each in settings.output) or "there is none"
        raise UsageError(f"{name} has no output {output!r} ({known})")
    if isinstance(found, WebhookSettings):
        out().print(post_trial(found, name))
        return
    if isinstance(found, CameraLineSettings) or not isinstance(found, LineSettings):
        raise UsageError(f"{output} has no handshake to try: its protocol is {found.protocol}")
    with StationLock(paths.lock(Role.INSPECT)):
        if not yes:
            typer.confirm(
                f"The line will be told {tell.upper()}, and may move. Is it clear of people?",
                abort=True,
            )
        trial = LineTrial(found, settings.station.deadline_ms, Disposition[tell.upper()])
        trial.run(seconds, lambda words: out().print(words))
