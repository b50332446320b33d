"""Erasing one person: nothing of them is left, alerts still add up, and nobody is erased whom an alert needs."""

from __future__ import annotations

import json
import random
from datetime import timedelta

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.audit_reading import verify_log
from config.errors import BeredskapError, ExitStatus, UsageError
from config.tables import core_table
from contacts import tables
from contacts.people import FORGOTTEN, find_person, student_ref
from dispatcher.codes import AlertState
from dispatcher.reports.counting import report
from dispatcher.retention.erasing import Erasure, erase, look
from dispatcher.tables import ALERT, DECISION, RECIPIENT
from tests.dispatcher.auditing.auditing import found
from tests.dispatcher.retention.conftest import Run
from tests.dispatcher.retention.town import (
    LAST_YEAR,
    TODAY,
    Family,
    Person,
    Town,
    everything,
    found_in_files,
    found_in_tables,
)
from tests.dispatcher.world import check_books


def erased(town: Town, person: Person, *, too: bool = True, reason: str = "request 2026/311") -> Erasure:
    with town.world.clock(), town.database.write() as connection:
        one = find_person(connection, person.ref)
        return erase(connection, one, today=TODAY, operator="kontor", reason=reason, in_attendance_too=too)


def looked(town: Town, person: Person) -> Erasure:
    with town.world.clock(), town.database.read() as connection:
        return look(connection, find_person(connection, person.ref), TODAY)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_is_left_of_whoever_is_erased_and_all_of_the_others(town: Town, seed: int) -> None:
    chance = random.Random(seed)
    number = "+4799999001"
    families = [town.family(shared_phone=number if chance.random() < 0.4 else None) for _ in range(5)]
    for _ in range(2):
        town.alert(*chance.sample(families, 3))
    with town.world.clock(), town.database.read() as connection:
        alerts = list(connection.scalars(select(ALERT.c.id)))
        was = [report(connection, alert) for alert in alerts]
    people = [person for family in families for person in (family.student, family.guardian)]
    chance.shuffle(people)
    left = dict(found_in_tables_by(town, people))
    for person in people[:6]:
        preview = looked(town, person)
        assert erased(town, person) == preview
        del left[person.id]
        assert found_in_tables(town.database, person.marks) <= {("audit_entry", person.ref)}
        assert dict(found_in_tables_by(town, people)) == left
    with town.world.clock(), town.database.read() as connection:
        now = [report(connection, alert) for alert in alerts]
        assert verify_log(connection).fault is None
    assert [(one.classes, one.states, one.decisions) for one in now] == [
        (one.classes, one.states, one.decisions) for one in was
    ]
    check_books(town.database)
    assert found(town.world) == []


def found_in_tables_by(town: Town, people: list[Person]) -> list[tuple[int, frozenset[str]]]:
    """Of each person, the marks that stand anywhere but in the audit log, which keeps refs."""
    content = {name: rows for name, rows in everything(town.database).items() if name != "audit_entry"}
    text = repr(content)
    marks = [(person.id, frozenset(mark for mark in person.marks if mark in text)) for person in people]
    return [(person, some) for person, some in marks if some]


def test_nothing_is_left_in_the_file(sqlite_town: Town) -> None:
    one = sqlite_town.family()
    sqlite_town.alert(one)
    erased(sqlite_town, one.guardian)
    assert sqlite_town.database.overwrite_deleted()
    assert found_in_files(sqlite_town.database, one.guardian.marks) == set()
    assert found_in_files(sqlite_town.database, one.student.marks) != set()


def test_in_attendance_only_when_it_is_meant(town: Town) -> None:
    here, gone = town.family(), town.family(left_on=LAST_YEAR)
    for person in (here.student, here.guardian):
        before = everything(town.database)
        with pytest.raises(BeredskapError) as refused:
            erased(town, person, too=False)
        assert refused.value.exit_status is ExitStatus.REFUSED
        assert "--even-though-in-attendance" in refused.value.remedy
        assert everything(town.database) == before
    assert (looked(town, here.guardian).guards, looked(town, here.student).attends) == (1, True)
    for person in (gone.student, gone.guardian):
        assert not looked(town, person).in_attendance
        erased(town, person, too=False)


def test_a_block_in_force_is_told_of(town: Town) -> None:
    one = town.family()
    assert looked(town, one.guardian).blocks == 0
    with town.world.store() as store:
        store.block(one.guardian.id)
    assert looked(town, one.guardian).blocks == 1


@pytest.mark.parametrize("state", [AlertState.DRAFT, AlertState.PLANNING, AlertState.OPEN, AlertState.CLOSED])
def test_not_while_an_alert_is_about_them(town: Town, state: AlertState) -> None:
    one, other = town.family(), town.family()
    alert = town.alert(one, ended=False)
    number = None if state is AlertState.DRAFT else town.number(alert)
    town.world.change(ALERT, alert, state=state, number=number)
    for person in (one.student, one.guardian):
        with pytest.raises(UsageError, match="is about"):
            erased(town, person)
    town.world.later(3600)
    # The others' messages have expired: what is over keeps nobody.
    erased(town, other.student)
    town.world.later(8 * 3600)
    town.world.change(ALERT, alert, state=AlertState.EXPIRED, number=town.number(alert) if number else "A-2611-0999")
    erased(town, one.guardian)


def test_not_while_a_message_is_on_its_way(town: Town) -> None:
    one = town.family()
    town.world.later(-60)
    with pytest.raises(UsageError, match="on its way"):
        erased(town, one.guardian)
    town.world.later(60)
    erased(town, one.guardian)


def test_who_is_erased_cannot_be_found_and_a_ref_is_never_given_twice(town: Town) -> None:
    one = town.family()
    erased(town, one.guardian)
    with pytest.raises(UsageError, match="No guardian"):
        erased(town, one.guardian)
    assert town.family().guardian.id > one.guardian.id


def test_it_is_on_record_by_ref_and_reason(town: Town) -> None:
    one = town.family()
    town.alert(one)
    with pytest.raises(UsageError, match="reason"):
        erased(town, one.guardian, reason=" ")
    erased(town, one.guardian)
    erased(town, one.student)
    entries = town.world.rows(core_table(AuditEntry))
    assert [(entry.act, entry.subject) for entry in entries] == [
        ("contacts.erase", f"guardian {one.guardian.ref}"),
        ("contacts.erase", f"student {one.student.ref}"),
    ]
    assert entries[0].details == {"reason": "request 2026/311", "in_attendance": True, "alerts": 1}
    pseudonyms = {row.guardian_id for row in town.world.rows(DECISION)}
    assert pseudonyms == {row.guardian_id for row in town.world.rows(RECIPIENT)} and max(pseudonyms) < 0


def test_the_command(run: Run, installed: Town) -> None:
    one: Family = installed.family()
    installed.alert(one)
    installed.world.now += timedelta(days=1)
    words = ("contacts", "erase", one.guardian.ref, "--reason", "request 2026/311")
    before = everything(installed.database)
    shown = run(*words, "--dry-run")
    assert shown.exit_code == ExitStatus.OK
    assert "1  alerts that go on with a pseudonym" in shown.stdout
    assert "The next import brings them back" in shown.stdout
    refused = run(*words, "--apply")
    assert refused.exit_code == ExitStatus.REFUSED
    assert json.loads(run(*words, "--apply", "--json").stdout)["exit_status"] == ExitStatus.REFUSED
    # Nobody can type the ref where there is no terminal.
    assert run(*words, "--even-though-in-attendance").exit_code == ExitStatus.UNUSABLE
    assert run("contacts", "erase", "G-999", "--reason", "x", "--apply").exit_code == ExitStatus.UNUSABLE
    assert everything(installed.database) == before
    done = json.loads(run(*words, "--even-though-in-attendance", "--apply", "--json").stdout)
    assert (done["person"], done["applied"], done["overwritten"]) == (one.guardian.ref, True, True)
    assert done["rows"]["contact_points"] == 2 and done["rows"]["addresses"] == 2
    assert found_in_tables(installed.database, one.guardian.marks) == set()
    call_list = run("report", "latest", "--json")
    assert call_list.exit_code == ExitStatus.OK
    with installed.database.read() as connection:
        empty = connection.execute(select(tables.PERSON).where(tables.PERSON.c.source == FORGOTTEN)).all()
    assert {row.given_name for row in empty} == {""}


def test_an_audience_names_no_erased_student_by_what_the_store_called_them(sqlite_town: Town) -> None:
    """Whoever had no ref then has one of the school's now, and the alert still has the old one."""
    one = sqlite_town.family()
    was = f"S-{one.student.id}"
    for ref in (None, "9Z-001"):
        sqlite_town.world.change(tables.PERSON, one.student.id, ref=ref)
        student = Person(one.student.id, student_ref(one.student.id, ref), one.student.marks)
        if ref is None:
            alert = sqlite_town.alert(Family(student, one.guardian))
    erased(sqlite_town, student)
    (row,) = sqlite_town.world.rows(ALERT, ALERT.c.id == alert)
    (called,) = row.audience["students"]
    assert called not in (was, "9Z-001")
