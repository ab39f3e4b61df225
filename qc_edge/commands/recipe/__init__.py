"""`qc-edge recipe`: the verbs about recipes, in modules of their own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands.recipe import change, decide, look

HELP = "Recipes: what each product needs, who approved it, and which one judges."

COMMANDS: dict[str, Callable[..., None]] = {
    "list": look.list_command,
    "show": look.show_command,
    "new": change.new_command,
    "copy": change.copy_command,
    "edit": change.edit_command,
    "approve": decide.approve_command,
    "activate": decide.activate_command,
    "rollback": decide.rollback_command,
}
