"""Rules of the sources that no linter knows: docstrings, formatting, and what may be used."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.quality.tools import listing, python_files, relative, sources

FORBIDDEN = {
    "qc_edge": {
        "pickle": "bytes from outside must not run code: JSON, TOML or raw arrays",
        "time.sleep": "nothing sleeps: wait on an event with a timeout, stop.wait(seconds)",
        "os._exit": "workers raise, the daemon ends the process",
        "logging.basicConfig": "qc_edge.service.logs sets logging up",
        "multiprocessing": "one process per station; capture and inspection meet on the disk",
        "urllib.request": "the station calls nobody",
        "typing.Self": "is new in Python 3.11",
        "tomllib": "is new in Python 3.11: qc_edge.settings.toml",
    },
    "tests": {
        "unittest.mock": "real parts, or a scripted twin",
        "time.sleep": "wait on a condition with a deadline",
        "tomllib": "is new in Python 3.11: qc_edge.settings.toml",
    },
}
ALLOWED = {
    "qc_edge/setup/update/source.py": {"urllib.request"},  # updates, when a person asks
    "qc_edge/settings/toml.py": {"tomllib"},
    "qc_edge/commands/run.py": {"os._exit"},  # a stuck thread would hold up the interpreter's end
}


def test_every_file_says_what_it_is_for() -> None:
    bare = [name for name, module in sources("qc_edge", "tests") if not ast.get_docstring(module)]
    assert not bare, listing("no docstring: what does it own, what does it never do?", bare)


def test_everything_public_has_a_docstring() -> None:
    bare = [
        f"{name}:{node.lineno}: {node.name}"
        for name, module in sources("qc_edge")
        for node in _public(module.body)
        if not ast.get_docstring(node)
    ]
    assert not bare, listing("no docstring", bare)


def test_nothing_forbidden_is_used() -> None:
    offenders = [
        f"{name}: {forbidden}: {why}"
        for name, module in sources("qc_edge", "tests")
        for used in [_used(module)]
        for forbidden, why in FORBIDDEN[name.split("/", 1)[0]].items()
        if forbidden not in allowed(name)
        and any(use == forbidden or use.startswith(f"{forbidden}.") for use in used)
    ]
    assert not offenders, listing("used and forbidden", offenders)


def test_the_formatter_formats_everything() -> None:
    switched_off = [
        f"{relative(path)}:{number}"
        for path in python_files("qc_edge", "tests", "docs", "models")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if re.search(r"#\s*fmt:\s*(skip|off)", line)
    ]
    assert not switched_off, listing("change the code until it looks right formatted", switched_off)


def test_the_rules_see_a_planted_sleep() -> None:
    tree = ast.parse("import time\nfrom unittest import mock\n\ndef wait():\n    time.sleep(1)\n")
    assert {"time.sleep", "unittest.mock"} <= _used(tree)


def allowed(name: str) -> set[str]:
    """What this one file may use, although it is forbidden elsewhere."""
    if name.startswith("tests/bench/"):
        return {"time.sleep"}  # a benchmark keeps a pace, it waits for nothing
    return ALLOWED.get(name, set())


def _public(body: list[ast.stmt]) -> Iterator[ast.ClassDef | ast.FunctionDef]:
    for node in body:
        if not isinstance(node, (ast.ClassDef, ast.FunctionDef)) or node.name.startswith("_"):
            continue
        if any(
            isinstance(each, ast.Attribute) and each.attr == "setter"
            for each in node.decorator_list
        ):
            continue
        yield node
        if isinstance(node, ast.ClassDef):
            yield from _public(node.body)


def _used(tree: ast.Module) -> set[str]:
    """Dotted names that the module imports or reaches through an imported module."""
    names: dict[str, str] = {}
    used: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.split(".")[0]] = (
                    alias.name if alias.asname else alias.name.split(".")[0]
                )
                used.add(alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                used.add(f"{node.module}.{alias.name}")
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id in names
        ):
            used.add(f"{names[node.value.id]}.{node.attr}")
    return used
