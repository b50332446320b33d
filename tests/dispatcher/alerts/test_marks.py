"""Whom staff have reached by telephone: who may be marked, what follows, and that several may do it at once."""

from __future__ import annotations

import threading
from datetime import date
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import IntegrityError

from config.audit import AuditEntry
from config.errors import UsageError
from config.tables import core_table
from contacts.codes import Protection
from contacts.people import find_person, guardian_ref, student_ref
from contacts.tables import CONSENT, PERSON
from dispatcher.alerts.marks import Marking, mark_reached, marks_of, take_back
from dispatcher.codes import AlertState, StudentClass
from dispatcher.mark_models import LONGEST_NOTE
from dispatcher.outbox.chain import Chain, ChainEnd, ChainStep
from dispatcher.outbox.fallback import take_steps
from dispatcher.reports.classes import CLASS_OF_RANK, students_by_class
from dispatcher.tables import ALERT, CHAIN, DELIVERY, FIGURES, MARK
from providers.base import Accepted, Channel, Rejected
from tests.dispatcher.world import Family, World, check_books

ADULT = date(2007, 5, 1)
WAIT = 300.0
CHAIN_OF = Chain(frozenset({Channel.SMS}), (ChainStep(Channel.SMS, WAIT), ChainStep(Channel.EMAIL, WAIT)))


class Desk:
    """Staff at their desks, with the call list of one alert."""

    def __init__(self, world: World, alert: int) -> None:
        self.world = world
        self.alert = alert

    def marks(self, student: int, guardian: int | None = None, *, note: str = "", by: str = "rektor") -> Marking:
        with self.world.clock(), self.world.database.write() as connection:
            return mark_reached(connection, *self._named(connection, student, guardian), note=note, operator=by)

    def takes_back(self, student: int, guardian: int | None = None, *, by: str = "rektor") -> Marking:
        with self.world.clock(), self.world.database.write() as connection:
            return take_back(connection, *self._named(connection, student, guardian), operator=by)

    def _named(self, connection: Any, student: int, guardian: int | None) -> tuple[Any, Any, Any]:
        alert = connection.execute(select(ALERT).where(ALERT.c.id == self.alert)).one()
        own = connection.execute(select(PERSON.c.ref).where(PERSON.c.id == student)).scalar_one()
        found = find_person(connection, student_ref(student, own))
        return alert, found, None if guardian is None else find_person(connection, guardian_ref(guardian))

    def class_of(self, student: int) -> StudentClass:
        with self.world.clock(), self.world.database.read() as connection:
            return CLASS_OF_RANK[connection.execute(students_by_class(self.alert, only=student)).one().rank]


def desk(world: World, *families: Family, **values: Any) -> Desk:
    return Desk(world, world.sent(*families, **values))


def refused(world: World) -> None:
    """Every SMS and e-mail that is due is refused."""
    for channel in (Channel.SMS, Channel.EMAIL):
        for one in world.claim(channel):
            world.record((one, Rejected("21211")))


def acts(world: World) -> list[tuple[str, str, str, dict[str, Any]]]:
    table = core_table(AuditEntry)
    return [(row.operator, row.act, row.subject, row.details) for row in world.rows(table)]


@pytest.mark.parametrize("themself", [True, False])
def test_an_unreached_student_is_confirmed_and_called_about_again_when_it_is_taken_back(
    world: World, themself: bool
) -> None:
    family = world.family()
    staff = desk(world, family)
    refused(world)
    assert staff.class_of(family.student) is StudentClass.UNREACHED
    whom = (family.student, None if themself else family.guardian)
    done = staff.marks(*whom, note=" Mor  henter\nklokka 3 ")
    assert done.changed and done.mark is not None
    assert (done.mark.note, done.mark.marked_by, done.mark.marked_at) == ("Mor henter klokka 3", "rektor", world.now)
    assert staff.class_of(family.student) is StudentClass.CONFIRMED

    world.later(60)
    back = staff.takes_back(*whom, by="inspektør")
    assert back.changed and back.mark is not None
    assert (back.mark.taken_back_by, back.mark.taken_back_at) == ("inspektør", world.now)
    assert staff.class_of(family.student) is StudentClass.UNREACHED
    assert not staff.takes_back(*whom).changed
    # It stays on record, and the same can be marked again.
    assert staff.marks(*whom, by="inspektør").changed
    with world.database.read() as connection:
        first, second = marks_of(connection, staff.alert)
    assert (first, first.in_force, second.in_force) == (back.mark, False, True)
    assert first.student == "1-0"
    assert first.guardian == (None if themself else guardian_ref(family.guardian))
    details = {"alert": "A-2611-0002"} | ({} if themself else {"guardian": guardian_ref(family.guardian)})
    assert acts(world) == [
        ("rektor", "student.reached", "student 1-0", details),
        ("inspektør", "student.reached_taken_back", "student 1-0", details),
        ("inspektør", "student.reached", "student 1-0", details),
    ]
    check_books(world.database)


def test_a_second_mark_changes_nothing_and_says_who_was_first(world: World) -> None:
    family = world.family()
    staff = desk(world, family)
    staff.marks(family.student, family.guardian, note="svarte")
    at = world.now
    world.later(30)
    again = staff.marks(family.student, family.guardian, note="annet", by="lærer")
    assert (again.changed, again.words) == (
        False,
        f"Marked already: {guardian_ref(family.guardian)} about student 1-0, 2026-11-23 08:40:00 by rektor.",
    )
    assert again.mark is not None and (again.mark.note, again.mark.marked_at) == ("svarte", at)
    assert len(acts(world)) == 1
    # Of the student alone is another mark; taking one back leaves the other.
    assert staff.marks(family.student, by="lærer").changed
    back = staff.takes_back(family.student)
    assert back.words == f"Taken back: the mark of student 1-0. In force: {guardian_ref(family.guardian)}."
    assert staff.class_of(family.student) is StudentClass.CONFIRMED
    assert staff.takes_back(family.student).words.startswith("Not marked: student 1-0.")


def test_a_mark_is_about_one_student(world: World) -> None:
    family = world.family(2)
    staff = desk(world, family)
    refused(world)
    staff.marks(family.students[0], family.guardian)
    assert [staff.class_of(one) for one in family.students] == [StudentClass.CONFIRMED, StudentClass.UNREACHED]


def test_several_mark_the_same_at_once_and_one_does(pg_world: World) -> None:
    family = pg_world.family()
    staff = desk(pg_world, family)
    begin = threading.Barrier(6)
    done: list[Marking] = []

    def call(number: int) -> None:
        begin.wait()
        done.append(staff.marks(family.student, family.guardian if number % 2 else None, by=f"lærer {number}"))

    callers = [threading.Thread(target=call, args=(number,)) for number in range(6)]
    for one in callers:
        one.start()
    for one in callers:
        one.join()
    assert sorted(one.changed for one in done) == [False] * 4 + [True] * 2
    first = {one.mark.guardian_id: one.mark.marked_by for one in done if one.changed and one.mark}
    assert {one.mark.guardian_id: one.mark.marked_by for one in done if one.mark} == first
    assert len(pg_world.rows(MARK)) == len(acts(pg_world)) == 2


@pytest.mark.parametrize("guardian", [True, False])
def test_the_database_keeps_one_mark_in_force(world: World, guardian: bool) -> None:
    family = world.family()
    staff = desk(world, family)
    who = {"student_id": family.student, "guardian_id": family.guardian if guardian else None}
    row = {"alert_id": staff.alert, **who, "marked_by": "rektor"}
    staff.marks(family.student, who["guardian_id"])
    with pytest.raises(IntegrityError), world.database.write() as connection:
        connection.execute(insert(MARK).values(row))


# Who may be marked


@pytest.mark.parametrize("themself", [True, False])
def test_of_somebody_held_a_person_has_decided(world: World, themself: bool) -> None:
    family = world.family(birth_date=None)
    staff = desk(world, family)
    assert staff.class_of(family.student) is StudentClass.HELD
    staff.marks(family.student, None if themself else family.guardian)
    assert staff.class_of(family.student) is StudentClass.CONFIRMED


def test_who_the_guardians_of_a_protected_student_are_is_not_told(world: World) -> None:
    family, other = world.family(protection=Protection.CONFIDENTIAL), world.family()
    staff = desk(world, family)
    for guardian in (family.guardian, other.guardian):
        with pytest.raises(UsageError, match="Student 1-0 is protected, or may be: no guardian is named"):
            staff.marks(family.student, guardian)
    staff.marks(family.student)
    assert staff.class_of(family.student) is StudentClass.CONFIRMED


def test_nobody_at_home_is_called_about_an_adult_without_consent(world: World) -> None:
    family = world.family(birth_date=ADULT)
    staff = desk(world, family)
    with pytest.raises(UsageError, match="Nobody may be told about student 1-0"):
        staff.marks(family.student)
    with pytest.raises(UsageError, match="may not be told about student 1-0"):
        staff.marks(family.student, family.guardian)
    assert staff.class_of(family.student) is StudentClass.NOBODY_MAY_BE_TOLD
    # Whoever has consented since may be told, and is.
    with world.store() as store:
        store.consent(family.student, family.guardian, given_on=world.now.date())
    assert staff.marks(family.student, family.guardian).changed


def test_whoever_was_meant_by_the_alert_may_be_marked_after_the_consent_was_withdrawn(world: World) -> None:
    family = world.family(birth_date=ADULT)
    with world.store() as store:
        store.consent(family.student, family.guardian, given_on=date(2026, 1, 1))
    staff = desk(world, family)
    with world.store() as store:
        store.connection.execute(update(CONSENT).values(withdrawn_on=world.now.date()))
    assert staff.marks(family.student, family.guardian).changed


def test_a_blocked_guardian_is_not_marked(world: World) -> None:
    family = world.family()
    staff = desk(world, family)
    with world.store() as store:
        store.block(family.guardian)
    with pytest.raises(UsageError, match="may not be told about student 1-0: that they were reached does not count"):
        staff.marks(family.student, family.guardian)
    assert world.rows(MARK) == acts(world) == []


def test_what_cannot_be_marked(world: World) -> None:
    family, other = world.family(), world.family()
    staff = desk(world, family)
    with pytest.raises(UsageError, match="is not about student 2-0"):
        staff.marks(other.student)
    with pytest.raises(UsageError, match="is not about student 2-0"):
        staff.takes_back(other.student)
    with pytest.raises(UsageError, match=f"{guardian_ref(other.guardian)} is no guardian of student 1-0"):
        staff.marks(family.student, other.guardian)
    with pytest.raises(UsageError, match="longer than 200 characters"):
        staff.marks(family.student, note="x" * (LONGEST_NOTE + 1))
    assert staff.marks(family.student, note="x" * LONGEST_NOTE).changed
    world.change(ALERT, staff.alert, state=AlertState.DRAFT, number=None)
    with pytest.raises(UsageError, match="was not confirmed yet"):
        staff.marks(family.student, family.guardian)


def test_an_alert_that_is_figures_takes_no_mark(world: World) -> None:
    family = world.family()
    staff = desk(world, family)
    with world.database.write() as connection:
        connection.execute(insert(FIGURES).values(alert_id=staff.alert, reduced_at=world.now, figures={}))
    for act in (staff.marks, staff.takes_back):
        with pytest.raises(UsageError, match="was reduced to figures on 2026-11-23"):
            act(family.student)


@pytest.mark.parametrize("state", [AlertState.CLOSED, AlertState.STOPPED, AlertState.EXPIRED])
def test_people_are_called_when_an_alert_has_ended_too(world: World, state: AlertState) -> None:
    family = world.family()
    staff = desk(world, family)
    refused(world)
    world.change(ALERT, staff.alert, state=state, ended_at=world.now)
    staff.marks(family.student)
    assert staff.class_of(family.student) is StudentClass.CONFIRMED


# What follows


def chained(world: World, family: Family) -> tuple[Desk, Any]:
    """An alert whose e-mail waits for its step; the SMS has no receipt yet."""
    staff = desk(world, family, fallback=CHAIN_OF.as_json())
    world.record((world.claim_one(), Accepted("SM1")))
    return staff, lambda: world.rows(CHAIN, CHAIN.c.guardian_id == family.guardian)[0]


def steps(world: World) -> int:
    with world.clock():
        return take_steps(world.database, 18)


@pytest.mark.parametrize("themself", [True, False])
def test_a_chain_ends_at_once_and_goes_on_when_it_is_taken_back(world: World, themself: bool) -> None:
    family = world.family(email=True)
    staff, chain = chained(world, family)
    whom = (family.student, None if themself else family.guardian)
    staff.marks(*whom)
    assert steps(world) == 1, "not only when its time is over"
    assert (chain().ended, chain().next_at) == (ChainEnd.CONFIRMED, None)
    world.later(WAIT)
    assert steps(world) == 0
    staff.takes_back(*whom)
    assert steps(world) == 1
    assert chain().ended is None
    assert [row.channel for row in world.rows(DELIVERY)] == [Channel.SMS, Channel.EMAIL]


def test_a_chain_that_a_receipt_has_ended_stays_so(world: World) -> None:
    family = world.family(email=True)
    staff, chain = chained(world, family)
    staff.marks(family.student, family.guardian)
    steps(world)
    world.receipt("SM1")
    staff.takes_back(family.student, family.guardian)
    steps(world)
    assert chain().ended is ChainEnd.CONFIRMED
    assert staff.class_of(family.student) is StudentClass.CONFIRMED


def test_of_an_alert_that_has_ended_no_chain_goes_on(world: World) -> None:
    family = world.family(email=True)
    staff, chain = chained(world, family)
    staff.marks(family.student)
    steps(world)
    world.change(ALERT, staff.alert, state=AlertState.CLOSED, ended_at=world.now)
    staff.takes_back(family.student)
    assert (chain().ended, chain().next_at) == (ChainEnd.CONFIRMED, None)
