"""Takes secrets out of whatever goes to somebody else: by the names of keys, by their looks, by
known values.

Rather one word too many than one too few: what is taken out is marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

REMOVED = "(removed)"

_WORDS = {
    "secret",
    "secrets",
    "password",
    "passwords",
    "passwd",
    "pwd",
    "passphrase",
    "token",
    "tokens",
    "key",
    "keys",
    "apikey",
    "credential",
    "credentials",
    "auth",
    "authorization",
    "bearer",
    "cookie",
    "signature",
    "sig",
}
_PARTS = (
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "credential",
)
_SHORTEST = 4
"""A value shorter than this is not looked for elsewhere: it would be found in every other word."""

_NAMED = re.compile(
    r"(?P<name>[A-Za-z0-9_.\-]+)(?P<sign>[\"']?\s*[=:]\s*)"
    r"(?P<value>\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s,;\]}\"']+)",
    re.DOTALL,
)
_SHAPES = (
    (re.compile(r"(?P<keep>\b[A-Za-z][A-Za-z0-9+.\-]*://)[^/\s@\"']+@"), rf"\g<keep>{REMOVED}@"),
    (
        re.compile(r"(?i)(?P<keep>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=\-]{8,}"),
        rf"\g<keep>{REMOVED}",
    ),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        REMOVED,
    ),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), REMOVED),
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REMOVED),
)
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<name>[A-Za-z0-9_.\-]+)=(?P<value>[^\"'\n]*)(?P=quote)")
"""As in a unit file, Environment="NAME=value with spaces"."""

_USER = re.compile(r"://([^/\s@]+)@")


def is_secret(name: str) -> bool:
    """True if a key of this name holds a secret: api_key, accessKey, DB_PASSWORD; not monkey,
    keyboard.
    """
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    return bool(_WORDS & set(words)) or any(part in "".join(words) for part in _PARTS)


def mask(values: Any) -> Any:
    """The same structure (of JSON or TOML) without its secrets."""
    if isinstance(values, Mapping):
        return {
            key: REMOVED if is_secret(str(key)) else mask(value) for key, value in values.items()
        }
    if isinstance(values, str):
        return scrub(values, ())
    if isinstance(values, Sequence) and not isinstance(values, bytes):
        return [mask(value) for value in values]
    return values


def known_secrets(values: Any, inside: bool = False) -> Iterator[str]:
    """The secrets in a structure, to be looked for everywhere else. `inside`: under a secret
    key.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from known_secrets(value, inside or is_secret(str(key)))
    elif isinstance(values, str):
        if inside:
            yield values
        for user in _USER.findall(values):
            yield user
            yield from user.split(":", 1)
    elif isinstance(values, Sequence) and not isinstance(values, bytes):
        for value in values:
            yield from known_secrets(value, inside)
    elif inside and not isinstance(values, bool) and values is not None:
        yield str(values)


def named_secrets(text: str) -> Iterator[str]:
    """The secrets in a text of `name = value` lines, such as a unit file."""
    for match in (*_QUOTED.finditer(text), *_each_named(text)):
        if is_secret(match["name"]):
            yield match["value"].strip("\"'")


def scrub(text: str, known: Iterable[str]) -> str:
    """`text` without values of secret keys, without what looks like a secret, and without `known`
    ones.
    """
    for value in sorted({each for each in known if len(each) >= _SHORTEST}, key=len, reverse=True):
        text = text.replace(value, REMOVED)
    for shape, instead in _SHAPES:
        text = shape.sub(instead, text)
    text = _QUOTED.sub(_without_value, text)
    parts, end = [], 0
    for match in _each_named(text):
        parts += [text[end : match.start("value")], REMOVED]
        end = match.end("value")
    return "".join([*parts, text[end:]])


def _without_value(match: re.Match[str]) -> str:
    quote, name = match["quote"], match["name"]
    return f"{quote}{name}={REMOVED}{quote}" if is_secret(name) else match[0]


def _each_named(text: str) -> Iterator[re.Match[str]]:
    """Each `name = value` with a secret name; after any other name its value is looked into as
    well.
    """
    at = 0
    while match := _NAMED.search(text, at):
        if is_secret(match["name"]):
            yield match
            at = match.end()
        else:
            at = match.end("sign")
