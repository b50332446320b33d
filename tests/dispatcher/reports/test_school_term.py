"""A school's alerts since a day: its own students, and nothing that tells where a protected one goes to school."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from config.catalogue import MsgType
from config.database import Database
from config.operators import Operator
from config.roles import Reach, Right
from contacts.audience_names import find_school
from contacts.codes import Protection
from contacts.tables import ENROLMENT
from dispatcher.codes import AlertStatus, DeliveryState
from dispatcher.reports.school_term import SchoolTerm, school_term, start_of_term
from tests.dispatcher.reports.world import World

EVERYTHING = Operator("k.leder", Right.SEE_ALERTS, Reach.EVERYTHING)
SENT_BY_THEM = Operator("somebody", Right.SEE_ALERTS, Reach.THEIR_ALERTS)
DAY = date(2026, 8, 1)


class Schools:
    """Two students at one school, one of them protected, and one elsewhere."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.open = self._student("1A-001", "Ada Åpen")
        self.protected = self._student("1A-002", "Bo Hemmelig", protection=Protection.CONFIDENTIAL)
        self.guardian = world.guardian(of=self.open)
        self.elsewhere = world.student("9Z-001", "Cato Andre", None)

    def _student(self, ref: str, name: str, **values: Any) -> int:
        student = self.world.student(ref, name, **values)
        self.world._add(ENROLMENT, student_id=student, school_id=self.world.school, source="test", main=True)
        return student

    def alert(self, *students: int, on: date, status: AlertStatus = AlertStatus.EXERCISE, **audience: object) -> int:
        at = datetime(on.year, on.month, on.day, 10, tzinfo=UTC)
        alert = self.world.alert(list(students), status=status, confirmed_at=at, audience=audience)
        if self.open in students:
            self.world.decision(alert, self.open, self.guardian)
            self.world.delivery(alert, DeliveryState.DELIVERED, [(self.open, self.guardian)], accepted_after=1.0)
        return alert

    def follow_up(self, alert: int, *, on: date) -> int:
        at = datetime(on.year, on.month, on.day, 11, tzinfo=UTC)
        values = {"status": AlertStatus.EXERCISE, "msg_type": MsgType.UPDATE, "references_id": alert}
        return self.world.alert([self.open], confirmed_at=at, **values)

    def term(self, operator: Operator = EVERYTHING) -> SchoolTerm:
        connection = self.world.connection
        return school_term(connection, operator, find_school(connection, "Eksempel vgs"), DAY)


def test_the_alerts_to_its_students_since_that_day(database: Database) -> None:
    with database.write() as connection:
        schools = Schools(World(connection))
        school = {"schools": [{"ref": "974600951", "name": "Eksempel vgs"}]}
        both = (schools.open, schools.protected)
        schools.alert(*both, on=date(2026, 6, 1), **school)
        schools.alert(*both, schools.elsewhere, on=date(2026, 9, 2), **school)
        schools.alert(*both, on=date(2026, 10, 2), status=AlertStatus.ACTUAL, **school)
        schools.alert(schools.elsewhere, on=date(2026, 10, 3))
        term = schools.term()
        assert schools.term(SENT_BY_THEM).alerts == ()
    assert [(one.confirmed_at.date(), one.status) for one in term.alerts] == [
        (date(2026, 9, 2), AlertStatus.EXERCISE),
        (date(2026, 10, 2), AlertStatus.ACTUAL),
    ]
    for one in term.alerts:
        assert (one.classes.students, one.classes.confirmed) == (2, 1)
    assert term.counts == {AlertStatus.ACTUAL: 1, AlertStatus.EXERCISE: 1, AlertStatus.TEST: 0}
    assert term.last_exercise == term.alerts[0].confirmed_at


def test_what_follows_an_exercise_is_listed_and_is_no_other_exercise(database: Database) -> None:
    with database.write() as connection:
        schools = Schools(World(connection))
        first = schools.alert(schools.open, on=date(2026, 9, 2))
        schools.follow_up(first, on=date(2026, 9, 3))
        term = schools.term()
    assert [one.msg_type for one in term.alerts] == [MsgType.ALERT, MsgType.UPDATE]
    assert (term.counts[AlertStatus.EXERCISE], term.last_exercise) == (1, term.alerts[0].confirmed_at)


def test_an_alert_about_named_students_does_not_tell_where_a_protected_one_goes(database: Database) -> None:
    with database.write() as connection:
        schools = Schools(World(connection))
        schools.alert(schools.protected, on=date(2026, 9, 2), students=["1A-002"])
        schools.alert(schools.open, schools.protected, on=date(2026, 9, 3), students=["1A-001", "1A-002"])
        term = schools.term()
    assert [(one.confirmed_at.date(), one.classes.students) for one in term.alerts] == [(date(2026, 9, 3), 1)]


@pytest.mark.parametrize(
    ("today", "first"),
    [
        (date(2026, 11, 26), date(2026, 8, 1)),
        (date(2026, 8, 1), date(2026, 8, 1)),
        (date(2026, 7, 31), date(2026, 1, 1)),
    ],
)
def test_a_term_begins_in_august_or_january(today: date, first: date) -> None:
    assert start_of_term(today) == first
