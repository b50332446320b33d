"""Personal tokens: kept as a hash alone, good for one operator until revoked, and read from nowhere that others see."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from sqlalchemy import select

from config.audit import os_user
from config.database import Database
from config.errors import UsageError
from config.operator_tokens import (
    OperatorToken,
    given_token,
    handed_out,
    make_token,
    operator_of,
    revoke_token,
)
from config.operators import NotPermittedError, admit
from config.roles import Reach, Right, Role
from config.settings import load_settings
from config.tables import core_table

_TABLE = core_table(OperatorToken)


@pytest.fixture
def token(database: Database) -> str:
    """A token of k.leder's, who leads a school by the settings."""
    Path("beredskap.toml").write_text(
        '[operators."k.leder"]\nroles = ["school_leader"]\nschools = ["Eksempel vgs"]\n', encoding="utf-8"
    )
    with database.write() as connection:
        return make_token(connection, "k.leder", by="fylket")[1]


def owner(database: Database, given: str) -> str | None:
    with database.read() as connection:
        return operator_of(connection, given)


def test_a_token_is_its_owners_and_only_its_hash_is_kept(database: Database, token: str) -> None:
    assert owner(database, token) == "k.leder"
    with database.write() as connection:
        another = make_token(connection, "k.leder", by="fylket")[1]
        stored = str(connection.execute(select(_TABLE)).all())
    secret = token.split("-", 2)[2]
    assert len(secret) == 43
    assert secret not in stored
    assert token not in stored
    assert another.split("-", 2)[2] != secret
    assert owner(database, another) == "k.leder"


def test_what_is_not_quite_the_token_is_nobodys(database: Database, token: str) -> None:
    prefix, handle, secret = token.split("-", 2)
    for wrong in (
        "",
        "-",
        handle,
        token[:-1],
        f"{token}x",
        f"xyz-{handle}-{secret}",
        f"{prefix}-00000000-{secret}",
        f"{prefix}-{handle}-{secret.swapcase()}",
        f"{prefix}-%-{secret}",
    ):
        assert owner(database, wrong) is None, wrong


def test_a_revoked_token_is_nobodys_at_once(database: Database, token: str) -> None:
    handle = token.split("-")[1]
    with database.write() as connection:
        assert [(one.handle, one.operator, one.created_by) for one in handed_out(connection)] == [
            (handle, "k.leder", "fylket")
        ]
        assert revoke_token(connection, f" {handle} ", by="fylket") == "k.leder"
        assert handed_out(connection) == []
    assert owner(database, token) is None
    with database.write() as connection, pytest.raises(UsageError, match="No token in force"):
        revoke_token(connection, handle, by="fylket")


def test_the_environment_comes_before_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert given_token() is None
    file = tmp_path / "token"
    file.write_text("of-the-file\n", encoding="ascii")
    file.chmod(0o600)
    monkeypatch.setenv("BEREDSKAP_TOKEN_FILE", str(file))
    assert given_token() == "of-the-file"
    monkeypatch.setenv("BEREDSKAP_TOKEN", " of-the-environment ")
    assert given_token() == "of-the-environment"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o601])
def test_a_file_that_others_may_open_is_refused(mode: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("bsk-1-secret", encoding="ascii")
    file.chmod(mode)
    monkeypatch.setenv("BEREDSKAP_TOKEN_FILE", str(file))
    with pytest.raises(UsageError, match=f"mode {mode:04o}") as caught:
        given_token()
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("what", ["missing", "folder", "not ascii"])
def test_a_file_that_cannot_be_read_is_told(what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "token"
    if what == "folder":
        file.mkdir()
    elif what == "not ascii":
        file.write_bytes(b"\xff\xfe")
    monkeypatch.setenv("BEREDSKAP_TOKEN_FILE", str(file))
    with pytest.raises(UsageError, match="cannot be read"):
        given_token()


def test_who_gives_a_token_is_its_owner(database: Database, token: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_TOKEN", token)
    operator = admit(load_settings(), database, Right.SEND)
    assert (operator.name, operator.reach, operator.roles) == (
        "k.leder",
        Reach.THEIR_SCHOOLS,
        (Role.SCHOOL_LEADER,),
    )
    # A service that has it in its environment is no operator.
    assert admit(load_settings(), database, Right.RUN).name == os_user()


def test_a_token_of_somebody_who_is_no_operator_any_more_opens_nothing(
    database: Database, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("beredskap.toml").write_text('[operators.another]\nroles = ["auditor"]\n', encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_TOKEN", token)
    assert admit(load_settings(), database, Right.SEND).reach is Reach.NOTHING


def test_a_wrong_token_is_refused_even_for_a_user_with_a_role(
    database: Database, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("beredskap.toml").write_text(f'[operators."{os_user()}"]\nroles = ["county_leader"]\n', encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_TOKEN", f"{token}x")
    with pytest.raises(NotPermittedError, match="not in force") as caught:
        admit(load_settings(), database, Right.SEND)
    assert token not in str(caught.value)
    assert caught.value.operator.name == os_user()
    assert admit(load_settings(), database, Right.RUN).reach is Reach.EVERYTHING
    # Who breaks the glass is not locked out by it.
    monkeypatch.setenv("BEREDSKAP_TOKEN_FILE", os.devnull)
    assert admit(load_settings(), database, Right.SEND, glass=True).name == os_user()
    monkeypatch.delenv("BEREDSKAP_TOKEN")
    monkeypatch.setenv("BEREDSKAP_TOKEN_FILE", "/nowhere/at/all")
    assert admit(load_settings(), database, Right.SEND, glass=True).reach is Reach.EVERYTHING
    with pytest.raises(UsageError):
        admit(load_settings(), database, Right.SEND)
