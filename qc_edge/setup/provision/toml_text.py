"""Values as the text of a TOML file: sections with headers, so that each setting has its line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from qc_edge.settings.render import toml_key, toml_value


def toml_text(values: Mapping[str, Any]) -> str:
    """The TOML of `values`: one section for each table, one for each element of a list of them."""
    plain = {key: value for key, value in values.items() if not _is_section(value)}
    parts = ["".join(_lines(plain))] if plain else []
    for key, value in values.items():
        if isinstance(value, Mapping):
            parts.append(f"[{toml_key(key)}]\n" + "".join(_lines(value)))
        elif _is_section(value):
            parts += [f"[[{toml_key(key)}]]\n" + "".join(_lines(each)) for each in value]
    return "\n".join(parts)


def _is_section(value: object) -> bool:
    repeated = isinstance(value, list) and value and all(isinstance(e, Mapping) for e in value)
    return isinstance(value, Mapping) or bool(repeated)


def _lines(values: Mapping[str, Any]) -> Iterator[str]:
    for key, value in values.items():
        yield f"{toml_key(key)} = {toml_value(value)}\n"
