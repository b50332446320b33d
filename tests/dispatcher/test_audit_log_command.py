"""`beredskap audit-log` as it is typed: lines in Oslo's time, and the first entry that does not fit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text
from typer.testing import CliRunner, Result

from config.audit import record_act
from config.audit_chain import NOTHING_BEFORE
from config.clock import bound_db_now
from config.database import Database
from config.operators import Operator
from config.roles import Reach, Right
from config.shell import Store
from dispatcher.commands import audit_log as module

OPERATOR = Operator("k.leder", Right.SEE_LOG, Reach.EVERYTHING)
# 02:59 in Oslo twice in the night in which summer time ends; then the last second of a day there, and the next one.
SUMMER = datetime(2026, 10, 25, 0, 59, tzinfo=UTC)
WINTER = datetime(2026, 10, 25, 1, 59, tzinfo=UTC)
EVENING = datetime(2026, 10, 25, 22, 59, 59, tzinfo=UTC)
MIDNIGHT = datetime(2026, 10, 25, 23, 0, tzinfo=UTC)


@pytest.fixture
def log(database: Database, monkeypatch: pytest.MonkeyPatch) -> Database:
    """Four acts; the command opens this database."""
    monkeypatch.setattr(module, "open_store", lambda need_keys: Store(SimpleNamespace(), database, OPERATOR))  # type: ignore[arg-type]
    acts: list[tuple[datetime, str, str, str, dict[str, Any]]] = [
        (SUMMER, "k.leder", "alert.send", "alert A-2610-0001", {"status": "actual", "students": 12}),
        (WINTER, "k.leder", "alert.stop", "alert A-2610-0001", {"held_back": 3}),
        (EVENING, "r.rektor", "student.release", "student 2B-017", {"reason": "to\nlinjer \x1b[31m", "until": None}),
        (MIDNIGHT, "r.rektor", "student.look_up", "student 2B-017", {}),
    ]
    for moment, operator, act, subject, details in acts:
        with bound_db_now(moment), database.write() as connection:
            record_act(connection, operator=operator, act=act, subject=subject, details=details)
    return database


def run(*arguments: str) -> Result:
    return CliRunner().invoke(module.app, arguments)


def change(database: Database, statement: str) -> None:
    with database.write() as connection:
        if database.sqlite:
            connection.execute(text("DROP TRIGGER IF EXISTS audit_entry_no_update"))
            connection.execute(text("DROP TRIGGER IF EXISTS audit_entry_no_delete"))
        else:
            connection.execute(text("DROP TRIGGER IF EXISTS audit_entry_append_only ON audit_entry"))
        connection.execute(text(statement))


def test_one_line_an_act_in_oslo_the_newest_first(log: Database) -> None:
    result = run("show")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "2026-10-26 00:00:00  r.rektor  student.look_up  student 2B-017",
        "2026-10-25 23:59:59  r.rektor  student.release  student 2B-017  reason: to�linjer �[31m",
        "2026-10-25 02:59:00  k.leder  alert.stop  alert A-2610-0001  held_back: 3",
        "2026-10-25 02:59:00  k.leder  alert.send  alert A-2610-0001  status: actual, students: 12",
    ]


ASKED = [
    (["--since", "2026-10-26"], ["student.look_up"]),
    (["--until", "2026-10-25", "--operator", "r.rektor"], ["student.release"]),
    (["--since", "2026-10-25", "--until", "2026-10-25", "--limit", "1"], ["student.release"]),
    (["--act", "alert"], ["alert.stop", "alert.send"]),
    (["--act", "alert.send"], ["alert.send"]),
    (["--until", "2026-10-24"], []),
]


@pytest.mark.parametrize(("options", "acts"), ASKED, ids=[" ".join(options) for options, _ in ASKED])
def test_what_is_asked_for(log: Database, options: list[str], acts: list[str]) -> None:
    found = json.loads(run("show", *options, "--json").stdout)["entries"]
    assert [one["act"] for one in found] == acts
    if not acts:
        assert run("show", *options).stdout == "No entry of the audit log is like that.\n"


def test_an_entry_as_json(log: Database) -> None:
    (entry,) = json.loads(run("show", "--act", "alert.stop", "--json").stdout)["entries"]
    assert len(entry.pop("hash")) == len(entry.pop("previous")) == 64
    assert entry == {
        "number": 2,
        "at": "2026-10-25T01:59:00+00:00",
        "operator": "k.leder",
        "act": "alert.stop",
        "subject": "alert A-2610-0001",
        "details": {"held_back": 3},
    }


def test_a_whole_log_gives_its_head(log: Database) -> None:
    result = run("verify")
    assert result.exit_code == 0, result.output
    newest = json.loads(run("show", "--limit", "1", "--json").stdout)["entries"][0]
    assert result.stdout == f"The audit log is whole: 4 entries.\nHead, to note elsewhere: {newest['hash']}\n"
    document = {"entries": 4, "head": newest["hash"], "fault": None, "exit_status": 0}
    assert json.loads(run("verify", "--json").stdout) == document
    for noted in (newest["hash"], newest["previous"].upper(), NOTHING_BEFORE):
        assert run("verify", "--expect", noted).exit_code == 0


def test_the_first_entry_that_does_not_fit_is_named(log: Database) -> None:
    change(log, "UPDATE audit_entry SET operator = 'somebody.else' WHERE id >= 3")
    result = run("verify")
    assert result.exit_code == 1
    assert result.stdout.splitlines()[:2] == [
        "Entry 3 was changed after it was written.",
        "The 2 before it fit.",
    ]
    document = json.loads(run("verify", "--json").stdout)
    assert (document["entries"], document["exit_status"]) == (2, 1)
    assert (document["fault"]["code"], document["fault"]["number"]) == ("changed", 3)


def test_an_end_that_was_cut_off_with_the_count_is_told_by_a_noted_head(log: Database) -> None:
    noted = json.loads(run("verify", "--json").stdout)["head"]
    change(log, "DELETE FROM audit_entry WHERE id = 4")
    assert run("verify").stdout.startswith("Entry 4 is missing at the end.\nThe 3 before it fit.\n")
    change(log, "UPDATE counter SET value = 3 WHERE name = 'audit_entries'")
    assert run("verify").exit_code == 0
    result = run("verify", "--expect", noted)
    assert result.exit_code == 1
    assert result.stdout.startswith("No entry has the hash that was noted")
    assert json.loads(run("verify", "--expect", noted, "--json").stdout)["fault"]["code"] == "not_as_noted"


@pytest.mark.parametrize("typed", ["", "5a0c", NOTHING_BEFORE + "0", "g" * 64])
def test_what_is_no_head_is_refused(log: Database, typed: str) -> None:
    result = run("verify", "--expect", typed)
    assert result.exit_code == 2
    assert "Nothing was checked." in result.stderr


def test_an_entry_that_cannot_be_read_is_no_fault_of_beredskap(log: Database) -> None:
    change(log, "UPDATE audit_entry SET details = '[]' WHERE id = 2")
    result = run("show")
    assert result.exit_code == 1
    assert "beredskap audit-log verify names it." in result.stderr
    assert run("verify").stdout.startswith("Entry 2 cannot be read: it was changed after it was written.")


@pytest.mark.parametrize("options", [("--until", "9999-12-31"), ("--since", "0001-01-01"), ("--limit", "9" * 20)])
def test_what_lies_beyond_all_entries_is_refused(log: Database, options: tuple[str, str]) -> None:
    result = run("show", *options)
    assert result.exit_code == 2
    assert "fault of Beredskap" not in result.stderr
