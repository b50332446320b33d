"""`beredskap report` as it is typed."""

from __future__ import annotations

import csv
import io
import json

import pytest
from sqlalchemy import select
from typer.testing import CliRunner

from config.database import Database
from config.errors import ExitStatus
from config.operators import Operator
from config.roles import Reach, Right
from config.settings import load_settings
from config.shell import Store
from dispatcher.commands import report as module
from dispatcher.tables import ALERT
from tests.dispatcher.reports.conftest import Case

OPERATOR = Operator("k.leder", Right.SEE_ALERTS, Reach.EVERYTHING)

app = module.app
run = CliRunner()


@pytest.fixture
def stored(case: Case, monkeypatch: pytest.MonkeyPatch) -> Case:
    """The command opens the database of the case."""
    monkeypatch.setattr(module, "open_store", lambda need_keys: Store(load_settings(), case.database, OPERATOR))
    return case


def _number(case: Case) -> str:
    with case.database.read() as connection:
        number: str = connection.execute(select(ALERT.c.number).where(ALERT.c.id == case.alert)).scalar_one()
    return number


def test_by_number_whatever_the_letters(stored: Case) -> None:
    number = _number(stored)
    result = run.invoke(app, [number.lower()])
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"{number}   ACTUAL ALERT")
    assert "students with nobody reached" in result.stdout


def test_latest(stored: Case) -> None:
    result = run.invoke(app, ["latest", "--json"])
    assert json.loads(result.stdout)["alert"]["number"] > _number(stored)


@pytest.mark.parametrize("options", [["--json"], ["--format", "json"]])
def test_json(stored: Case, options: list[str]) -> None:
    document = json.loads(run.invoke(app, [_number(stored), *options]).stdout)
    assert document["nobody_reached"] == 4
    assert document["call_list"][1]["guardians"][0]["phones"][0]["number"] == "+4790000003"


def test_json_of_the_call_list_alone(stored: Case) -> None:
    document = json.loads(run.invoke(app, [_number(stored), "--json", "--call-list"]).stdout)
    assert list(document) == ["alert", "call_list"]
    assert len(document["call_list"]) == 4


def test_call_list_has_whole_numbers_and_says_what_the_alert_is(stored: Case) -> None:
    text = run.invoke(app, [_number(stored), "--call-list"]).stdout
    assert "ACTUAL ALERT" in text.splitlines()[0]
    assert "Call list (4)" in text
    assert "+4790000003" in text
    assert "Messages" not in text


def test_csv(stored: Case) -> None:
    rows = list(csv.reader(io.StringIO(run.invoke(app, [_number(stored), "--format", "csv"]).stdout)))
    assert rows[0] == ["section", "what", "detail", "value"]
    assert rows[1] == ["students", "nobody_reached", "unreached + held", "4"]
    assert ["details", "long_unknown", "", "1"] in rows
    listed = run.invoke(app, [_number(stored), "--format", "csv", "--call-list"]).stdout
    assert len(list(csv.DictReader(io.StringIO(listed)))) == 4


def test_an_unknown_number_says_where_to_look(stored: Case) -> None:
    result = run.invoke(app, ["A-9999-0001"])
    assert result.exit_code == ExitStatus.UNUSABLE
    assert "beredskap alert list" in result.stderr
    assert "Traceback" not in result.output
    for options in (["--json"], ["--format", "json"]):
        result = run.invoke(app, ["A-9999-0001", *options])
        assert result.exit_code == ExitStatus.UNUSABLE
        assert "beredskap alert list" in json.loads(result.stdout)["error"]["remedy"]


def test_before_the_first_alert(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "open_store", lambda need_keys: Store(load_settings(), database, OPERATOR))
    result = run.invoke(app, ["latest"])
    assert result.exit_code == ExitStatus.UNUSABLE


def test_help_has_examples() -> None:
    text = run.invoke(app, ["--help"]).stdout
    assert "beredskap report latest" in text
    assert "--call-list" in text
