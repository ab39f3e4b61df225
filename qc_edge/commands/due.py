"""`qc-edge due`: everything of a station that has a date."""

from __future__ import annotations

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json


def command(name: Name, root: Root = DEFAULT_ROOT, as_json: Json = False) -> None:
    """List everything that has a date, what comes first at the top.

    Calibrations, challenge parts, the page's certificate, tokens, kept studies, and the dates of
    [bold]\\[\\[due.dates]][/bold] in the settings, such as those of signing keys. What becomes of
    the station when one is past stands in [bold]\\[due][/bold]: ignore, warn, hold, or not_ready.

    [dim]Examples:[/dim]
      [bold]qc-edge due line1[/bold]
      [bold]qc-edge due line1 --json[/bold]
    """
    from qc_edge.discipline.due.calendar import due_dates
    from qc_edge.service.clock import utc_now
    from qc_edge.service.owner import acting_as_owner
    from qc_edge.settings import StationPaths, load_settings
    from qc_edge.terminal.tables import print_tables

    paths, now = StationPaths(root.absolute(), name), utc_now()
    settings = load_settings(paths.settings)
    with acting_as_owner(paths.state):
        dates = due_dates(paths, settings)
    if as_json:
        print_json(
            [
                {
                    "kind": each.kind.value,
                    "name": each.name,
                    "ends": each.ends.isoformat(),
                    "in_days": round(each.in_days(now), 2),
                    "policy": each.policy,
                }
                for each in dates
            ]
        )
        return
    if not dates:
        out().print(f"{name} has nothing with a date")
        return
    local = settings.station.calendar.local
    rows: list[tuple[str, ...]] = [
        (
            f"{local(each.ends):%Y-%m-%d %H:%M}",
            f"{each.in_days(now):.0f} d" if each.in_days(now) > 0 else "PAST",
            each.kind.replace("_", " "),
            each.name,
            each.policy.replace("_", " "),
        )
        for each in dates
    ]
    headings = ("until", "in", "what", "of", "then")
    print_tables(out(), {f"{name}: what has a date": (headings, rows)})
