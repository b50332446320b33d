"""What students decide on their own pages, and whoever enters their codes: through the real application, by forms."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import insert

from config.database import Database
from contacts import tables
from contacts.codes import Protection
from contacts.tables import CONSENT, GUARDIANSHIP, INVITATION, PERSON
from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from tests.contacts.store import ADULT
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest

OF_17 = date(2009, 1, 1)
LIV = ("10838290049", "Liv Marie Venn")
OPERATORS = """
[operators."kontor"]
roles = ["contact_clerk"]
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
"""


class School:
    """The portal of a school, at one moment: with an adult student and a guardian."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = directory / "settings.toml"
        file.write_text(OPERATORS, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
        self.world = World(database)
        self.family: Family = self.world.family(birth_date=ADULT)
        self.portal = PortalUnderTest(database, directory, monkeypatch)

    def student(self, language: str = "en", family: Family | None = None) -> Browser:
        return self.portal.student((family or self.family).student, language)

    def known(self, number: str) -> Browser:
        """A guardian of somebody else, whom the store knows by their number."""
        with self.world.store() as store:
            guardian = store.guardian(store.student("9A-001"), given_name="KJENT", family_name="FORELDER")
            lookup, ciphertext = self.portal.keys.lookup_hash(number, "nin"), self.portal.keys.encrypt(number)
            store.connection.execute(
                insert(tables.IDENTIFIER).values(
                    person_id=guardian, scheme="nin", lookup=lookup, ciphertext=ciphertext, current=True
                )
            )
        return self.portal.guardian(guardian)

    def send(self, browser: Browser, action: str, **fields: str) -> None:
        """Fill in the form on the open page that goes to `action` and holds these fields, and send it."""
        token = self.portal.form_token(browser)
        browser.post(action, fields, token=token)

    def code(self, browser: Browser, *purposes: str) -> str:
        browser.get("/student/invitations")
        self.send(browser, "/student/invitations", **dict.fromkeys(purposes, "yes"))
        found = re.search(r"[0-9A-Z]{5}-[0-9A-Z]{5}", browser.text)
        assert found, browser.text
        return found[0]


@pytest.fixture
def school(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[School]:
    made = School(sqlite_database, tmp_path, monkeypatch)
    with made.world.clock():
        yield made


def forms_of(browser: Browser, action: str) -> list[dict[str, str]]:
    return [fields for to, fields in browser.forms() if to == action]


def test_an_adult_withdraws_in_the_middle_of_an_alert(school: School) -> None:
    browser = school.student()
    browser.get("/student")
    (alerts, _portal) = forms_of(browser, "/student/consents")
    assert (alerts["purpose"], alerts["act"]) == ("alerts", "give")
    browser.post("/student/consents", alerts)
    assert "You have consented." in browser.text and "You have consented, on 23 November 2026" in browser.text
    alert = school.world.sent(school.family)
    (waits,) = school.world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    assert waits.state is DeliveryState.QUEUED
    (alerts, _portal) = forms_of(browser, "/student/consents")
    assert alerts["act"] == "withdraw"
    browser.post("/student/consents", alerts)
    assert "It holds at once" in browser.text and "You withdrew your consent, on 23 November 2026" in browser.text
    assert school.world.claim() == []
    (lost,) = school.world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    assert (lost.state, lost.code) == (DeliveryState.CANCELLED, "entitlement_lost")
    (row,) = school.world.rows(CONSENT)
    assert row.given_by == row.withdrawn_by == "student 1-0"


def test_the_whole_way_of_an_invitation_by_two_browsers(school: School) -> None:
    student, stranger = school.student(), school.portal.stranger(*LIV)
    code = school.code(student, "alerts", "portal")
    stranger.get("/guardian")
    stranger.get("/guardian/code")
    school.send(stranger, "/guardian/code", code=code.lower())
    assert "must confirm that it is you" in stranger.text
    student.get("/student/invitations")
    assert code not in student.text and "Liv Marie Venn" in student.text
    answers = forms_of(student, "/student/invitations/answer")
    assert [one["act"] for one in answers] == ["confirm", "refuse"]
    student.post("/student/invitations/answer", answers[0])
    assert "You have confirmed who it is" in student.text and "Liv Marie" not in student.text
    student.get("/student")
    assert "Liv Marie Venn" in student.text and "No longer my contact person" in student.text
    assert len(school.world.rows(CONSENT)) == 2
    (liv,) = school.world.rows(PERSON, PERSON.c.family_name == "Venn")
    assert liv.given_name == "Liv Marie"
    school.send(student, "/student/take-back", guardian=str(liv.id))
    assert "no longer your contact person" in student.text
    assert [row.withdrawn_on is not None for row in school.world.rows(CONSENT)] == [True, True]


def test_a_code_serves_once_and_what_is_wrong_with_it_is_not_said(school: School) -> None:
    student = school.student()
    code = school.code(student, "alerts")
    school.send(first := school.portal.stranger(*LIV), "/guardian/code", code=code)
    assert "Thank you" in first.text
    second = school.known("17912090140")
    second.get("/guardian/code")
    assert "Your given name" not in second.text
    said = set()
    for typed in (code, "AAAAA-AAAAA", "nothing"):
        school.send(second, "/guardian/code", code=typed)
        said.add((second.page.status_code, second.text))
    assert len(said) == 1 and "This code cannot be used" in second.text
    for _ in range(3):
        school.send(second, "/guardian/code", code="AAAAA-AAAAA")
    assert "five codes within an hour" in second.text


def test_somebody_refused_and_a_code_taken_back(school: School) -> None:
    student = school.student()
    code = school.code(student, "alerts")
    school.send(school.portal.stranger(*LIV), "/guardian/code", code=code)
    student.get("/student/invitations")
    (_confirm, refuse) = forms_of(student, "/student/invitations/answer")
    student.post("/student/invitations/answer", refuse)
    assert "Nothing about them is kept" in student.text
    student.post("/student/invitations/answer", refuse)
    assert "no longer waits for your answer" in student.text
    taken = school.code(student, "alerts")
    (revoke,) = forms_of(student, "/student/invitations/answer")
    student.post("/student/invitations/answer", revoke)
    assert "You have taken the code back." in student.text
    other = school.portal.stranger(*LIV)
    school.send(other, "/guardian/code", code=taken)
    assert "cannot be used" in other.text
    assert school.world.rows(GUARDIANSHIP, GUARDIANSHIP.c.source == "student") == []


def test_who_has_no_name_from_the_log_in_types_it(school: School) -> None:
    student, nameless = school.student(), school.portal.stranger(LIV[0], "")
    code = school.code(student, "alerts")
    nameless.get("/guardian/code")
    assert "Your given name" in nameless.text
    school.send(nameless, "/guardian/code", code=code)
    assert "Type your name as well" in nameless.text
    school.send(nameless, "/guardian/code", code=code, given_name="<b>Liv", family_name="Venn")
    assert "Thank you" in nameless.text
    student.get("/student/invitations")
    assert "They typed the name themselves" in student.text
    assert "&lt;b&gt;Liv Venn" in student.page.text


def test_one_of_17_sees_no_consent_and_names_a_contact_person(school: School) -> None:
    family = school.world.family(birth_date=OF_17)
    browser = school.student(family=family)
    browser.get("/student")
    assert "From 1 January 2027 you decide yourself" in browser.text
    assert forms_of(browser, "/student/consents") == []
    school.send(browser, "/student/consents", guardian=str(family.guardian), purpose="alerts", act="give")
    assert browser.page.status_code == 409 and school.world.rows(CONSENT) == []
    code = school.code(browser)
    assert "What do you want to consent to?" not in browser.text
    school.send(school.portal.stranger(*LIV), "/guardian/code", code=code)
    browser.get("/student/invitations")
    browser.post("/student/invitations/answer", forms_of(browser, "/student/invitations/answer")[0])
    assert "You have confirmed who it is" in browser.text
    (link,) = school.world.rows(GUARDIANSHIP, GUARDIANSHIP.c.source == "student")
    assert link.student_agreed and school.world.rows(CONSENT) == []


def test_younger_ones_read_from_when_and_cannot_name_anybody(school: School) -> None:
    family = school.world.family(birth_date=date(2012, 1, 1))
    browser = school.student(family=family)
    browser.get("/student")
    assert "From 1 January 2030 you decide it yourself" in browser.text
    assert "Name somebody else" not in browser.text
    school.send(browser, "/student/invitations", alerts="yes")
    assert school.world.rows(INVITATION) == []


def test_an_adult_says_for_what_and_has_three_codes_at_most(school: School) -> None:
    browser = school.student()
    browser.get("/student/invitations")
    school.send(browser, "/student/invitations")
    assert "Choose what you want to consent to" in browser.text
    for _ in range(3):
        school.code(browser, "portal")
    school.send(browser, "/student/invitations", portal="yes")
    assert "three codes under way already" in browser.text
    assert len(school.world.rows(INVITATION)) == 3


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"guardian": "x", "purpose": "alerts", "act": "give"},
        {"guardian": "1", "purpose": "news", "act": "give"},
        {"guardian": "1", "purpose": "alerts", "act": "sell"},
        {"guardian": "9" * 30, "purpose": "alerts", "act": "give"},
        {"guardian": "999999", "purpose": "alerts", "act": "give"},
        {"guardian": "\u0661", "purpose": "alerts", "act": "give"},
    ],
)
def test_forms_that_none_of_our_pages_has_change_nothing(school: School, fields: dict[str, str]) -> None:
    browser = school.student()
    for action in ("/student/consents", "/student/take-back", "/student/invitations/answer"):
        school.send(browser, action, **fields, invitation=fields.get("guardian", ""))
        assert browser.page.status_code in (400, 409) or "no longer waits" in browser.text
    assert school.world.rows(CONSENT) == [] and school.world.rows(INVITATION) == []


def test_no_address_of_a_guardian_and_no_name_of_a_protected_one(school: School) -> None:
    browser = school.student()
    browser.get("/student")
    assert "Ola Eksempel" in browser.text and school.family.phone not in browser.page.text
    school.world.change(PERSON, school.family.guardian, protection=Protection.STRICTLY_CONFIDENTIAL)
    browser.get("/student")
    assert "Somebody whose name is not shown here" in browser.text and "Ola" not in browser.text


def test_the_staff_see_who_waits_and_not_of_whom_is_protected(school: School) -> None:
    hidden = school.world.family(birth_date=ADULT, protection=Protection.CONFIDENTIAL)
    for family, number, name in ((school.family, *LIV), (hidden, "17912090140", "Per Skjult")):
        code = school.code(school.student(family=family), "alerts")
        school.send(school.portal.stranger(number, name), "/guardian/code", code=code)
    staff = school.portal.staff("kontor")
    staff.get("/staff")
    staff.get("/staff/invitations")
    assert "1-0" in staff.text and "Liv Marie Venn" in staff.text
    assert "2-0" in staff.text and "not shown" in staff.text and "Per" not in staff.text


@pytest.mark.parametrize(
    ("language", "words"),
    [("nb", "Du har ikke samtykket"), ("nn", "Du har ikkje samtykt"), ("se", "Don it leat miehtan")],
)
def test_in_the_student_s_language(school: School, language: str, words: str) -> None:
    browser = school.student(language)
    browser.get("/student")
    assert words in browser.text
