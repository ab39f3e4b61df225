"""Recipes on disk: a folder for each, a TOML file for each revision, proven by a digest.

`recipes/bottle/3.toml`. A revision is never changed or removed; an edit makes the next one. Which
of them a person has approved, and which judges, is said by records of their own.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, Field, ValidationError

from qc_edge.errors import RecipeError
from qc_edge.records.recipe_content import RecipeContent
from qc_edge.records.record_file import file_digest
from qc_edge.settings import toml
from qc_edge.settings.render import toml_value
from qc_edge.settings.section import Name
from qc_edge.store.durable import write_file

FORMAT = 1
"""Of the file; a reader refuses any other."""

_HINT = (
    "revisions are never edited by hand: restore it from a backup; a new one is made by "
    "qc-edge recipe edit"
)


class _Revision(RecipeContent):
    format: int = Field(ge=FORMAT, le=FORMAT)
    digest: str
    station: str
    name: Name
    revision: int = Field(ge=1)
    made_at: AwareDatetime
    made_by: str = Field(min_length=1)
    reason: str = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Recipe:
    """A revision of a recipe, who made it, when (aware UTC) and why."""

    station: str
    name: str
    revision: int
    made_at: datetime
    made_by: str
    reason: str
    content: RecipeContent

    @property
    def reference(self) -> str:
        """NAME@REVISION, as rows and events name it."""
        return f"{self.name}@{self.revision}"


def recipe_path(reference: str) -> str:
    """The file of NAME@REVISION, relative to the station's state directory."""
    name, _, revision = reference.partition("@")
    return f"recipes/{name}/{revision}.toml"


def write(directory: Path, recipe: Recipe) -> Path:
    """Keep a new revision durably and return its path.

    Raises RecipeError if there is one of that number or newer, StoreError if the disk refuses.
    """
    path = directory / recipe.name / f"{recipe.revision}.toml"
    if (newest := max(revisions(directory, recipe.name), default=0)) >= recipe.revision:
        raise RecipeError(
            f"{path.parent} already has revision {newest}: revision {recipe.revision} of "
            f"{recipe.name} cannot be written",
            hint="somebody else has edited it at the same time: look at it, then edit again",
        )
    write_file(path, _dump(recipe).encode())
    return path


def names(directory: Path) -> list[str]:
    """The names of all recipes, in order."""
    folders = (path for path in directory.glob("*") if path.is_dir())
    return sorted(path.name for path in folders if revisions(directory, path.name))


def revisions(directory: Path, name: str) -> list[int]:
    """The numbers of a recipe's revisions, oldest first; does not look into them."""
    files = (directory / name).glob("*.toml")
    return sorted(int(path.stem) for path in files if path.stem.isdecimal())


def digest(directory: Path, reference: str) -> str:
    """SHA-256 (hex) of the file of NAME@REVISION; "" if it cannot be read."""
    return file_digest(directory.parent / recipe_path(reference)) or ""


def load(directory: Path, reference: str) -> Recipe:
    """NAME@REVISION. Raises RecipeError that says what is wrong with it, or what there is."""
    path = directory.parent / recipe_path(reference)
    try:
        values = toml.loads(path.read_text(encoding="utf-8"))
        revision = _Revision.model_validate_json(json.dumps(values, default=str), strict=True)
    except FileNotFoundError:
        raise _unknown(directory, reference) from None
    except ValidationError as faults:
        raise RecipeError(
            f"the recipe {path} is no record of format {FORMAT}:\n" + fault_lines(faults), _HINT
        ) from None
    except (OSError, ValueError) as fault:
        raise RecipeError(f"cannot read the recipe {path}: {fault}", _HINT) from None
    content = RecipeContent(**_given(revision, RecipeContent.model_fields))
    recipe = Recipe(**_given(revision, Recipe.__dataclass_fields__, "content"), content=content)
    if (found := _digest(recipe)) != revision.digest:
        raise RecipeError(
            f"the recipe {path} has been changed: its content has the digest {found}, the record "
            f"says {revision.digest}",
            _HINT,
        )
    if recipe.reference != reference:
        raise RecipeError(
            f"the recipe {path} is {recipe.reference}", hint="it has been renamed: put it back"
        )
    return recipe


def load_newest(directory: Path, name: str) -> Recipe:
    """The newest revision of the recipe `name`. Raises RecipeError."""
    return load(directory, f"{name}@{max(revisions(directory, name), default=0)}")


def damaged(directory: Path) -> Iterator[str]:
    """The references of revisions that are not as they were made."""
    for name in names(directory):
        for revision in revisions(directory, name):
            try:
                load(directory, f"{name}@{revision}")
            except RecipeError:
                yield f"{name}@{revision}"


def fault_lines(faults: ValidationError) -> str:
    """What is wrong with the content of a recipe, a line each."""
    found = faults.errors()
    return "\n".join(_fault_line(fault["loc"], fault["msg"], fault["type"]) for fault in found)


def content_toml(content: RecipeContent) -> str:
    """The content as the TOML that a person edits: what is not said is left out."""
    values = _plain(content)
    views = values.pop("view")
    lines = [_line(name, value) for name, value in values.items() if not isinstance(value, dict)]
    for view in views:
        gates = view.pop("gates", None)
        lines += ["", "[[view]]", *(_line(name, value) for name, value in view.items())]
        if gates:
            lines += ["[view.gates]", *(_line(name, value) for name, value in gates.items())]
    for name, section in values.items():
        if isinstance(section, dict):
            lines += ["", f"[{name}]", *(_line(key, value) for key, value in section.items())]
    return "\n".join(lines) + "\n"


def _given(values: object, names: Iterable[str], *without: str) -> dict[str, Any]:
    return {name: getattr(values, name) for name in names if name not in without}


def _dump(recipe: Recipe) -> str:
    about = _about(recipe)
    lines = [
        (
            f"# Recipe {recipe.reference} of station {recipe.station}, made by qc-edge; a change "
            "by hand makes it invalid."
        ),
        *(_line(name, value) for name, value in about.items()),
        _line("digest", _digest(recipe)),
    ]
    return "\n".join(lines) + "\n" + content_toml(recipe.content)


def _about(recipe: Recipe) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "station": recipe.station,
        "name": recipe.name,
        "revision": recipe.revision,
        "made_at": recipe.made_at.isoformat(),
        "made_by": recipe.made_by,
        "reason": recipe.reason,
    }


def _plain(content: RecipeContent) -> dict[str, Any]:
    values: dict[str, Any] = content.model_dump(mode="json", exclude_defaults=True)
    return values


def _digest(recipe: Recipe) -> str:
    """SHA-256 of the record as canonical JSON."""
    text = json.dumps(
        _about(recipe) | {"content": _plain(recipe.content)}, sort_keys=True, separators=(",", ":")
    )
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def _line(name: str, value: object) -> str:
    text = str(value) if name == "made_at" else toml_value(value)
    return f"{name} = {text}"


def _fault_line(place: tuple[int | str, ...], message: str, kind: str) -> str:
    dotted = ".".join(str(part + 1) if isinstance(part, int) else part for part in place)
    said = "unknown key" if kind == "extra_forbidden" else message.removeprefix("Value error, ")
    return f"  {dotted or 'recipe'}: {said}"


def _unknown(directory: Path, reference: str) -> RecipeError:
    name = reference.partition("@")[0]
    if found := revisions(directory, name):
        known = ", ".join(f"{name}@{revision}" for revision in found)
        return RecipeError(f"there is no recipe {reference!r}", hint=f"revisions: {known}")
    known = ", ".join(names(directory)) or "there is none yet: qc-edge recipe new"
    return RecipeError(f"there is no recipe {name!r}", hint=f"recipes here: {known}")
