"""An invented school is what its size says: an alert to it makes so many messages, about the right students."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from bench.fill import School, fill, school_of_students
from config.database import Database
from contacts.tables import ADDRESS, CONTACT_POINT, ENROLMENT, GUARDIANSHIP, PERSON


@pytest.mark.parametrize("messages", [2, 17, 100, 1700, 50_000])
def test_every_family_has_a_student_and_no_student_is_without(messages: int) -> None:
    school = School("Eksempel vgs", messages)
    last_family = (school.students - 1) * 85 // 100
    assert last_family == school.families - 1
    assert messages <= school.guardians <= messages + 1


def test_a_county_has_the_guardians_that_its_students_have() -> None:
    county = school_of_students("Stort fylke", 100_000)
    assert (county.students, county.guardians) == (pytest.approx(100_000, abs=2), 170_000)


def test_two_schools_share_nobody(database: Database) -> None:
    one, other = School("Første vgs", 20), School("Andre vgs", 34)
    fill(database, [one, other])
    with database.read() as connection:
        students = dict(
            connection.execute(select(ENROLMENT.c.school_id, func.count()).group_by(ENROLMENT.c.school_id)).all()  # type: ignore[arg-type]
        )
        parents = connection.execute(
            select(ENROLMENT.c.school_id, func.count(GUARDIANSHIP.c.guardian_id.distinct()))
            .join(GUARDIANSHIP, GUARDIANSHIP.c.student_id == ENROLMENT.c.student_id)
            .group_by(ENROLMENT.c.school_id)
            .order_by(ENROLMENT.c.school_id)
        ).all()
        persons = connection.execute(select(func.count()).select_from(PERSON)).scalar_one()
        reached = connection.execute(
            select(ADDRESS.c.channel, func.count(CONTACT_POINT.c.person_id.distinct()))
            .join(CONTACT_POINT, CONTACT_POINT.c.address_id == ADDRESS.c.id)
            .group_by(ADDRESS.c.channel)
        ).all()
    assert students == {1: one.students, 2: other.students}
    assert [tuple(row) for row in parents] == [(1, one.guardians), (2, other.guardians)]
    assert persons == one.students + other.students + one.guardians + other.guardians
    assert {tuple(row) for row in reached} == {("sms", 54), ("email", 54)}
