"""Takes secrets out of texts that leave the company: by names of keys, by shape, by known values.

No single way finds all of them: a password stands under its key in the settings, without a key in a
URL, and alone in a line of the journal. Rather one word too many is removed than one too few; each
place is marked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

REMOVED = "(removed)"

_SECRET_WORDS = {
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
"""A key one of whose words is among these holds a secret."""

_SECRET_PARTS = (
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
"""So does one whose name contains one of these, however it is written together."""

_SHORTEST_SECRET = 4
"""A value shorter than this is not looked for elsewhere: it would be found in every other word."""

_ASSIGNMENT = re.compile(
    r"(?P<name>[A-Za-z0-9_.\-]+)(?P<sign>[\"']?\s*[=:]\s*)"
    r"(?P<value>\"\"\".*?(?:\"\"\"|\Z)|'''.*?(?:'''|\Z)|\"(?:[^\"\\\n]|\\.)*\"|'[^'\n]*'|[^\s,;\]}\"']+)",
    re.DOTALL,
)
"""`name = value` as in TOML, JSON, YAML, unit files and log lines. The value may be a text of
several lines, and the end of the whole text ends one whose closing quotes are missing: a settings
file that is no TOML is scrubbed as well.
"""

_SHAPES = (
    # A login in a URL: scheme://user:password@host
    (re.compile(r"(?P<keep>\b[A-Za-z][A-Za-z0-9+.\-]*://)[^/\s@\"']+@"), rf"\g<keep>{REMOVED}@"),
    # An HTTP header: Authorization: Bearer ...
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
    # A JSON Web Token: its first part is the base64 of '{"'
    (re.compile(r"\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), REMOVED),
    # An access key of AWS
    (re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"), REMOVED),
)
_QUOTED = re.compile(r"(?P<quote>[\"'])(?P<name>[A-Za-z0-9_.\-]+)=(?P<value>[^\"'\n]*)(?P=quote)")
"""As in a unit file: Environment="NAME=value with spaces"."""

_URL_LOGIN = re.compile(r"://([^/\s@]+)@")


def is_secret(name: str) -> bool:
    """True for the name of a key that holds a secret: api_key, accessKey; not monkey, keyboard."""
    words = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower())
    return bool(_SECRET_WORDS & set(words)) or any(part in "".join(words) for part in _SECRET_PARTS)


def mask(values: Any) -> Any:
    """The same structure (of JSON or TOML values) without its secrets."""
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
    """The secrets in a structure of JSON or TOML values, to be looked for everywhere else.

    `inside` says that `values` stands under a secret key: then all of it is secret.
    """
    if isinstance(values, Mapping):
        for key, value in values.items():
            yield from known_secrets(value, inside or is_secret(str(key)))
    elif isinstance(values, str):
        if inside:
            yield values
        for login in _URL_LOGIN.findall(values):
            yield login
            yield from login.split(":", 1)
    elif isinstance(values, Sequence) and not isinstance(values, bytes):
        for value in values:
            yield from known_secrets(value, inside)
    elif inside and not isinstance(values, bool) and values is not None:
        yield str(values)


def named_secrets(text: str) -> Iterator[str]:
    """The secrets in a text of `name = value` lines, such as a unit file."""
    for match in (*_QUOTED.finditer(text), *_secret_assignments(text)):
        if is_secret(match["name"]):
            yield match["value"].strip("\"'")


def scrub(text: str, known: Iterable[str]) -> str:
    """`text` without the values of secret keys, what looks like a secret, and the `known` ones."""
    secrets = {value for value in known if len(value) >= _SHORTEST_SECRET}
    # Longest first: of two secrets one may be a part of the other.
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, REMOVED)
    for shape, replacement in _SHAPES:
        text = shape.sub(replacement, text)
    text = _QUOTED.sub(_without_value, text)
    pieces, end = [], 0
    for match in _secret_assignments(text):
        pieces += [text[end : match.start("value")], REMOVED]
        end = match.end("value")
    return "".join([*pieces, text[end:]])


def _without_value(match: re.Match[str]) -> str:
    quote, name = match["quote"], match["name"]
    return f"{quote}{name}={REMOVED}{quote}" if is_secret(name) else match[0]


def _secret_assignments(text: str) -> Iterator[re.Match[str]]:
    """Each `name = value` with a secret name.

    After any other name the search goes on inside its value: that may hold a pair of its own, as in
    Environment=API_TOKEN=...
    """
    at = 0
    while match := _ASSIGNMENT.search(text, at):
        if is_secret(match["name"]):
            yield match
            at = match.end()
        else:
            at = match.end("sign")
