"""Which alerts an operator sees: a leader those about their own students alone, and whoever sent one, that one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import insert

from config.errors import UsageError
from config.operators import NotPermittedError, Operator
from config.roles import Reach, Right, Role
from contacts.tables import ENROLMENT
from dispatcher.alerts.sight import alerts_for, find_alert_for
from dispatcher.tables import ALERT
from tests.dispatcher.world import World

LEADER = Operator("k.leder", Right.SEE_ALERTS, Reach.THEIR_SCHOOLS, (Role.SCHOOL_LEADER,), ("Eksempel vgs",))
COUNTY = Operator("fylket", Right.SEE_ALERTS, Reach.EVERYTHING, (Role.COUNTY_LEADER,))
NOBODY = Operator("innom", Right.SEE_ALERTS, Reach.THEIR_ALERTS)


class Alerts:
    """An alert about the leader's own school, one about both, one about the other, in that order."""

    def __init__(self, world: World) -> None:
        self.world = world
        mine = world.family().student
        with world.store(changed=False) as store:
            other = store.student("X-1", school=store.school("NO9", "Ås vidaregåande skule"))
        self.numbers: dict[int, str] = {}
        for students in ([mine], [mine, other], [other]):
            world.later(60)
            alert = world.alert(students)
            (row,) = world.rows(ALERT, ALERT.c.id == alert)
            self.numbers[alert] = row.number
        self.own, self.both, self.foreign = self.numbers
        self.student = mine

    def seen_by(self, operator: Operator) -> list[int]:
        with self.world.clock(), self.world.database.read() as connection:
            return [row.id for row in alerts_for(connection, operator, 9)]

    def find(self, number: str, operator: Operator) -> int:
        with self.world.clock(), self.world.database.read() as connection:
            return int(find_alert_for(connection, number, operator).id)


@pytest.fixture
def alerts(world: World) -> Alerts:
    return Alerts(world)


def test_a_leader_sees_what_is_about_their_own_students_alone(alerts: Alerts) -> None:
    assert alerts.seen_by(COUNTY) == [alerts.foreign, alerts.both, alerts.own]
    assert alerts.seen_by(LEADER) == [alerts.own]
    assert alerts.find("latest", COUNTY) == alerts.foreign
    assert alerts.find("latest", LEADER) == alerts.find(alerts.numbers[alerts.own], LEADER) == alerts.own
    for number in (alerts.numbers[alerts.both], alerts.numbers[alerts.foreign].lower()):
        with pytest.raises(NotPermittedError, match="This alert is not yours"):
            alerts.find(number, LEADER)
    with pytest.raises(UsageError, match="no alert with that number"):
        alerts.find("A-2611-9999", LEADER)


def test_what_one_sent_one_sees_whatever_it_is_about(alerts: Alerts) -> None:
    alerts.world.change(ALERT, alerts.both, operator=LEADER.name)
    assert alerts.seen_by(LEADER) == [alerts.both, alerts.own]
    assert alerts.find("latest", LEADER) == alerts.both
    alerts.world.change(ALERT, alerts.foreign, operator=NOBODY.name)
    assert alerts.seen_by(NOBODY) == [alerts.foreign]
    assert alerts.find("latest", NOBODY) == alerts.foreign


def test_who_has_no_role_and_sent_nothing_is_refused(alerts: Alerts) -> None:
    for attempt in ("latest", alerts.numbers[alerts.own]):
        with pytest.raises(NotPermittedError, match="You are no operator"):
            alerts.find(attempt, NOBODY)
    with pytest.raises(NotPermittedError, match="You are no operator"):
        alerts.seen_by(NOBODY)


def test_an_alert_stays_the_schools_when_its_students_have_left(alerts: Alerts) -> None:
    alerts.world.later(86_400 * 30)
    day = alerts.world.now.date()
    with alerts.world.database.write() as connection:
        connection.execute(ENROLMENT.update().where(ENROLMENT.c.student_id == alerts.student).values(ended_on=day))
    assert alerts.seen_by(LEADER) == [alerts.own]
    # One who had left before the alert was somebody else's.
    with alerts.world.database.write() as connection:
        before = day - timedelta(days=60)
        connection.execute(ENROLMENT.update().where(ENROLMENT.c.student_id == alerts.student).values(ended_on=before))
    assert alerts.seen_by(LEADER) == []


def test_an_alert_without_students_is_nobodys(alerts: Alerts) -> None:
    alerts.world.alert([])
    assert alerts.seen_by(LEADER) == [alerts.own]


def test_who_goes_to_two_schools_belongs_to_both(alerts: Alerts) -> None:
    with alerts.world.database.write() as connection:
        (foreign,) = {row.student_id for row in connection.execute(ENROLMENT.select())} - {alerts.student}
        connection.execute(
            insert(ENROLMENT).values(student_id=foreign, school_id=alerts.world.school, source="second", main=False)
        )
    assert alerts.seen_by(LEADER) == [alerts.foreign, alerts.both, alerts.own]
