"""Rules of the sources that no linter knows: length, docstrings, sleeping, what may be imported."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quality.tools import python_files, relative

LONGEST = {"qc_edge": 300, "tests": 400}
"""Lines; the tests of one subject may go on a little longer."""

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
    "qc_edge/settings/toml.py": {"tomllib"},
    "qc_edge/commands/run.py": {"os._exit"},  # a stuck thread would hold up the interpreter's end
}


@pytest.mark.parametrize("path", python_files("qc_edge", "tests"), ids=relative)
def test_a_file_can_be_read_in_one_sitting(path: Path) -> None:
    length = len(path.read_text(encoding="utf-8").splitlines())
    assert length <= LONGEST[relative(path).split("/", 1)[0]], (
        f"{relative(path)} has {length} lines: split it by reason to exist"
    )


@pytest.mark.parametrize("path", python_files("qc_edge", "tests"), ids=relative)
def test_a_file_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), (
        f"{relative(path)} needs a docstring: what it owns and what it never does"
    )


@pytest.mark.parametrize("path", python_files("qc_edge"), ids=relative)
def test_everything_public_has_a_docstring(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    bare = [
        f"line {node.lineno}: {node.name}"
        for node in _public(tree.body)
        if not ast.get_docstring(node)
    ]
    assert not bare, f"{relative(path)}, no docstring: {', '.join(bare)}"


@pytest.mark.parametrize("path", python_files("qc_edge", "tests"), ids=relative)
def test_nothing_forbidden_is_used(path: Path) -> None:
    rules = FORBIDDEN[relative(path).split("/", 1)[0]]
    used = _used(ast.parse(path.read_text(encoding="utf-8")))
    allowed = ALLOWED.get(relative(path), set())
    if relative(path).startswith("tests/bench/"):
        allowed = {"time.sleep"}  # a benchmark keeps a pace, it waits for nothing
    faults = [
        f"{name}: {why}"
        for name, why in rules.items()
        if name not in allowed and any(use == name or use.startswith(f"{name}.") for use in used)
    ]
    assert not faults, f"{relative(path)} uses {'; '.join(faults)}"


def test_the_rules_see_a_planted_sleep() -> None:
    tree = ast.parse("import time\nfrom unittest import mock\n\ndef wait():\n    time.sleep(1)\n")
    assert {"time.sleep", "unittest.mock"} <= _used(tree)


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
