"""Purging: nothing is left of those who go, everything of those who stay, and an alert is never stood in the way of."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from config.audit import AuditEntry
from config.audit_reading import verify_log
from config.clock import oslo_date
from config.spare_sections import RetentionSettings
from config.tables import core_table
from contacts import tables
from contacts.codes import Basis, InvitationState, Protection
from contacts.people import FORGOTTEN
from dispatcher.codes import AlertState
from dispatcher.reports.counting import report
from dispatcher.reports.reduced import kept_figures
from dispatcher.retention.purge import Limits, Purge, alert_under_way, preview, purge
from dispatcher.tables import (
    ALERT,
    ALERT_STUDENT,
    ATTEMPT,
    DECISION,
    DELIVERY,
    EVENT,
    MARK,
    NOTICE,
    PROGRESS,
    RECEIPT,
    RECIPIENT,
)
from tests.dispatcher.auditing.auditing import found
from tests.dispatcher.retention.town import LAST_YEAR, TODAY, Town, everything, found_in_files, found_in_tables
from tests.dispatcher.world import check_books

POLICY = RetentionSettings(students_months=12, guardians_months=12, alerts_months=24, nightly=False)
YEARS_LATER = datetime(2029, 1, 8, 9, tzinfo=UTC)


def looked(town: Town) -> Purge:
    with town.world.clock(), town.database.read() as connection:
        return preview(connection, Limits.on(oslo_date(town.world.now), POLICY))


def purged(town: Town, **options: Any) -> Purge:
    with town.world.clock():
        return purge(town.database, Limits.on(oslo_date(town.world.now), POLICY), operator="kontor", **options)


def names(town: Town) -> set[int]:
    return {row.id for row in town.world.rows(tables.PERSON, tables.PERSON.c.source != FORGOTTEN)}


def test_nothing_is_left_of_those_who_left_and_all_of_those_who_stay(town: Town) -> None:
    gone, stays = town.family(left_on=LAST_YEAR), town.family()
    town.alert(gone, stays)
    before = looked(town)
    done = purged(town)
    assert (before.students, before.guardians, before.alerts) == (1, 1, 0)
    assert done == before
    assert found_in_tables(town.database, gone.marks) == set()
    assert {mark for _table, mark in found_in_tables(town.database, stays.marks)} == set(stays.marks) - _numbers(stays)
    check_books(town.database)
    assert found(town.world) == []


def _numbers(family: Any) -> set[str]:
    """Identity numbers stand nowhere in clear."""
    return {mark for mark in family.marks if len(mark) == 11 and mark.isdigit()}


def test_nothing_is_left_in_the_file_either(sqlite_town: Town) -> None:
    gone, stays = sqlite_town.family(left_on=LAST_YEAR), sqlite_town.family()
    assert len(found_in_files(sqlite_town.database, gone.marks)) == len(gone.marks) - 2
    purged(sqlite_town)
    assert sqlite_town.database.overwrite_deleted()
    assert found_in_files(sqlite_town.database, gone.marks) == set()
    assert len(found_in_files(sqlite_town.database, stays.marks)) == len(stays.marks) - 2


def test_what_was_previewed_is_what_goes_and_a_second_purge_finds_nothing(town: Town) -> None:
    for _ in range(3):
        town.family(left_on=LAST_YEAR)
    number = "+4799999001"
    town.family(left_on=LAST_YEAR, shared_phone=number)
    town.family(left_on=LAST_YEAR, shared_phone=number)
    before = looked(town)
    # Of two who shared a number that nobody else has, it goes with the second.
    assert before.rows["addresses"] == 3 * 2 + 1 + 2
    assert purged(town) == before
    assert not looked(town).anything
    assert not purged(town).anything


def test_a_shared_number_stays_with_those_who_stay(town: Town) -> None:
    number = "+4799999001"
    gone, stays = (town.family(left_on=day, shared_phone=number) for day in (LAST_YEAR, None))
    alert = town.alert(gone, stays)
    purged(town)
    assert found_in_tables(town.database, gone.marks) == set()
    (row,) = town.world.rows(tables.ADDRESS, tables.ADDRESS.c.value == number)
    (sent,) = town.world.rows(DELIVERY, DELIVERY.c.alert_id == alert, DELIVERY.c.address_id == row.id)
    assert sent.reference is not None
    meant = town.world.recipients(sent.id)
    assert (stays.student.id, stays.guardian.id) in meant
    assert len(meant) == 2 and all(min(pair) < 0 for pair in meant - {(stays.student.id, stays.guardian.id)})


def test_one_pseudonym_for_all_rows_of_a_person(town: Town) -> None:
    gone = town.family(left_on=LAST_YEAR)
    alerts = [town.alert(gone), town.alert(gone)]
    town.family()  # so that those who go are not the newest persons
    purged(town)
    listed = {row.student_id for row in town.world.rows(ALERT_STUDENT)}
    decided = {(row.student_id, row.guardian_id) for row in town.world.rows(DECISION)}
    meant = {(row.student_id, row.guardian_id) for row in town.world.rows(RECIPIENT)}
    assert len(alerts) == 2
    assert len(listed) == len(decided) == 1 and decided == meant
    ((student, guardian),) = decided
    assert {student} == listed and student < 0 and guardian < 0 and student != guardian
    assert all(row.inputs == "{}" for row in town.world.rows(DECISION))
    assert not gone.ids & names(town)
    # Nothing of the person is left but what holds on to the alert.
    (husk,) = town.world.rows(tables.PERSON, tables.PERSON.c.id == student)
    assert (husk.given_name, husk.family_name, husk.birth_date, husk.source) == ("", "", None, FORGOTTEN)


def test_the_newest_person_keeps_its_number(town: Town) -> None:
    """SQLite gives the number of the newest row anew; the audit log would then tell of somebody else."""
    gone = town.family(left_on=LAST_YEAR)
    purged(town)
    came = town.family()
    assert not came.ids & gone.ids


def test_who_stays(town: Town) -> None:
    with town.world.store() as store:
        years_ago, today = date(2024, 1, 1), TODAY
        lately = store.student("L-1", left_on=today - timedelta(days=300))
        of_lately = store.guardian(lately)
        here = store.student("H-1")
        ended = store.guardian()
        store.link(here, ended, valid_to=years_ago)
        ended_lately = store.guardian()
        store.link(here, ended_lately, valid_to=today - timedelta(days=300))
        blocked = store.guardian()
        store.link(here, blocked, valid_to=years_ago)
        store.block(blocked, here)
        permitted = store.guardian()
        store.consent(here, permitted, date(2026, 1, 1))
        parent = store.student("P-1", left_on=years_ago)
        store.link(here, parent, Basis.CUSTODY)
        old = store.student("O-1", left_on=years_ago)
        of_both = store.guardian(old, here)
        of_old = store.guardian(old)
    purged(town)
    assert names(town) == {lately, of_lately, here, ended_lately, blocked, permitted, parent, of_both}
    assert {ended, old, of_old} & names(town) == set()


def test_an_alert_becomes_figures_that_say_the_same(town: Town) -> None:
    first, second = town.family(), town.family()
    town.family(left_on=LAST_YEAR)
    alert = town.alert(first, second)
    newer = town.alert(first)
    with town.world.clock(), town.database.read() as connection:
        was = report(connection, alert)
    with town.at(YEARS_LATER):
        before = looked(town)
        done = purged(town)
    assert (before.alerts, before.rows["messages"]) == (1, 4)
    assert done == before
    with town.world.clock(), town.database.read() as connection:
        now = report(connection, alert)
        kept = kept_figures(connection, alert)
    assert kept is not None and now.reduced is not None
    for name in ("alert", "classes", "states", "times", "reasons", "unreachable", "decisions", "attempts", "texts"):
        assert getattr(now, name) == getattr(was, name), name
    assert [(one.school, one.classes.students) for one in now.reduced.schools] == [("Eksempel vgs", 2)]
    assert [act.act for act in now.acts][-1] == "alert.reduce"
    # The newest alert stays whole, and so does what hangs on it.
    assert {row.alert_id for row in town.world.rows(DELIVERY)} == {newer}
    for table in (ALERT_STUDENT, DECISION, PROGRESS, MARK):
        assert {row.alert_id for row in town.world.rows(table)} == {newer}, table.name
    left = {row.id for row in town.world.rows(DELIVERY)}
    for table in (ATTEMPT, EVENT, RECEIPT, RECIPIENT):
        assert {row.delivery_id for row in town.world.rows(table)} <= left, table.name
    assert town.world.rows(NOTICE) == []
    check_books(town.database)
    assert found(town.world, number=town.number(alert)) == []


def test_the_figures_do_not_tell_the_school_of_a_protected_student_who_was_singled_out(town: Town) -> None:
    open_, graded = town.family(), town.family()
    alert = town.alert(open_, graded)
    town.alert(open_)
    town.world.change(tables.PERSON, graded.student.id, protection=Protection.CONFIDENTIAL)
    with town.at(YEARS_LATER):
        purged(town)
    with town.database.read() as connection:
        kept = kept_figures(connection, alert)
    assert kept is not None
    assert [(one.school, one.classes.students) for one in kept.schools] == [("Eksempel vgs", 1), (None, 1)]


def test_nothing_begins_beside_an_alert(town: Town) -> None:
    town.family(left_on=LAST_YEAR)
    alert = town.alert(town.family(), ended=False)
    before = everything(town.database)
    done = purged(town)
    assert (done.students, done.waits_for, done.finished) == (0, town.number(alert), False)
    assert everything(town.database) == before


def test_an_alert_that_begins_stops_it_and_the_next_run_goes_on(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = [town.family(left_on=LAST_YEAR) for _ in range(3)]
    here = town.family()

    def alert_after_one(ids: list[int]) -> Iterator[list[int]]:
        yield [ids[0]]
        town.world.alert([here.student.id])
        yield ids[1:]

    with monkeypatch.context() as patched:
        patched.setattr("dispatcher.retention.purge.in_chunks", alert_after_one)
        halfway = purged(town)
    assert halfway.waits_for is not None and not halfway.finished
    assert (halfway.students, halfway.guardians) == (1, 0)
    (whole,) = (one for one in gone if one.student.id not in names(town))
    assert found_in_tables(town.database, whole.student.marks) == set()
    with town.database.write() as connection:
        connection.execute(update(ALERT).values(state=AlertState.STOPPED))
    rest = purged(town)
    assert (rest.students, rest.guardians) == (2, 3)
    assert found_in_tables(town.database, tuple(mark for one in gone for mark in one.marks)) == set()


def test_whoever_is_just_being_told_something_stays_for_now(town: Town) -> None:
    gone = town.family(left_on=LAST_YEAR)
    town.world.later(-60)
    before = looked(town)
    assert (before.students, before.guardians) == (1, 0)
    assert purged(town) == before
    assert names(town) == {gone.guardian.id}
    town.world.later(60)
    assert purged(town).guardians == 1


def test_whoever_came_back_meanwhile_stays(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = town.family(left_on=LAST_YEAR)
    back = town.family(left_on=LAST_YEAR)

    def comes_back(ids: list[int]) -> list[list[int]]:
        with town.database.write() as connection:
            connection.execute(
                update(tables.STUDENT).where(tables.STUDENT.c.person_id == back.student.id).values(left_on=None)
            )
        return [list(ids)]

    monkeypatch.setattr("dispatcher.retention.purge.in_chunks", comes_back)
    done = purged(town)
    assert (done.students, done.guardians) == (1, 1)
    assert names(town) == back.ids and gone.student.id not in names(town)


def test_it_is_on_record_without_names(town: Town) -> None:
    town.family(left_on=LAST_YEAR)
    purged(town)
    entries = town.world.rows(core_table(AuditEntry))
    assert [(one.operator, one.act, one.subject) for one in entries] == [("kontor", "contacts.purge", "contacts")] * 2
    assert entries[0].details["students"] == 1 and entries[1].details["guardians"] == 1
    with town.database.read() as connection:
        assert verify_log(connection).fault is None


def test_pseudonyms_go_with_the_alert_that_needed_them(town: Town) -> None:
    gone, stays = town.family(left_on=LAST_YEAR), town.family()
    town.alert(gone)
    purged(town)
    assert len(town.world.rows(tables.PERSON, tables.PERSON.c.id < 0)) == 2
    town.alert(stays)
    with town.at(YEARS_LATER):
        purged(town)
    assert town.world.rows(tables.PERSON, tables.PERSON.c.id < 0) == []
    assert {row.id for row in town.world.rows(tables.PERSON)} == stays.ids
    assert all(not row.value.startswith("forgotten") for row in town.world.rows(tables.ADDRESS))


def test_reminders_that_were_heeded_long_ago_go_and_the_count_of_the_others_stays(sqlite_town: Town) -> None:
    heeded, other = sqlite_town.family(), sqlite_town.family()
    (one, _) = sqlite_town.world.rows(tables.REMINDER)
    sqlite_town.world.change(tables.REMINDER, one.id, fixed_at=sqlite_town.world.now)
    purged(sqlite_town)
    assert len(sqlite_town.world.rows(tables.REMINDER)) == 2
    with sqlite_town.at(YEARS_LATER):
        purged(sqlite_town)
    assert [row.guardian_id for row in sqlite_town.world.rows(tables.REMINDER)] == [other.guardian.id]
    assert one.guardian_id == heeded.guardian.id


def test_more_persons_than_one_step_takes(town: Town) -> None:
    with town.world.store() as store:
        for number in range(450):
            store.guardian(store.student(f"M-{number}", left_on=LAST_YEAR))
    done = purged(town)
    assert (done.students, done.guardians) == (450, 450)
    assert names(town) == set()


def test_no_alert_under_way_when_none_is(town: Town) -> None:
    with town.database.read() as connection:
        assert alert_under_way(connection) is None
    town.world.alert([])
    with town.database.read() as connection:
        assert alert_under_way(connection) is not None


def test_an_invitation_goes_with_whoever_entered_it_and_when_it_is_old(town: Town) -> None:
    stays = town.family()
    number, lookup = "17912090140", town.keys.lookup_hash("17912090140", "nin")
    kept = {"student_id": stays.student.id, "state": InvitationState.ENTERED, "made_at": town.world.now}
    with town.world.store() as store:
        stranger = {
            "entered_lookup": lookup,
            "entered_number": town.keys.encrypt(number),
            "entered_name": town.keys.encrypt('["Liv", "Venn"]'),
        }
        for code, days in (("x", 7), ("y", 7), ("z", -1)):
            expires = town.world.now + timedelta(days=days)
            store.connection.execute(
                tables.INVITATION.insert().values(**kept, **stranger, code_hash=code * 64, expires_at=expires)
            )
        # The same number has come with an import, of somebody who is no guardian any more.
        gone = store.guardian()
        store.connection.execute(
            tables.IDENTIFIER.insert().values(
                person_id=gone, scheme="nin", lookup=lookup, ciphertext=stranger["entered_number"], current=True
            )
        )
    purged(town)
    left = {row.code_hash[0]: row for row in town.world.rows(tables.INVITATION)}
    # Open ones go with the person; of the one that is over nothing was left but that there was one.
    assert left.keys() & set("xyz") == {"z"}
    assert (left["z"].state, left["z"].entered_number) == (InvitationState.EXPIRED, None)
    assert found_in_tables(town.database, (lookup,)) == set()
    with town.at(YEARS_LATER):
        purged(town)
    assert town.world.rows(tables.INVITATION) == []
