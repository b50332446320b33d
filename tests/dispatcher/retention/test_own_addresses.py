"""A student's own addresses, and the question that was sent there: shown to the student, and gone with them."""

from __future__ import annotations

import json
from datetime import date

import pytest
from sqlalchemy import update

from config.settings import load_settings
from config.shell import plain
from contacts import tables
from contacts.people import find_person
from dispatcher.codes import Lane
from dispatcher.retention.erasing import erase
from dispatcher.retention.export import export
from dispatcher.retention.purge import Limits, purge
from dispatcher.routine.consent_questions import ask
from dispatcher.tables import DELIVERY, NOTICE
from providers.base import Accepted, Channel
from tests.dispatcher.retention.test_purge import POLICY
from tests.dispatcher.retention.town import LAST_YEAR, TODAY, Family, Town, found_in_tables
from tests.dispatcher.world import check_books

OWN, SHARED = "eget.navn@example.com", "+4799999001"


def asked(town: Town) -> Family:
    """A family whose student has been asked at an address of theirs, and gave the guardian's number as well."""
    family = town.family(shared_phone=SHARED, birth_date=date(2008, 12, 1))
    with town.world.store() as store:
        store.point(family.student.id, OWN, verified=None, source="student")
        store.point(family.student.id, SHARED, verified=None, source="student")
        store.connection.execute(tables.CONSENT.delete())
    with town.world.clock():
        organisation = load_settings().organisation
        assert ask(town.database, [family.student.id], TODAY, 30, organisation, operator="kontor")
    one = town.world.claim_one(Channel.EMAIL, lane=Lane.ROUTINE)
    town.world.record((one, Accepted("ref-of-the-provider")))
    return family


def test_shown_to_the_student_and_to_nobody_else(town: Town) -> None:
    family = asked(town)

    def exported(ref: str) -> str:
        with town.world.clock(), town.database.read() as connection:
            return json.dumps(export(connection, town.keys, find_person(connection, ref), TODAY), default=plain)

    own = json.loads(exported(family.student.ref))
    assert {one["address"]["value"] for one in own["contact_points"]} == {OWN, SHARED}
    (message,) = own["routine_messages"]
    assert (message["kind"], message["messages"][0]["address"]) == ("consent_question", OWN)
    assert own["student_roles"][0]["consent_asked_at"] is not None
    assert OWN not in exported(family.guardian.ref)


@pytest.mark.parametrize("way", ["erase", "purge"])
def test_gone_with_the_student_and_what_is_shared_stays_the_guardians(town: Town, way: str) -> None:
    family = asked(town)
    with town.world.store() as store:
        sibling = store.student("B-1", school=town.world.school)
        store.link(sibling, family.guardian.id)
        if way == "purge":
            store.connection.execute(
                update(tables.STUDENT).where(tables.STUDENT.c.person_id == family.student.id).values(left_on=LAST_YEAR)
            )
    with town.world.clock():
        if way == "purge":
            assert purge(town.database, Limits.on(TODAY, POLICY), operator="kontor").students == 1
        else:
            with town.database.write() as connection:
                person = find_person(connection, family.student.ref)
                erase(connection, person, today=TODAY, operator="k", reason="request 7", in_attendance_too=True)
    marks = (OWN, "ref-of-the-provider", *family.student.marks)
    assert found_in_tables(town.database, marks) <= {("audit_entry", family.student.ref)}
    points = town.world.rows(tables.CONTACT_POINT)
    assert {row.person_id for row in points} == {family.guardian.id}
    assert SHARED in {row.value for row in town.world.rows(tables.ADDRESS)}
    # The message stays until routine messages are deleted, and speaks of a pseudonym.
    (notice,) = town.world.rows(NOTICE, NOTICE.c.kind == "consent_question")
    assert notice.person_id < 0
    assert len(town.world.rows(DELIVERY, DELIVERY.c.notice_id == notice.id)) == 1
    check_books(town.database)
