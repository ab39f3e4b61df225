"""The command `qc-edge`: which verbs there are, and how an error is told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from qc_edge.commands import (
    audit_pack,
    calibrate,
    challenge,
    check,
    dataset,
    demo,
    dispute,
    doctor,
    due,
    engine,
    evaluate,
    export,
    factory_reset,
    flash,
    fleet,
    hold,
    init,
    inspect,
    install,
    label,
    labels,
    line,
    model,
    msa,
    page,
    part,
    prepare,
    provision,
    recipe,
    replay,
    report,
    restore,
    retention,
    review,
    rollback,
    run,
    settings,
    spc,
    sql,
    status,
    support_bundle,
    suspect,
    sync,
    threshold,
    token,
    train,
    uninstall,
    update,
    user,
    verify,
)
from qc_edge.commands.command_line import Program, Verb
from qc_edge.commands.help_groups import HEADINGS, WITHOUT_ARGUMENTS, help_of
from qc_edge.errors import QcEdgeError
from qc_edge.terminal.error_words import as_error, end_with
from qc_edge.terminal.streams import close_output, drop_output, prepare_streams
from qc_edge.version import __version__

# A new verb: a module in qc_edge/commands/ with `command(...)`, a line here, and its heading in
# help_groups.py. The first paragraph of its docstring is the summary in `qc-edge --help`, the whole
# docstring `qc-edge VERB --help`, examples last.
COMMANDS: dict[str, Callable[..., None]] = {
    "init": init.command,
    "check": check.command,
    "run": run.command,
    "status": status.command,
    "doctor": doctor.command,
    "support-bundle": support_bundle.command,
    "calibrate": calibrate.command,
    "inspect": inspect.command,
    "prepare": prepare.command,
    "threshold": threshold.command,
    "replay": replay.command,
    "train": train.command,
    "evaluate": evaluate.command,
    "part": part.command,
    "report": report.command,
    "spc": spc.command,
    "audit-pack": audit_pack.command,
    "due": due.command,
    "label": label.command,
    "labels": labels.command,
    "dispute": dispute.command,
    "hold": hold.hold_command,
    "release": hold.release_command,
    "review": review.command,
    "challenge": challenge.command,
    "suspect": suspect.command,
    "verify": verify.command,
    "sql": sql.command,
    "export": export.command,
    "sync": sync.command,
    "restore": restore.command,
    "page": page.command,
    "user": user.command,
    "token": token.command,
    "demo": demo.command,
    "install": install.command,
    "uninstall": uninstall.command,
    "rollback": rollback.command,
    "provision": provision.command,
    "flash": flash.command,
    "factory-reset": factory_reset.command,
}
GROUPS: dict[str, tuple[str, dict[str, Callable[..., None]]]] = {
    "model": (model.HELP, model.COMMANDS),
    "engine": (engine.HELP, engine.COMMANDS),
    "recipe": (recipe.HELP, recipe.COMMANDS),
    "msa": (msa.HELP, msa.COMMANDS),
    "line": (line.HELP, line.COMMANDS),
    "dataset": (dataset.HELP, dataset.COMMANDS),
    "fleet": (fleet.HELP, fleet.COMMANDS),
    "retention": (retention.HELP, retention.COMMANDS),
    "settings": (settings.HELP, settings.COMMANDS),
    "update": (update.HELP, update.COMMANDS),
}
"""Words that a verb follows, with their help: `qc-edge model compare`."""

app = typer.Typer(
    name="qc-edge",
    cls=Program,
    help="Visual quality control at the line: every frame accounted for, every verdict "
    "reconstructable.",
    epilog="First steps: [bold]qc-edge init line1 --root demo[/bold], then "
    "[bold]qc-edge run line1 --root demo[/bold].",
    rich_markup_mode="rich",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for name, command in COMMANDS.items():
    text, summary = help_of(command)
    app.command(
        name,
        cls=Verb,
        help=text,
        short_help=summary,
        no_args_is_help=name not in WITHOUT_ARGUMENTS,
        rich_help_panel=HEADINGS[name],
    )(command)
for name, (said, verbs) in GROUPS.items():
    group = typer.Typer(
        name=name, cls=Program, help=said, rich_markup_mode="rich", no_args_is_help=True
    )
    for verb, command in verbs.items():
        text, summary = help_of(command)
        alone = f"{name} {verb}" in WITHOUT_ARGUMENTS
        group.command(verb, cls=Verb, help=text, short_help=summary, no_args_is_help=not alone)(
            command
        )
    app.add_typer(group, rich_help_panel=HEADINGS[name])


def _print_version(is_given: bool) -> None:
    if is_given:
        sys.stdout.write(f"qc-edge {__version__}\n")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Options that stand before the verb."""


def main() -> None:
    """Entry point of the command line; the exit code is that of the error (`qc_edge.errors`)."""
    prepare_streams()
    code: int | str | None = 0
    try:
        try:
            app()
        except SystemExit as ended:
            code = ended.code
        if (fault := close_output()) is not None:
            raise fault
    except QcEdgeError as error:
        code = end_with(error)
    except KeyboardInterrupt:
        code = 130  # 128 + SIGINT, as a shell has it
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not stumble over it again at exit.
        drop_output(sys.stdout)
        code = 141  # 128 + SIGPIPE
    except OSError as fault:
        code = end_with(as_error(fault))
    sys.exit(code)
