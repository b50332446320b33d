"""The audit log: one row an act, in the transaction of the act."""

from __future__ import annotations

import os
import pwd
from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from config.audit import AuditEntry, current_operator, record_act
from config.clock import bound_db_now
from config.database import Database
from config.tables import metadata

entries = metadata.tables["audit_entry"]


def test_an_act_is_kept_with_who_when_and_what(database: Database) -> None:
    moment = datetime(2026, 11, 23, 8, 40, tzinfo=UTC)
    with bound_db_now(moment), database.write() as connection:
        details = {"reason": "vedtak 2026/113", "until": "2026-12-01"}
        record_act(connection, operator="k.leder", act="student.release", subject="student 2B-017", details=details)
        record_act(connection, operator="k.leder", act="init", subject="database")
    with database.read() as connection:
        rows = connection.execute(select(entries).order_by(entries.c.id)).all()
    assert [(row.at, row.operator, row.act, row.subject, row.details) for row in rows] == [
        (moment, "k.leder", "student.release", "student 2B-017", details),
        (moment, "k.leder", "init", "database", {}),
    ]
    assert AuditEntry.__tablename__ == entries.name


def test_an_act_that_fails_leaves_no_entry(database: Database) -> None:
    with pytest.raises(ZeroDivisionError), database.write() as connection:
        record_act(connection, operator="k.leder", act="student.release", subject="student 2B-017")
        _ = 1 / 0
    with database.read() as connection:
        assert connection.execute(select(entries)).all() == []


def test_the_operator_is_the_user_of_the_process_whatever_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "somebody.else")
    assert current_operator() == pwd.getpwuid(os.getuid()).pw_name


def test_a_user_without_a_name_is_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4_000_000_000)
    assert current_operator() == "uid 4000000000"
