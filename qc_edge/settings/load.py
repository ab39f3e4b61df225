"""Read a settings file: every fault at once, each with its place and what was expected."""

from __future__ import annotations

import difflib
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from qc_edge.errors import SettingsError
from qc_edge.settings import toml
from qc_edge.settings.model import Settings


def load_settings(path: Path) -> Settings:
    """The settings in `path`. Raises SettingsError that names every fault in the file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        known = sorted(other.stem for other in path.parent.glob("*.toml"))
        near = difflib.get_close_matches(path.stem, known, 1)
        raise SettingsError(
            f"there is no station {path.stem!r}: {path} does not exist"
            + (f"; did you mean {near[0]!r}?" if near else ""),
            hint=f"stations here: {', '.join(known)}" if known else f"qc-edge init {path.stem}",
        ) from None
    except (OSError, UnicodeDecodeError) as fault:
        raise SettingsError(f"cannot read {path}: {fault}", hint="expected a UTF-8 TOML file") from None
    return parse_settings(text, str(path))


def parse_settings(text: str, where: str) -> Settings:
    """The settings in the TOML `text`; `where` names it in messages. Raises SettingsError."""
    try:
        values = toml.loads(text)
    except toml.TOMLDecodeError as fault:
        raise SettingsError(f"{where} is not valid TOML: {fault}", hint="see docs/integrator.md") from None
    try:
        return Settings.model_validate(values)
    except ValidationError as faults:
        lines = [f"  {_words(fault)}" for fault in faults.errors()]
        count = "1 fault" if len(lines) == 1 else f"{len(lines)} faults"
        raise SettingsError(
            f"{where} has {count}:\n" + "\n".join(lines),
            hint="mend the file; an editor that knows JSON schemas shows what each key takes",
        ) from None


def _words(fault: ErrorDetails) -> str:
    place = fault["loc"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    if fault["type"] == "extra_forbidden":
        near = difflib.get_close_matches(str(place[-1]), _known_keys(place[:-1]), 1)
        return f"{where}: unknown key" + (f"; did you mean {near[0]!r}?" if near else "")
    said = fault["msg"].removeprefix("Value error, ")
    if fault["type"] in {"missing", "value_error"}:
        return f"{where or 'file'}: {said}"
    return f"{where}: {said}, got {fault['input']!r}"


def _known_keys(place: tuple[int | str, ...]) -> list[str]:
    section: type[BaseModel] = Settings
    for part in place:
        if isinstance(part, int):
            continue
        annotation = section.model_fields[part].annotation
        inner = getattr(annotation, "__args__", (annotation,))[0]
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        section = inner
    return list(section.model_fields)
