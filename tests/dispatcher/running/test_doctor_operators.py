"""Doctor on operators: whether there are any, and what in the settings would lock somebody out or tell nobody."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.database import Database
from config.settings import load_settings
from dispatcher.running.doctor import CheckResult, Status
from dispatcher.running.doctor_operators import operators_result
from tests.contacts.store import ContactStore

LEADER = '[operators."k.leder"]\nroles = ["school_leader"]\nschools = [{schools}]\n'
CLERK = '[operators.kontor]\nroles = ["contact_clerk"]\n'
COUNTY = '[county]\nemail = "vakt@fylket.example"\n[smtp]\nhost = "127.0.0.1"\n'


def result(database: Database, content: str) -> CheckResult:
    Path("beredskap.toml").write_text(content, encoding="utf-8")
    with database.write() as connection:
        store = ContactStore(connection)
        store.school("NO1", "Eksempel vgs")
        store.school("NO2", "Tvilling vgs")
        store.school("NO3", "Tvilling vgs")
        return operators_result(load_settings(), connection)


def test_no_operators_are_as_good_as_any_and_said(database: Database) -> None:
    found = result(database, COUNTY)
    assert (found.status, found.what.split(":")[0]) == (Status.OK, "none are named")


def test_all_in_good_order(database: Database) -> None:
    found = result(database, COUNTY + CLERK + LEADER.format(schools='"eksempel vgs", "NO2"'))
    assert (found.status, found.what) == (Status.OK, "2 operators are named; the county is told of a broken glass")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (COUNTY + LEADER.format(schools='"Ukjent vgs"'), 'the school "Ukjent vgs", which is not in the store'),
        (COUNTY + LEADER.format(schools='"NO1", "Tvilling vgs"'), 'the school "Tvilling vgs"'),
        (COUNTY + CLERK, "nobody may send an alert"),
        (LEADER.format(schools='"NO1"'), "nobody is told when somebody sends an alert without the role"),
        (
            COUNTY.replace("vakt@fylket.example", "vakt@fylket..example") + LEADER.format(schools='"NO1"'),
            "nobody is told when somebody sends",
        ),
    ],
)
def test_what_deserves_a_look(database: Database, content: str, told: str) -> None:
    found = result(database, content)
    assert found.status is Status.WARN
    assert told in found.what
    assert found.remedy
