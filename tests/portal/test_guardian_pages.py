"""The guardian's pages, through the real application: what they see, and what they do about their own addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from config.audit import AuditEntry
from config.clock import oslo_midnight
from config.database import Database
from config.settings import load_settings
from config.tables import core_table
from contacts.codes import Basis, ConsentPurpose, Protection
from contacts.entitlement import eighteenth_birthday
from contacts.tables import PERSON
from dispatcher.codes import AlertStatus, Lane
from dispatcher.outbox.messages import Renderer
from dispatcher.routine.notices import Notices
from providers.base import Accepted
from tests.contacts.store import ADULT, CHILD, DAY
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest

CONTACT = "/guardian/contact"


class Town:
    """A portal, and the families of its school; time stands still until it is moved."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.world = World(database)
        self.portal = PortalUnderTest(database, directory, monkeypatch)

    def browser(self, guardian: int, language: str = "en") -> Browser:
        return self.portal.guardian(guardian, language)

    def codes(self) -> list[str]:
        """The codes of the notices that are due, as they leave: to whom they go is the last part of each."""
        claims = self.world.claim(lane=Lane.ROUTINE)
        renderer = Renderer(Notices(load_settings(), self.portal.keys))
        with self.world.clock(), self.world.database.read() as connection:
            messages = [renderer.message(connection, one) for one in claims]
        self.world.record(*((one, Accepted(f"SM{one.delivery_id}")) for one in claims))
        return [f"{re.findall('[0-9]{6}', one.body)[0]} {one.to}" for one in messages]

    def acts(self) -> list[tuple[str, str, str]]:
        entries = core_table(AuditEntry)
        with self.world.database.read() as connection:
            rows = connection.execute(select(entries.c.operator, entries.c.act, entries.c.subject))
            return [(row.operator, row.act, row.subject) for row in rows]


@pytest.fixture
def town(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Town]:
    town = Town(sqlite_database, tmp_path, monkeypatch)
    with town.world.clock():
        yield town


def everywhere(browser: Browser) -> str:
    """The HTML of all the guardian's pages."""
    return "".join(browser.get(path).text for path in ("/guardian", CONTACT))


def test_a_guardian_sees_their_own_student_and_no_other_guardian_anywhere(town: Town) -> None:
    with town.world.store() as store:
        nora = store.student("2B-017", school=town.world.school, given_name="Nora", family_name="Nes")
        store.group("2B", town.world.school, nora)
        emil = store.student("2B-018", school=town.world.school, given_name="Emil", family_name="Annen")
        mother = store.guardian(nora, given_name="Verjina", family_name="Modersen")
        father = store.guardian(nora, emil, given_name="Faderulf", family_name="Fjernesen")
        contact = store.guardian(given_name="Berit", family_name="Naboe")
        store.link(nora, contact, Basis.CONTACT_PERSON, decision_ref="2026/9")
        for person, value in ((mother, "+4741000001"), (father, "+4741000002"), (contact, "berit@example.no")):
            store.point(person, value)
        # The school has the father's number for the mother's, too.
        store.point(mother, "+4741000002", source="pifu", verified=None)
    browser = town.browser(mother)
    browser.get("/guardian")
    for seen in ("Nora Nes", "Eksempel vgs", "2B", "Berit N."):
        assert seen in browser.text
    html = everywhere(browser)
    for hidden in ("Emil", "Annen", "Faderulf", "Fjernesen", "Naboe", "berit", "1000002", "10 00 00 02", "017", "2010"):
        assert hidden not in html.replace("+47 4xx xx x02", "")
    assert "Modersen" not in html  # nothing needs their own


def test_alerts_that_they_received_stand_there_as_sent(town: Town) -> None:
    family = town.world.family(email=True, language="nn")
    town.world.sent(family, status=AlertStatus.EXERCISE)
    (sms,) = town.world.claim()
    town.world.record((sms, Accepted("SM1")))
    town.world.receipt("SM1")
    browser = town.browser(family.guardian)
    browser.get("/guardian")
    text = browser.text
    assert "exercise A-2611-0002 · 23 Nov 2026 08:40" in text
    assert "SMS, 23 Nov 2026 08:40: delivered" in text and "Skolen er låst (nn)." in text
    assert 'lang="nn">Skolen er låst (nn).' in browser.page.text


def test_the_page_is_lost_at_the_first_moment_of_the_eighteenth_birthday(town: Town) -> None:
    with town.world.store() as store:
        guardian = store.guardian(store.student(given_name="Nora", birth_date=CHILD, school=town.world.school))
    midnight = oslo_midnight(eighteenth_birthday(CHILD))
    for moment, sees in ((midnight - timedelta(seconds=1), True), (midnight, False)):
        town.world.now = moment
        with town.world.clock():
            browser = town.browser(guardian)
            browser.get("/guardian")
        assert ("Nora" in browser.page.text) is sees
        assert ("There is nobody here" in browser.text) is not sees


def test_an_adult_s_consent_to_alerts_gives_the_short_name_and_no_more(town: Town) -> None:
    with town.world.store() as store:
        student = store.student(given_name="Nora", family_name="Nes", birth_date=ADULT, school=town.world.school)
        guardian = store.guardian(student)
        store.consent(student, guardian, DAY, purpose=ConsentPurpose.ALERTS)
    browser = town.browser(guardian)
    browser.get("/guardian")
    assert "Nora N." in browser.text and "You get alerts about this adult student" in browser.text
    assert "Nes" not in browser.page.text and "Eksempel vgs" not in browser.page.text


@pytest.mark.parametrize("hidden", [{"protection": Protection.STRICTLY_CONFIDENTIAL}, {"protection_unknown": True}])
def test_of_a_protected_student_there_is_nothing_nor_that_there_is_one(town: Town, hidden: dict[str, Any]) -> None:
    with town.world.store() as store:
        student = store.student(school=town.world.school, **hidden)
        guardian, nobody_s = store.guardian(student), store.guardian()
        store.release(student, until=DAY + timedelta(days=30))
    pages = []
    for one in (guardian, nobody_s):
        browser = town.browser(one)
        html = everywhere(browser)
        pages.append(html.replace(town.portal.form_token(browser), ""))
    assert pages[0] == pages[1]


def test_a_number_is_added_receives_its_code_by_the_notice_and_is_confirmed(town: Town) -> None:
    family = town.world.family()
    browser = town.browser(family.guardian)
    browser.get(CONTACT)
    browser.post(f"{CONTACT}/add", {"channel": "sms", "address": "999 99 912"})
    assert "A code of six digits has been sent there" in browser.text
    assert "99999912" not in str(browser.page.url) and "+47" not in str(browser.page.url)
    ((code, to),) = (one.split() for one in town.codes())
    assert to == "+4799999912"
    ((_, form),) = [one for one in browser.forms() if one[0] == f"{CONTACT}/confirm"]
    wrong = f"{(int(code) + 1) % 1_000_000:06d}"
    browser.post(f"{CONTACT}/confirm", form | {"code": wrong})
    assert browser.page.status_code == 400 and "The code is wrong. Tries left: 4." in browser.text
    browser.post(f"{CONTACT}/confirm", form | {"code": "12"})
    assert "A code has six digits." in browser.text
    browser.post(f"{CONTACT}/confirm", form | {"code": code})
    assert "Confirmed. Alerts are sent here from now on." in browser.text
    who = f"guardian G-{family.guardian}"
    assert town.acts() == [(who, act, who) for act in ("contact.add", "contact.verify", "contact.confirm")]
    # Alerts use it from now on.
    town.world.sent(family)
    assert "+4799999912" in {one.to for one in town.world.claim()}


def test_what_cannot_be_added_says_why_in_the_guardian_s_language(town: Town) -> None:
    browser = town.browser(town.world.family().guardian, "nb")
    browser.get(CONTACT)
    browser.post(f"{CONTACT}/add", {"channel": "sms", "address": '12"<b>'})
    assert browser.page.status_code == 400
    assert "<b>" not in browser.page.text and 'aria-describedby="wrong-sms"' in browser.page.text
    browser.post(f"{CONTACT}/add", {"channel": "email", "address": "kari"})
    assert "Dette er ikke en e-postadresse." in browser.text
    browser.post(f"{CONTACT}/add", {"channel": "sms", "address": "22 22 55 55"})
    assert "Den tar ikke imot SMS, men kan ringes." in browser.text
    for _ in range(5):
        browser.post(f"{CONTACT}/add", {"channel": "sms", "address": "999 99 912"})
        assert "En kode på seks sifre er sendt dit." in browser.text
    browser.post(f"{CONTACT}/add", {"channel": "sms", "address": "999 99 912"})
    assert browser.page.status_code == 409 and "Du har bedt om for mange koder." in browser.text


def test_removing_asks_before_the_last_one_goes(town: Town) -> None:
    family = town.world.family(email=True)
    browser = town.browser(family.guardian)

    def removing() -> dict[str, str]:
        return next(form for action, form in browser.forms() if action == f"{CONTACT}/remove")

    browser.get(CONTACT)
    browser.post(f"{CONTACT}/remove", removing())
    assert "Removed. Nothing is sent there any more." in browser.text
    browser.post(f"{CONTACT}/remove", removing())
    assert browser.page.status_code == 409 and "no alert reaches you" in browser.text
    assert removing()["even_last"] == "yes"
    browser.post(f"{CONTACT}/remove", removing())
    assert "You have none yet." in browser.text
    browser.get("/guardian")
    assert "No alert reaches you" in browser.text


def test_another_guardian_s_contact_point_is_none_of_theirs(town: Town) -> None:
    family, other = town.world.family(), town.world.family()
    with town.world.store() as store:
        point = store.point(other.guardian, "+4741000009", verified=None, source="pifu")
    browser = town.browser(family.guardian)
    for given in (str(point), "0", "-1", "x", "9" * 30, ""):
        for act in ("code", "confirm", "remove"):
            browser.get(CONTACT)
            browser.post(f"{CONTACT}/{act}", {"point": given, "code": "012345", "even_last": "yes"})
            assert browser.page.status_code == 404, (given, act)
            assert "There is no such phone number or e-mail address of yours." in browser.text
    for given in (str(point), "9" * 30, "9" * 5000, "-1", "x", "add"):
        assert browser.get(f"{CONTACT}/{given}").status_code == 404
    assert town.codes() == [] and town.acts() == []


def test_the_language_of_messages_is_chosen(town: Town) -> None:
    family: Family = town.world.family()
    browser = town.browser(family.guardian)
    browser.get(CONTACT)
    assert '<option value="nb" lang="nb" selected>' in browser.page.text
    browser.post("/guardian/language", {"language": "se"})
    assert "Messages to you are in this language from now on." in browser.text
    browser.post("/guardian/language", {"language": "xx"})
    assert browser.page.status_code == 400
    with town.world.database.read() as connection:
        assert connection.scalars(select(PERSON.c.language).where(PERSON.c.id == family.guardian)).one() == "se"
    assert town.acts() == [(f"guardian G-{family.guardian}", "contact.language", f"guardian G-{family.guardian}")]


def test_a_stranger_and_a_student_who_guards_nobody_keep_no_addresses_here(town: Town) -> None:
    stranger = town.portal.stranger("14925400026", "Uno Ukjent")
    stranger.get("/guardian")
    assert "There is nobody here whom you can see today." in stranger.text and CONTACT not in stranger.page.text
    assert stranger.get(CONTACT).status_code == 403
    with town.world.store() as store:
        student = store.student("3A-001")
    browser = town.browser(student)
    browser.get("/guardian")
    assert browser.page.status_code == 200
    assert browser.get(CONTACT).status_code == 403
    token = town.portal.form_token(browser)
    for act, form in (
        ("add", {"address": "99999912", "channel": "sms"}),
        ("code", {}),
        ("confirm", {}),
        ("remove", {}),
    ):
        browser.post(f"{CONTACT}/{act}", {"point": "1", "code": "012345"} | form, token=token)
        assert browser.page.status_code == 403, act


def test_the_night_of_the_clock_change_shows_times_of_oslo(town: Town) -> None:
    town.world.now = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 for the first time
    with town.world.clock():
        family = town.world.family()
        town.world.sent(family)
        (sms,) = town.world.claim()
        town.world.record((sms, Accepted("SM1")))
        browser = town.browser(family.guardian)
        browser.get("/guardian")
    assert "25 Oct 2026 02:30" in browser.text
