"""`qc-edge model`: the verbs about model bundles, in modules of their own."""

from __future__ import annotations

from collections.abc import Callable

from qc_edge.commands import model_bundles, model_change, model_compare, model_shadow, model_sign

HELP = "Model bundles: which there are, which one judges, and how another takes its place."

COMMANDS: dict[str, Callable[..., None]] = {
    "list": model_bundles.list_command,
    "show": model_bundles.show_command,
    "verify": model_bundles.verify_command,
    "install": model_bundles.install_command,
    "activate": model_change.activate_command,
    "rollback": model_change.rollback_command,
    "accept": model_change.accept_command,
    "compare": model_compare.command,
    "shadow": model_shadow.command,
    "keygen": model_sign.keygen_command,
    "sign": model_sign.sign_command,
}
