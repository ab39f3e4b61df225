"""The API's reference, docs/reference/api.md, from its own OpenAPI document; `docs/generate.py`
writes it.
"""

from __future__ import annotations

from typing import Any

from qc_edge.web.api.application import make_api

API_HEAD = """\
# API

Under `/api/v1` of the station's page, for an MES and other programs; generated from the API's own
OpenAPI document, which the page serves as `/api/v1/openapi.json`, by `python docs/generate.py`.
Each request has the header `Authorization: Bearer TOKEN`, a token of `qc-edge token`; cookies count
for nothing. Bodies are JSON, times UTC in ISO 8601. An error is `application/problem+json`:
`detail` says what is wrong, `expected` what would have been right, `todo` what to do.
"""


def api_reference() -> str:
    """docs/reference/api.md: every request, what it takes and gives."""
    document = make_api(None).openapi()
    schemas = document["components"]["schemas"]
    parts = [API_HEAD]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            parts.append(f"\n## {method.upper()} {path}\n\n{operation['description']}\n")
            if fields := operation.get("parameters"):
                rows = [(each["name"], each, each.get("required", False)) for each in fields]
                parts.append("\nTakes, in the address:\n\n" + _fields(rows))
            if body := operation.get("requestBody"):
                parts.append("\nTakes:\n\n" + _shape(_content(body), schemas))
            done = next(each for status, each in operation["responses"].items() if status[0] == "2")
            parts.append("\nGives:\n\n" + _shape(_content(done), schemas))
    errors = {
        status: told["description"]
        for methods in document["paths"].values()
        for operation in methods.values()
        for status, told in operation["responses"].items()
        if status[0] != "2"
    }
    rows = "".join(f"| {status} | {said} |\n" for status, said in sorted(errors.items()))
    parts.append(f"\n## Errors\n\n| status | when |\n|---|---|\n{rows}")
    return "".join(parts)


def _content(told: dict[str, Any]) -> dict[str, Any]:
    shape: dict[str, Any] = told["content"]["application/json"]["schema"]
    return shape


def _shape(shape: dict[str, Any], schemas: dict[str, Any]) -> str:
    shape = schemas[shape["$ref"].rpartition("/")[2]]
    required = shape.get("required", [])
    rows = [(name, each, name in required) for name, each in shape["properties"].items()]
    inner = [
        f"\nEach of `{name}`:\n\n" + _shape(each["items"], schemas)
        for name, each in shape["properties"].items()
        if "$ref" in each.get("items", {})
    ]
    return _fields(rows) + "".join(inner)


def _fields(rows: list[tuple[str, dict[str, Any], bool]]) -> str:
    text = "| field | is | says |\n|---|---|---|\n"
    for name, field, required in rows:
        shape = field.get("schema", field)
        said = [field.get("description", "")]
        if "default" in shape and shape["default"] not in (None, ""):
            said.append(f"Default: `{shape['default']}`.")
        text += f"| `{name}`{'' if required else ', optional'} | {_kind(shape)} | "
        text += " ".join(filter(None, said)) + " |\n"
    return text


def _kind(shape: dict[str, Any]) -> str:
    if "anyOf" in shape:
        return " or ".join(_kind(each) for each in shape["anyOf"])
    if "enum" in shape:
        return ", ".join(f"`{each}`" for each in shape["enum"])
    if shape.get("format") == "date-time":
        return "time"
    if shape.get("type") == "array":
        return "list"
    words = {"string": "text", "integer": "whole number", "boolean": "true, false"}
    return words.get(shape.get("type", ""), shape.get("type", "object"))
