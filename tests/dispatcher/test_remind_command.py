"""`beredskap remind` as people type it: switched off, quiet, by school, stopped by an alert, and letters."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import insert

from config.audit import os_user
from config.errors import ExitStatus
from contacts import tables
from dispatcher.codes import AlertState
from dispatcher.tables import ALERT, DELIVERY
from tests.services.inside import Inside

AT_TEN = 80 * 60.0  # from 08:40
PHONE = "+4799999001"


@pytest.fixture
def family(inside: Inside, monkeypatch: pytest.MonkeyPatch) -> Inside:
    """One guardian with a phone, and one with a postal address alone; reminders are on."""
    monkeypatch.setenv("BEREDSKAP_REMINDERS__ON", "true")
    inside.world.family(phone=PHONE)
    with inside.world.store() as store:
        guardian = store.guardian(store.student("3-3", school=inside.world.school))
        store.connection.execute(
            insert(tables.POSTAL_ADDRESS).values(
                person_id=guardian, lines="Skipavika 88", postal_code="5218", place="NORDSTRØNO", country="NO"
            )
        )
    return inside


def test_switched_off_it_shows_and_sends_nothing(family: Inside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BEREDSKAP_REMINDERS__ON", "false")
    family.world.later(AT_TEN)
    assert "Reminders are switched off" in family.run("remind", "preview").stdout
    refused = family.run("remind", "run", "--yes")
    assert refused.exit_code == ExitStatus.UNUSABLE
    assert "reminders.on = true" in refused.stderr
    assert family.world.rows(DELIVERY) == []


def test_before_the_hours_letters_alone_are_made(family: Inside, tmp_path: Path) -> None:
    refused = family.run("remind", "run", "--yes")
    assert refused.exit_code == ExitStatus.UNUSABLE
    assert "between 09:00 and 20:00" in refused.stderr
    made = family.json("remind", "run", "--yes", "--letters-to", tmp_path)
    assert (made["sms"], made["letters"]["letters"]) == (0, 1)
    assert Path(made["letters"]["pdf"]).exists()
    assert "No letter is due" in family.run("remind", "run", "--yes", "--letters-to", tmp_path).stdout
    assert len(list(tmp_path.glob("*.pdf"))) == 1
    assert family.world.rows(DELIVERY) == []


def test_from_preview_to_status(family: Inside) -> None:
    family.world.later(AT_TEN)
    preview = family.json("remind", "preview")
    assert (preview["guardians"]["due_sms"], preview["guardians"]["due_letter"]) == (1, 1)
    assert preview["lacking"] == {
        "sms": {"stale": 0, "failing": 0, "unverified": 0, "missing": 1},
        "email": {"stale": 0, "failing": 0, "unverified": 0, "missing": 2},
    }
    assert family.run("remind", "run").exit_code == ExitStatus.UNUSABLE  # nobody to ask
    assert family.world.rows(DELIVERY) == []
    assert "Reminded: 1 by SMS." in family.run("remind", "run", "--yes").stdout
    assert len(family.world.rows(DELIVERY)) == 1
    status = family.json("remind", "status")
    assert (status["funnel"]["asked"], status["funnel"]["waiting"]) == (1, 1)
    assert status["next_round"].startswith("2026-11-24T10:00")
    (made,) = family.world.rows(tables.REMINDER_ROUND)
    assert (made.operator, made.every_school, made.sms) == (os_user(), True, 1)


def test_it_stands_aside_for_an_alert(family: Inside) -> None:
    family.world.later(AT_TEN)
    alert = family.world.alert([])
    stopped = family.run("remind", "run", "--yes")
    assert stopped.exit_code == ExitStatus.PARTLY
    assert "is under way" in stopped.stdout
    assert family.world.rows(tables.REMINDER_ROUND) == []
    family.world.change(ALERT, alert, state=AlertState.CLOSED)
    assert family.run("remind", "run", "--yes").exit_code == ExitStatus.OK


def test_a_leader_reminds_for_their_own_school_alone(family: Inside, tmp_path: Path) -> None:
    with family.world.store() as store:
        other = store.school("NO2", "Andre vgs")
        elsewhere = store.guardian(store.student("9-9", school=other))
        store.point(elsewhere, "+4799999009")
    family.world.later(AT_TEN)
    roles = f'[operators."{os_user()}"]\nroles = ["school_leader"]\nschools = ["Andre vgs"]\n'
    Path("beredskap.toml").write_text(roles, encoding="utf-8")
    assert family.json("remind", "preview")["guardians"]["due_sms"] == 1
    assert family.run("remind", "run", "--yes", "--school", "Eksempel vgs").exit_code == ExitStatus.NOT_PERMITTED
    assert family.json("remind", "run", "--yes")["sms"] == 1
    (row,) = family.world.rows(DELIVERY)
    (address,) = family.world.rows(tables.ADDRESS, tables.ADDRESS.c.id == row.address_id)
    assert address.value == "+4799999009"
    assert family.json("remind", "status", "--school", "Andre vgs")["funnel"]["asked"] == 1
    (made,) = family.world.rows(tables.REMINDER_ROUND)
    assert not made.every_school
