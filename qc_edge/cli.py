"""The command `qc-edge`: which verbs there are, and how an error is told."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated, Any

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
from qc_edge.commands.help_groups import HEADINGS, WITHOUT_ARGUMENTS, help_of
from qc_edge.errors import QcEdgeError, UsageError
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
