"""`qc-edge retention run`: delete now what the rules let go."""

from __future__ import annotations

from qc_edge.terminal.options import DEFAULT_ROOT, Json, Name, Root, out, print_json


def command(
    name: Name,
    root: Root = DEFAULT_ROOT,
    as_json: Json = False,
) -> None:
    """Delete now the pictures that the rules of \\[retention] let go; rows never are.

    A running station does it by itself every hour while nothing waits, and at once where there is
    less room than target_free_mb. This asks it to begin within a minute. Of a station at rest it
    is done here. Each deletion is a row in the log before the file goes: deletions in QA's views.

    [dim]Examples:[/dim]
      [bold]qc-edge retention plan line1[/bold]
      [bold]qc-edge retention run line1[/bold]
    """
    from qc_edge.errors import UsageError
    from qc_edge.retention.at_rest import run_at_rest
    from qc_edge.retention.cleaner import asking_file
    from qc_edge.service.lock import holder_of
    from qc_edge.service.owner import act_as_owner
    from qc_edge.settings import Role, StationPaths, load_settings
    from qc_edge.store.durable import write_file

    paths = StationPaths(root.absolute(), name)
    settings = load_settings(paths.settings)
    if not settings.retention.enabled:
        raise UsageError(
            f"{paths.settings} has no rules in force: retention is off",
            hint=f"[retention] enabled = true; first qc-edge retention plan {name}",
        )
    act_as_owner(paths.state)
    if holder_of(paths.lock(Role.INSPECT)) is not None:
        write_file(asking_file(paths), b"")
        if as_json:
            print_json({"asked": True})
        else:
            out().print(f"{name} runs: it begins within a minute, as soon as nothing waits")
        return
    deleted = run_at_rest(paths, settings)
    if as_json:
        print_json(
            {
                "asked": False,
                "inspections": deleted.inspections,
                "files": deleted.files,
                "bytes": deleted.size_bytes,
            }
        )
        return
    out().print(
        f"{name}: pictures of {deleted.inspections:,} inspections deleted, "
        f"{deleted.files:,} files, {deleted.size_bytes / 1e6:,.1f} MB"
    )
