"""Secrets are taken out by the names of their keys, by their looks, and wherever a known one is
repeated.
"""

from __future__ import annotations

import pytest

from qc_edge.diagnostics.support.secrets import (
    REMOVED,
    is_secret,
    known_secrets,
    mask,
    named_secrets,
    scrub,
)


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "db_password",
        "DB_PASSWORD",
        "apiKey",
        "api-key",
        "access_key_id",
        "secretAccessKey",
        "key",
        "token",
        "authToken",
        "refresh_tokens",
        "client_secret",
        "passphrase",
        "credentials",
        "Authorization",
    ],
)
def test_names_of_secrets(name: str) -> None:
    assert is_secret(name)


@pytest.mark.parametrize(
    "name", ["monkey", "keyboard", "threshold", "rate_hz", "passed", "author", "part_id"]
)
def test_names_of_other_things(name: str) -> None:
    assert not is_secret(name)


def test_a_structure_is_masked_at_every_depth() -> None:
    values = {
        "upstream": {"endpoint": "https://joe:hunter2@host/x", "access_key": "AKXX", "retries": 3},
        "list": [{"token": ["a", "b"]}, "plain"],
        "password": {"file": "/x", "nested": 5},
    }
    assert mask(values) == {
        "upstream": {"endpoint": f"https://{REMOVED}@host/x", "access_key": REMOVED, "retries": 3},
        "list": [{"token": REMOVED}, "plain"],
        "password": REMOVED,
    }


def test_known_ones_are_found_with_their_parts() -> None:
    values = {"url": "s3://joe:hunter2@host/b", "keys": {"a": "first", "n": 5150}, "plain": "open"}
    assert {"joe:hunter2", "joe", "hunter2", "first", "5150"} == set(known_secrets(values))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('password = "hunter2"', f"password = {REMOVED}"),
        ("api_key: 'abc'  # old", f"api_key: {REMOVED}  # old"),
        ('{"token": "a\\"b", "n": 1}', f'{{"token": {REMOVED}, "n": 1}}'),
        (
            "Environment=UPSTREAM_TOKEN=abc123 PATH=/bin",
            f"Environment=UPSTREAM_TOKEN={REMOVED} PATH=/bin",
        ),
        ('Environment="SECRET=abc 123"', f'Environment="SECRET={REMOVED}"'),
        ("PUT https://joe:pw@host/x failed", f"PUT https://{REMOVED}@host/x failed"),
        ("git+https://ghp_abc@host", f"git+https://{REMOVED}@host"),
        ("GET /x?part=5&token=abc", f"GET /x?part=5&token={REMOVED}"),
        ("sent Authorization: Bearer abcdefghijk", f"sent Authorization: {REMOVED} {REMOVED}"),
        ('key = """one\ntwo"""\nnext = 1', f"key = {REMOVED}\nnext = 1"),
        ('secret = """never closed\ntwo', f"secret = {REMOVED}"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----", REMOVED),
        ("id AKIAIOSFODNN7EXAMPLE", f"id {REMOVED}"),
        ("part 48213 PASS ACCEPT: score 0.1 is below threshold 0.5", None),
        ("2026-11-23T03:14:15+0000 camera top: Emulation 0815-0000, 1280 x 1024", None),
        ("model sha256: 8a9f0c", None),
    ],
)
def test_a_text_is_scrubbed(text: str, expected: str | None) -> None:
    got = scrub(text, ())
    if "Bearer" in text:
        assert "abcdefghijk" not in got
    else:
        assert got == (text if expected is None else expected)


def test_a_known_value_is_found_wherever_it_is_repeated() -> None:
    assert (
        scrub("login hunter2 refused; ask hunter2", ["hunter2", "abc"])
        == f"login {REMOVED} refused; ask {REMOVED}"
    )
    assert list(named_secrets("[Service]\nEnvironment=TOKEN=abcdef\n")) == ["abcdef"]
