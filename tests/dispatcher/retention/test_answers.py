"""What becomes of answers when their sender is forgotten, when their alert is, and when their time is over."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from config.audit import os_user
from config.clock import oslo_date
from config.shell import plain
from config.spare_sections import RetentionSettings
from contacts import tables
from contacts.people import find_person
from dispatcher.answers.taking import Inbound, take_answer
from dispatcher.reports.counting import report
from dispatcher.retention.export import export
from dispatcher.retention.purge import Limits, purge
from dispatcher.tables import ANSWER
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.town import LAST_YEAR, TODAY, Family, Person, Town, found_in_tables

POLICY = RetentionSettings(students_months=12, guardians_months=12, alerts_months=24, nightly=False)
YEARS_LATER = datetime(2029, 1, 8, 9, tzinfo=UTC)
WORDS = "Kari Ŋiella er hos meg"


def phone(family: Family) -> str:
    return next(mark for mark in family.guardian.marks if mark.startswith("+47"))


def answer(town: Town, number: str, body: str = WORDS) -> str:
    town._made += 1
    reference = f"SM-answer-{town._made}"
    with town.world.clock(), town.database.write() as connection:
        take_answer(connection, "twilio", Inbound(reference, number, body))
    return reference


def purged(town: Town) -> None:
    with town.world.clock():
        purge(town.database, Limits.on(oslo_date(town.world.now), POLICY), operator="kontor")


def test_of_whoever_is_forgotten_neither_words_nor_reference_are_left(town: Town) -> None:
    gone, stays = town.family(left_on=LAST_YEAR), town.family()
    unasked = answer(town, phone(gone))
    alert = town.alert(gone, stays)
    asked = answer(town, phone(gone))
    kept = answer(town, phone(stays))
    purged(town)
    assert found_in_tables(town.database, (*gone.marks, unasked, asked)) == set()
    rows = town.world.rows(ANSWER)
    assert [(row.reference, row.text) for row in rows] == [(None, ""), (kept, WORDS)]
    # That the alert was answered stays.
    assert {row.alert_id for row in rows} == {alert}
    with town.world.clock(), town.database.read() as connection:
        assert report(connection, alert).unmatched_answers == 2


def test_of_a_number_that_somebody_else_keeps_the_words_go_too(town: Town) -> None:
    number = "+4799999001"
    gone = town.family(left_on=LAST_YEAR, shared_phone=number)
    town.family(shared_phone=number)
    answer(town, number)
    purged(town)
    (row,) = town.world.rows(ANSWER)
    assert (row.text, row.reference) == ("", None)
    (address,) = town.world.rows(tables.ADDRESS, tables.ADDRESS.c.id == row.address_id)
    assert address.value == number
    assert found_in_tables(town.database, gone.marks) == set()


def test_answers_go_with_their_alert_and_the_others_after_the_same_time(town: Town) -> None:
    family = town.family()
    answer(town, phone(family))
    answer(town, "+4791234567")
    alert = town.alert(family)
    answer(town, phone(family))
    town.world.now = YEARS_LATER
    answer(town, phone(family), "nylig")
    town.alert(town.family())  # the newest message stays
    purged(town)
    assert [row.text for row in town.world.rows(ANSWER)] == ["nylig"]
    with town.world.clock(), town.database.read() as connection:
        assert report(connection, alert).unmatched_answers == 1


def exported(town: Town, person: Person) -> dict[str, Any]:
    with town.world.clock(), town.database.read() as connection:
        document = export(connection, town.keys, find_person(connection, person.ref), TODAY)
    read: dict[str, Any] = json.loads(json.dumps(document, default=plain))
    return read


def test_a_person_is_shown_what_came_in_from_their_number(town: Town) -> None:
    one, other = town.family(), town.family()
    answer(town, phone(one))
    answer(town, phone(other), "noe annet")
    (shown,) = exported(town, one.guardian)["answers"]
    assert (shown["from"], shown["kind"], shown["text"]) == (phone(one), "other", WORDS)
    assert exported(town, one.student)["answers"] == []


def test_of_a_shared_number_nobody_is_shown_words_that_may_be_the_others(town: Town) -> None:
    one, _other = (town.family(shared_phone="+4799999001") for _ in range(2))
    answer(town, "+4799999001")
    (shown,) = exported(town, one.guardian)["answers"]
    assert (shown["kind"], shown["text"]) == ("other", None)


def test_the_command_lists_masked_numbers_and_the_report_says_how_many(run: Run, installed: Town) -> None:
    family = installed.family()
    alert = installed.number(installed.alert(family))
    answer(installed, phone(family))
    answer(installed, "+4791234567", "STOPP")
    shown = run("answers", "list")
    assert shown.exit_code == 0
    assert f"{family.guardian.ref}   other   {alert}\n    {WORDS}\n" in shown.output
    assert "+47 9xx xx x67   nobody in the store   stop\n" in shown.output
    assert phone(family) not in shown.output
    (only,) = json.loads(run("answers", "list", "--alert", "latest", "--unmatched", "--json").output)["answers"]
    assert (only["alert"], only["text"], only["guardians"]) == (alert, WORDS, [family.guardian.ref])
    assert run("answers", "list", "--alert", "A-2611-9999").exit_code == 2
    assert "1 answer to read" in run("report", "latest").output


def test_a_school_leader_reads_the_answers_to_their_own_alerts_alone(run: Run, installed: Town) -> None:
    alert = installed.number(installed.alert(installed.family()))
    Path("beredskap.toml").write_text(
        f'[operators."{os_user()}"]\nroles = ["school_leader"]\nschools = ["Eksempel vgs"]\n', encoding="utf-8"
    )
    refused = run("answers", "list")
    assert refused.exit_code == 6 and "give --alert" in refused.output
    assert run("answers", "list", "--alert", alert).exit_code == 0
