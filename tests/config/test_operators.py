"""The operator of a process: the system's user, what the settings give them, and the trace of a refusal."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import cast

import pytest
from sqlalchemy import select, text

from config.audit import AuditEntry, os_user
from config.database import Database
from config.errors import ExitStatus, UsageError
from config.operators import NotPermittedError, Operator, admit, record_refusal
from config.roles import Reach, Right, Role
from config.settings import load_settings
from config.tables import core_table

_LOG = core_table(AuditEntry)
# Nobody who was given no token is looked up.
no_database = cast(Database, None)
UNKNOWN = '[operators.somebody_else]\nroles = ["county_leader"]\n'


@pytest.fixture
def settings(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes the settings file; its owner is somebody else, and so is root."""

    def write(content: str) -> None:
        Path("beredskap.toml").write_text(content, encoding="utf-8")

    monkeypatch.setattr("config.operators._keeps_settings", lambda: False)
    return write


def test_without_operators_everybody_may_do_everything() -> None:
    for right in Right:
        operator = admit(load_settings(), no_database, right)
        assert (operator.name, operator.reach) == (os_user(), Reach.EVERYTHING)


def test_the_system_user_is_the_operator(settings: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    settings(f'[operators."{os_user()}"]\nroles = ["school_leader"]\nschools = ["Eksempel vgs", "S2"]\n')
    for name in ("USER", "LOGNAME", "USERNAME", "SUDO_USER"):
        monkeypatch.setenv(name, "somebody_else")
    operator = admit(load_settings(), no_database, Right.SEND)
    assert operator == Operator(
        os_user(), Right.SEND, Reach.THEIR_SCHOOLS, (Role.SCHOOL_LEADER,), ("Eksempel vgs", "S2")
    )
    assert admit(load_settings(), no_database, Right.IMPORT).reach is Reach.NOTHING


def test_who_is_not_named_has_no_role(settings: Callable[[str], None]) -> None:
    settings(UNKNOWN)
    assert admit(load_settings(), no_database, Right.RUN).reach is Reach.EVERYTHING
    assert admit(load_settings(), no_database, Right.SEND).reach is Reach.NOTHING
    assert admit(load_settings(), no_database, Right.SEE_LOG).reach is Reach.NOTHING


def test_who_owns_the_settings_file_hands_out_and_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("beredskap.toml").write_text(UNKNOWN, encoding="utf-8")
    assert admit(load_settings(), no_database, Right.HAND_OUT).reach is Reach.EVERYTHING
    assert admit(load_settings(), no_database, Right.SEND).reach is Reach.NOTHING
    somebody = os.getuid() + 1
    monkeypatch.setattr("config.operators.os.getuid", lambda: somebody)
    assert admit(load_settings(), no_database, Right.HAND_OUT).reach is Reach.NOTHING


@pytest.mark.parametrize(
    ("entry", "setting"),
    [
        ('roles = ["school_leader"]', "operators.x"),
        ('roles = ["auditor"]\nschools = ["Eksempel vgs"]', "operators.x"),
        ("roles = []", "operators.x.roles"),
        ('roles = ["headmaster"]', "operators.x.roles.0"),
        ('roles = ["keeper"]', "operators.x.roles.0"),
        ('roles = ["auditor"]\npassword = "y"', "operators.x.password"),
    ],
)
def test_an_entry_that_cannot_be_used_is_named(settings: Callable[[str], None], entry: str, setting: str) -> None:
    settings(f'[operators.x]\n{entry}\n[operators.clerk]\nroles = ["contact_clerk"]\n')
    operators = load_settings().operators
    assert [(name, wrong.setting) for name, wrong in operators.set_aside.items()] == [("x", setting)]
    assert list(operators.named) == ["clerk"]


@pytest.mark.parametrize(
    "content",
    [
        f'[operators."{os_user()}"]\nroles = ["county_laeder"]\n',
        'operators = "county_leader"\n',
        "operators = []\n",
        '[operators.""]\nroles = ["county_leader"]\n',
    ],
)
def test_wrong_entries_alone_are_not_the_same_as_none(settings: Callable[[str], None], content: str) -> None:
    settings(content)
    for right in (Right.SEND, Right.SEE_CONTACTS, Right.IMPORT, Right.HAND_OUT):
        operator = admit(load_settings(), no_database, right)
        assert operator.reach is Reach.NOTHING
        with pytest.raises(NotPermittedError) as caught:
            operator.refuse()
        assert caught.value.what.startswith("What the settings say of you under [operators] cannot be used")
        assert "beredskap doctor says what is wrong" in (caught.value.remedy or "")
    assert admit(load_settings(), no_database, Right.RUN).reach is Reach.EVERYTHING


def test_an_entry_of_somebody_else_alone_is_not_the_same_as_none_either(settings: Callable[[str], None]) -> None:
    settings(f'[operators.{"x" * 65}]\nroles = ["county_leader"]\n')
    assert admit(load_settings(), no_database, Right.SEND).reach is Reach.NOTHING


def test_who_is_not_named_has_no_wrong_entry(settings: Callable[[str], None]) -> None:
    settings(f'{UNKNOWN}[operators.x]\nroles = ["boss"]\n[operators.""]\nroles = ["boss"]\n')
    with pytest.raises(NotPermittedError, match="You are no operator in these settings"):
        admit(load_settings(), no_database, Right.SEND).refuse()


def test_a_wrong_entry_costs_nobody_else_their_roles(settings: Callable[[str], None]) -> None:
    settings(f'[operators.x]\nroles = ["boss"]\n[operators."{os_user()}"]\nroles = ["county_leader"]\n')
    assert admit(load_settings(), no_database, Right.SEND).reach is Reach.EVERYTHING


@pytest.mark.parametrize("name", ["BEREDSKAP_OPERATORS", "beredskap_operators", "BEREDSKAP_OPERATORS__ROOT__ROLES"])
def test_nobody_makes_themselves_an_operator_in_the_environment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, '{"root": {"roles": ["county_leader"]}}')
    with pytest.raises(UsageError, match="cannot be named in the environment"):
        load_settings()


def test_a_refusal_says_what_and_names_nobody() -> None:
    leader = Operator("k.leder", Right.IMPORT, Reach.NOTHING, (Role.SCHOOL_LEADER, Role.AUDITOR))
    with pytest.raises(NotPermittedError) as caught:
        leader.refuse()
    assert caught.value.what == "As school leader and auditor you may not import."
    assert caught.value.exit_status is ExitStatus.NOT_PERMITTED
    assert "k.leder" not in str(caught.value)
    with pytest.raises(NotPermittedError, match="You are no operator in these settings, and may not send alerts"):
        Operator("x", Right.SEND, Reach.NOTHING).refuse()


def test_a_refusal_is_on_record(database: Database) -> None:
    refused = NotPermittedError(Operator("k.leder", Right.IMPORT, Reach.NOTHING, (Role.AUDITOR,)))
    record_refusal(database, refused)
    with database.read() as connection:
        entry = connection.execute(select(_LOG)).one()
    assert (entry.operator, entry.act, entry.subject) == ("k.leder", "operator.refused", "right import")
    assert entry.details == {"roles": ["auditor"], "why": "As auditor you may not import."}


def test_a_refusal_that_cannot_be_recorded_is_one_all_the_same(database: Database) -> None:
    with database.write() as connection:
        connection.execute(text("DROP TABLE audit_entry"))
    refused = NotPermittedError(Operator("k.leder", Right.IMPORT, Reach.NOTHING))
    record_refusal(database, refused)
    assert "could not be put into the audit log" in str(refused)
