"""What a reader can keep in mind: sizes of modules, rooms and functions; one class of a name."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from collections.abc import Iterator

from tests.quality.tools import PACKAGE, listing, python_files, relative, sources

LONGEST = {"qc_edge": 250, "tests": 400}
"""Lines of a module; the tests of one subject may go on a little longer."""

MOST_PARAMETERS = 8
"""Of one function, self aside. A command of the command line has one for each of its options."""

MOST_MODULES = 18
"""In one folder, its `__init__` aside. `commands` has one for each verb."""

LARGEST_SHARE = 0.10
"""Of all lines of the package, in one room."""


def test_a_module_can_be_read_in_one_sitting() -> None:
    lengths = {path: _lines(path) for path in map(relative, python_files("qc_edge", "tests"))}
    long = [
        f"{name}: {lines} lines"
        for name, lines in lengths.items()
        if lines > LONGEST[name.split("/", 1)[0]]
    ]
    assert not long, listing("split it by reason to exist", long)


def test_a_function_takes_what_a_reader_can_keep_in_mind() -> None:
    many = [
        f"{name}:{function.lineno}: {function.name} takes {count}"
        for name, module in sources("qc_edge")
        for function in _functions(module)
        if (count := parameters(function)) > MOST_PARAMETERS and not is_command(name, function)
    ]
    assert not many, listing("group what belongs together into a value", many)


def test_a_class_has_its_name_for_itself() -> None:
    homes: dict[str, list[str]] = defaultdict(list)
    for name, module in sources("qc_edge"):
        for node in module.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(name)
    twice = [f"{name}: {', '.join(found)}" for name, found in homes.items() if len(found) > 1]
    assert not twice, listing("two classes of one name", twice)


def test_a_room_can_be_kept_in_mind() -> None:
    names = (relative(path) for path in python_files("qc_edge") if path.name != "__init__.py")
    modules = Counter(name.rpartition("/")[0] for name in names)
    crowded = [
        f"{folder}: {count} modules"
        for folder, count in modules.items()
        if count > MOST_MODULES and folder != "qc_edge/commands"
    ]
    assert not crowded, listing("split the room, or move what belongs elsewhere", crowded)


def test_no_room_is_a_hall() -> None:
    lines = Counter[str]()
    for path in map(relative, python_files("qc_edge")):
        lines[_room(path)] += _lines(path)
    halls = [
        f"{room}: {count / lines.total():.1%} of the lines"
        for room, count in lines.items()
        if count > LARGEST_SHARE * lines.total()
    ]
    assert not halls, listing("split the room, or move what belongs elsewhere", halls)


def test_parameters_are_counted_without_self() -> None:
    tree = ast.parse("class A:\n def f(self, a, /, b, *c, d=1, **e): ...\n")
    [function] = _functions(tree)
    assert parameters(function) == 5


def parameters(function: ast.FunctionDef) -> int:
    """How many the function takes, `self` and `cls` aside."""
    given = function.args
    named = [*given.posonlyargs, *given.args, *given.kwonlyargs]
    gathered = [extra for extra in (given.vararg, given.kwarg) if extra]
    return sum(each.arg not in {"self", "cls"} for each in [*named, *gathered])


def is_command(name: str, function: ast.FunctionDef) -> bool:
    """True if typer makes the options of a command out of these parameters."""
    is_verb = function.name == "command" or function.name.endswith("_command")
    return name.startswith("qc_edge/commands/") and is_verb


def _functions(module: ast.Module) -> Iterator[ast.FunctionDef]:
    return (node for node in ast.walk(module) if isinstance(node, ast.FunctionDef))


def _lines(name: str) -> int:
    return len((PACKAGE.parent / name).read_text(encoding="utf-8").splitlines())


def _room(name: str) -> str:
    """The folder of the package that the file is in; the modules at the top have none."""
    room, _, inside = name.removeprefix("qc_edge/").partition("/")
    return room if inside else "."
