"""Whose name stands in the log where a command is not told: the person's who has logged in."""

from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from qc_edge.errors import UsageError
from qc_edge.recipe import attribution
from qc_edge.recipe.attribution import Attribution
from qc_edge.terminal.options import who_asks


def be(monkeypatch: pytest.MonkeyPatch, uid: int, login: int | None = None, **users: int) -> None:
    """This process is run by `uid`; `login` is who logged in, and `users` are known."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    monkeypatch.setattr(os, "getuid", lambda: uid)
    monkeypatch.setattr(os, "geteuid", lambda: uid)
    names = {number: name for name, number in users.items()}

    def known(number: int) -> pwd.struct_passwd:
        return pwd.struct_passwd((names[number], "x", number, number, "", "/", "/bin/sh"))

    monkeypatch.setattr(pwd, "getpwuid", known)
    monkeypatch.setattr(attribution, "_login_uid", lambda: login)


def test_a_person_s_own_user_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 1001, anna=1001)
    assert Attribution.parse(None, "why").by == "anna"
    assert who_asks(None) == "anna"
    assert Attribution.parse("ben", "why").by == "ben", "what is said goes first"


def test_behind_sudo_and_su_is_who_called_it(monkeypatch: pytest.MonkeyPatch) -> None:
    be(monkeypatch, 0, login=1001, anna=1001)
    assert who_asks(None) == "anna"
    monkeypatch.setenv("SUDO_USER", "ben")
    assert who_asks(None) == "ben"


def test_a_plain_user_cannot_name_another_one_by_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    be(monkeypatch, 1001, anna=1001)
    monkeypatch.setenv("SUDO_USER", "ben")
    assert who_asks(None) == "anna"


@pytest.mark.parametrize(("uid", "login"), [(0, None), (0, 2**32 - 1), (998, None), (4000, None)])
def test_where_nobody_has_logged_in_it_has_to_be_said(
    monkeypatch: pytest.MonkeyPatch, uid: int, login: int | None
) -> None:
    be(monkeypatch, uid, login, qc=998, anna=1001)
    for ask in (lambda: who_asks(None), lambda: Attribution.parse(None, "why")):
        with pytest.raises(UsageError, match="--by is missing"):
            ask()
    with pytest.raises(UsageError, match="--by is missing"):
        Attribution.parse("", "why")


def test_the_kernel_is_asked_who_logged_in(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = attribution._login_uid()
    assert asked is None or str(asked) == Path("/proc/self/loginuid").read_text()
