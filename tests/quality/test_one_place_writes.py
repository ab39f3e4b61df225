"""One place writes files: a write that is not synced is lost with the power, so every other module
that opens, renames or links files is named here, with the reason why that is right there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.quality.tools import listing, sources

PLACES = {"qc_edge/service/synced_file.py", "qc_edge/store/durable.py"}

METHODS = {
    "write_text",
    "write_bytes",
    "rename",
    "touch",
    "symlink_to",
    "hardlink_to",
    "imwrite",
    "savefig",
}
"""Names that write, rename or link, whatever they are called on."""

FUNCTIONS = {
    "os.replace",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.ftruncate",
    "os.pwrite",
    "os.fsync",
    "os.fdatasync",
    "shutil.move",
    "shutil.copy",
    "shutil.copy2",
    "shutil.copyfile",
    "shutil.copytree",
    "tempfile.mkstemp",
}

ELSEWHERE = {
    "qc_edge/commands/recipe/change.py": "what a person edits, gone when the editor is left",
    # what a reboot forgets: on a tmpfs, written every second
    "qc_edge/station/supervisor.py": "status.json in /run",
    "qc_edge/service/lock.py": "locks in /run",
    # appended to, or written in place, by a way of their own
    "qc_edge/store/log/journal.py": "opens the journal, which Disk.append writes; cuts torn ends",
    "qc_edge/inspection/crash_isolation.py": "a ring of ids in place, of no use after a power cut",
    "qc_edge/training/learning/features.py": "computed anew where a note does not vouch for them",
    "qc_edge/analysis/replay/score_file.py": "scores are appended; those lost are scored again",
    # names alone: the contents are there and do not change
    "qc_edge/store/claims.py": "moves what other nodes have dropped",
    "qc_edge/store/set_aside.py": "moves what is refused",
    "qc_edge/store/torn_files.py": "empties a torn file before its loss is counted",
    "qc_edge/store/log/database.py": "moves a damaged database aside",
    "qc_edge/training/learning/bundling.py": "gives a whole bundle its name",
    "qc_edge/publish/qa_database.py": "gives a synced copy its name while clients open it",
    "qc_edge/setup/flash/seed_on_stick.py": "gives a synced directory its name",
    "qc_edge/setup/update/staging.py": "gives a synced directory its name",
    "qc_edge/recipe/model_install.py": "unpacks a bundle, syncs each file, moves the directory",
    "qc_edge/setup/flash/writing.py": "a disk, synced, read back",
    "qc_edge/setup/file_installer.py": "links, and the old name of an edited file",
    "qc_edge/store/copying.py": "a copy into a directory that is synced and moved as a whole",
    "qc_edge/camera/emulator.py": "links to the pictures that a camera plays",
    "qc_edge/setup/software.py": "which version is in use: a link, changed by rename and synced",
    "qc_edge/export/export.py": "a directory of synced files, moved as a whole",
    "qc_edge/export/portable_database.py": "a file of that directory",
    "qc_edge/dataset/placing.py": "files of a directory that is synced and named as a whole",
    "qc_edge/dataset/exporting.py": "gives that directory its name",
    "qc_edge/upstream/rebuilt_journal.py": "a directory of synced files, moved as a whole",
    "qc_edge/upstream/releases/pulling.py": "appends pieces; the whole is synced and named",
    "qc_edge/upstream/targets/sftp.py": "gives files of another machine their names",
    "qc_edge/upstream/releases/staged.py": "links synced files, gives their directory its name",
    "qc_edge/training/packing/pack.py": "gives a directory of durable files its name",
    # markers and probes: only whether they are there counts
    "qc_edge/store/compression.py": "the mark that an hour is compressed",
    "qc_edge/store/log/log_database.py": "the mark that a start is to read all rows",
    "qc_edge/service/file_clock.py": "a probe of a file server's clock",
    "qc_edge/diagnostics/incoming.py": "a probe whether files can be taken",
    "qc_edge/export/pictures.py": "copies of pictures, synced",
    # what a person asked for, in a file of that person's
    "qc_edge/bundles/signing.py": "a private key, made with its mode and never over another",
    "qc_edge/diagnostics/support/bundle.py": "a bundle for support, streamed",
    "qc_edge/analysis/output_files.py": "a table, streamed",
    "qc_edge/commands/prepare.py": "prepared pictures",
    "qc_edge/plot/save.py": "draws into memory",
    "qc_edge/rendered/series.py": "rendered parts, made again when they are missing",
    "qc_edge/demo/parts.py": "rendered parts, made again when they are missing",
    # the developers' own
    "qc_edge/settings/schema.py": "writes the schema of the package",
}


def test_one_place_writes_files() -> None:
    writers = {name: uses for name, tree in sources("qc_edge") if (uses := list(_writes(tree)))}
    offenders = [
        f"{name}:{line}: {what}"
        for name, uses in writers.items()
        if name not in PLACES and name not in ELSEWHERE
        for line, what in uses
    ]
    assert not offenders, listing(
        "writes files: take qc_edge.store.durable (or, below the store, "
        "qc_edge.service.synced_file), or say in ELSEWHERE why not",
        offenders,
    )
    idle = sorted(ELSEWHERE.keys() - writers.keys())
    assert not idle, listing("in ELSEWHERE, and writes nothing: take it out", idle)


def test_the_rule_sees_what_writes() -> None:
    source = """
path.write_text("a")
temporary.replace(path)
os.replace(temporary, path)
os.open(path, os.O_RDWR)
flags = os.O_CREAT
open(path, "wb")
path.open(mode="a")
path.open("r+")
shutil.move(a, b)
"""
    assert sorted(line for line, _ in _writes(ast.parse(source))) == [2, 3, 4, 5, 6, 7, 8, 9, 10]
    reads = """
text.replace("a", "b")
replace(row, detail="")
at.replace(tzinfo=None)
os.open(path, os.O_RDONLY)
open(path)
path.open("rb")
"""
    assert not list(_writes(ast.parse(reads)))


def _writes(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and name of each call that may write, rename or link a file."""
    for node in ast.walk(tree):
        if (isinstance(node, ast.Call) and _is_write(node)) or (
            isinstance(node, ast.Attribute) and node.attr == "O_CREAT"
        ):
            yield node.lineno, ast.unparse(node)[:60]


def _is_write(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    last = name.rpartition(".")[2]
    if any(ast.unparse(each) == "os.devnull" for each in call.args):
        return False
    if name in FUNCTIONS or last in METHODS:
        return True
    if last == "replace":  # Path.replace(target); str.replace has two arguments, others keywords
        return isinstance(call.func, ast.Attribute) and len(call.args) == 1 and not call.keywords
    if name == "os.open":
        return any(
            "O_WRONLY" in (text := ast.unparse(each)) or "O_RDWR" in text for each in call.args[1:]
        )
    if last in {"open", "fdopen"}:
        modes = [*call.args, *(each.value for each in call.keywords if each.arg == "mode")]
        texts = [each.value for each in modes if isinstance(each, ast.Constant)]
        return any(isinstance(text, str) and _writing(text) for text in texts)
    return False


def _writing(mode: str) -> bool:
    return len(mode) <= 4 and bool(set(mode) & set("wax+")) and set(mode) <= set("rwax+bt")
