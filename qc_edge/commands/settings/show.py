"""`qc-edge settings show`: each setting of a station, and the file and line that it comes from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json

if TYPE_CHECKING:
    from qc_edge.settings.layers.shown import ShownSetting


def show_command(
    name: Name,
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY",
            help="Only this setting, or those of this section.",
            show_default=False,
        ),
    ] = None,
    written: Annotated[
        bool,
        typer.Option("--written", help="Leave out what no file says: the defaults."),
    ] = False,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Show each setting of a station with its value, and the file and line that it comes from.

    A station's settings are those of its own file, /etc/qc-edge/NAME.toml, over those that all
    stations of the box share, the files of /etc/qc-edge/common.d in the order of their names.

    [dim]Examples:[/dim]
      [bold]qc-edge settings show line1 --written[/bold]
      [bold]qc-edge settings show line1 camera.top[/bold]
      [bold]qc-edge settings show line1 model.threshold --json[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.settings import StationPaths, load_settings, settings_digest
    from qc_edge.settings.layers.layer import merge, read_layers
    from qc_edge.settings.layers.shown import shown_settings

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    merged = merge(read_layers(paths.settings))
    shown = [
        each
        for each in shown_settings(settings, merged)
        if (key is None or f"{each.name}.".startswith(f"{key}."))
        and not (written and each.origin is None)
    ]
    if not shown and key is not None:
        raise UsageError(
            f"there is no setting {key!r}" + (" that a file says" if written else ""),
            hint=f"qc-edge settings show {name} shows all",
        )
    if as_json:
        print_json(
            {
                "station": name,
                "settings_digest": settings_digest(settings),
                "layers": [layer.where for layer in merged.layers],
                "settings": [each.to_json_values() for each in shown],
            }
        )
    else:
        _print(shown)


def _print(shown: list[ShownSetting]) -> None:
    from rich.text import Text

    for each in shown:
        value = "none" if each.value is None else json.dumps(each.value, ensure_ascii=False)
        over = f", over {', '.join(map(str, each.covered))}" if each.covered else ""
        style = "" if each.origin else "dim"
        out().print(Text(f"{each.name} = {value}", style).append(f"  # {each.source}{over}", "dim"))
