"""The student's word on paper, recorded in the portal by whoever may change contacts: as the command records it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.database import Database
from config.tables import core_table
from contacts.codes import ConsentPurpose, InvitationState, Protection
from contacts.tables import CONSENT, GUARDIANSHIP, INVITATION, PERSON
from tests.contacts.store import ADULT
from tests.dispatcher.world import Family
from tests.portal.browser import Browser
from tests.portal.test_student_pages import LIV, OF_17, School, forms_of

ENTRY = core_table(AuditEntry)
DAY = 24 * 3600


@pytest.fixture
def school(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    made = School(sqlite_database, tmp_path, monkeypatch)
    with made.world.clock():
        yield made


def entered(school: School, *purposes: str, family: Family | None = None) -> int:
    """A code that somebody has entered; its number."""
    code = school.code(school.student(family=family), *purposes)
    school.send(school.portal.stranger(*LIV), "/guardian/code", code=code)
    return int(max(row.id for row in school.world.rows(INVITATION)))


def linked(school: School) -> list[int]:
    return [row.student_id for row in school.world.rows(GUARDIANSHIP, GUARDIANSHIP.c.source == "student")]


def confirm(school: School, browser: Browser, number: int, evidence: str = "form 2026/17") -> Browser:
    school.send(browser, f"/staff/invitations/{number}", evidence=evidence)
    return browser


def test_the_office_compares_and_confirms(school: School) -> None:
    number = entered(school, "alerts", "portal")
    office = school.portal.staff("kontor")
    office.get("/staff/invitations")
    assert f'href="/staff/invitations/{number}"' in office.page.text
    office.get(f"/staff/invitations/{number}")
    assert "Compare with the paper" in office.text and "Liv Marie Venn" in office.text and "1-0" in office.text
    assert "Emergency alerts about the student, To see the student in this portal" in office.text
    (fields,) = forms_of(office, f"/staff/invitations/{number}")
    office.post(f"/staff/invitations/{number}", fields | {"evidence": "  form  2026/17 "})
    assert "Confirmed: they are linked to the student now." in office.text and "Nobody waits" in office.text
    assert linked(school) == [school.family.student]
    consents = school.world.rows(CONSENT)
    assert {row.purpose for row in consents} == set(ConsentPurpose)
    assert {(row.given_by, row.given_evidence) for row in consents} == {("kontor", "form 2026/17")}
    with school.world.database.read() as connection:
        (entry,) = connection.execute(select(ENTRY).where(ENTRY.c.act == "invitation.confirm")).all()
    (liv,) = school.world.rows(PERSON, PERSON.c.family_name == "Venn")
    assert (entry.operator, entry.subject) == ("kontor", "student 1-0")
    assert entry.details == {
        "invitation": number,
        "guardian": f"G-{liv.id}",
        "consents": ["alerts", "portal"],
        "evidence": "form 2026/17",
    }


def test_others_see_the_list_alone(school: School) -> None:
    number = entered(school, "alerts")
    leader = school.portal.staff("leder")
    leader.get("/staff/invitations")
    assert "Liv Marie Venn" in leader.text and f"/staff/invitations/{number}" not in leader.page.text
    leader.get(f"/staff/invitations/{number}")
    assert leader.page.status_code == 403 and "Your role does not allow this." in leader.text
    assert confirm(school, leader, number).page.status_code == 403
    assert linked(school) == []


@pytest.mark.parametrize("evidence", ["", "   ", "x" * 201])
def test_without_saying_where_the_paper_is_nobody_is_linked(school: School, evidence: str) -> None:
    number = entered(school, "alerts")
    office = confirm(school, school.portal.staff("kontor"), number, evidence)
    assert office.page.status_code == 409 and "Say where the paper is kept" in office.text
    assert "Liv Marie Venn" in office.text and linked(school) == []


def test_once_and_in_time(school: School) -> None:
    first, second = entered(school, "alerts"), entered(school, "alerts")
    office = school.portal.staff("kontor")
    confirm(school, office, first)
    for number in (first, 999):
        assert confirm(school, office, number).page.status_code == 409
        assert "Nobody was linked" in office.text
        office.get(f"/staff/invitations/{number}")
        assert office.page.status_code == 404 and "No such code waits" in office.text
    school.world.later(7 * DAY)
    with school.world.clock():
        late = school.portal.staff("kontor")
        assert "No such code waits" in confirm(school, late, second).text
    assert len(linked(school)) == 1
    (open_one,) = school.world.rows(INVITATION, INVITATION.c.id == second)
    assert open_one.state is InvitationState.ENTERED


def test_a_contact_person_of_somebody_of_17_and_what_stands_against_it(school: School) -> None:
    family = school.world.family(birth_date=OF_17)
    number, other = entered(school, family=family), entered(school, family=family)
    office = school.portal.staff("kontor")
    office.get(f"/staff/invitations/{number}")
    assert "A contact person: told from now on" in office.text
    confirm(school, office, number)
    assert linked(school) == [family.student] and school.world.rows(CONSENT) == []
    (liv,) = school.world.rows(PERSON, PERSON.c.family_name == "Venn")
    school.world.change(PERSON, liv.id, deceased=True)
    assert "documented decision stands against" in confirm(school, office, other).text
    school.world.change(PERSON, family.student, birth_date=date(2015, 1, 1))
    assert "is under 15" in confirm(school, office, other).text
    assert office.page.status_code == 409 and linked(school) == [family.student]


def test_the_name_is_not_shown_of_a_protected_student(school: School) -> None:
    hidden = school.world.family(birth_date=ADULT, protection=Protection.CONFIDENTIAL)
    number = entered(school, "alerts", family=hidden)
    office = school.portal.staff("kontor")
    office.get(f"/staff/invitations/{number}")
    assert "not shown" in office.text and "Venn" not in office.text
    confirm(school, office, number)
    assert linked(school) == [hidden.student]
