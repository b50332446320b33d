"""An adult student's ways in a real browser, without JavaScript: a consent withdrawn in the middle of an alert, and
somebody named by a code."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from contacts.tables import GUARDIANSHIP
from dispatcher.codes import DeliveryState
from dispatcher.tables import DELIVERY
from tests.browser.conftest import FEIDE, PHONE, REALM, Site, picture
from tests.contacts.store import ADULT
from tests.services.openid import claims_of_guardian

STUDENT, STRANGER = "17912090140", "10838290049"


@pytest.fixture
def site_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    entry = f'[operators."kontor"]\nroles = ["contact_clerk"]\nfeide = "kontor@{REALM}"\n'
    file.write_text(entry, encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))


def at_feide(site: Site, who: str, **claims: str) -> Page:
    named = {f"{FEIDE}{name}": value for name, value in claims.items()}
    site.provider.person(who, **{f"{FEIDE}eduPersonPrincipalName": f"{who}@{REALM}"}, **named)
    page = site.open(width=PHONE, javascript=False)
    site.log_in(page, who, "Feide")
    return page


# Pictures are taken with scripts allowed: what looks at a page for accessibility is one.
def looked_at(site: Site, page: Page, path: str, name: str) -> None:
    other = site.open()
    other.context.add_cookies([dict(cookie) for cookie in page.context.cookies()])  # type: ignore[misc]
    other.goto(f"{site.url}{path}")
    picture(other, name)


def test_a_consent_is_withdrawn_in_the_middle_of_an_alert(site: Site) -> None:
    site.world.now = site.database.now()
    family = site.world.family(birth_date=ADULT)
    site.identify(family.student, STUDENT)
    page = at_feide(site, "elev", nin=STUDENT)
    page.get_by_role("button", name="Samtykk").first.click()
    expect(page.get_by_role("status")).to_have_text("Du har samtykket.")
    alert = site.world.sent(family)
    looked_at(site, page, "/student", "student")
    page.get_by_role("button", name="Trekk tilbake").click()
    expect(page.get_by_role("status")).to_contain_text("Det gjelder med en gang")
    assert site.world.claim() == []
    (lost,) = site.world.rows(DELIVERY, DELIVERY.c.alert_id == alert)
    assert (lost.state, lost.code) == (DeliveryState.CANCELLED, "entitlement_lost")


def test_somebody_is_named_by_a_code(site: Site) -> None:
    family = site.world.family(birth_date=ADULT)
    site.identify(family.student, STUDENT)
    student = at_feide(site, "elev", nin=STUDENT)
    student.get_by_role("link", name="Oppgi noen andre").click()
    student.get_by_label("Å få beredskapsmeldinger om deg").check()
    student.get_by_role("button", name="Lag en kode").click()
    code = student.locator("section[aria-labelledby=code] strong").inner_text()
    assert code not in student.url
    site.provider.person("liv", **claims_of_guardian(STRANGER))  # ID-porten tells no name
    liv = site.open(width=PHONE, javascript=False)
    site.log_in(liv, "liv", "ID-porten")
    liv.get_by_role("link", name="Jeg har en kode fra en elev").click()
    looked_at(site, liv, "/guardian/code", "code")
    liv.get_by_label("Kode", exact=True).fill(code.lower())
    liv.get_by_label("Fornavnet ditt").fill("Liv")
    liv.get_by_label("Etternavnet ditt").fill("Venn")
    liv.get_by_role("button", name="Send koden").click()
    expect(liv.get_by_role("status")).to_contain_text("Eleven ser nå navnet ditt")
    office = at_feide(site, "kontor")
    looked_at(site, office, "/staff/invitations", "waiting")
    office.goto(f"{site.url}/staff/invitations")
    office.get_by_role("link", name="Bekreft på papir").click()
    looked_at(site, office, office.url.removeprefix(site.url), "on-paper")
    student.goto(f"{site.url}/student/invitations")
    expect(student.locator("main")).to_contain_text("Liv Venn")
    looked_at(site, student, "/student/invitations", "invitations")
    student.get_by_role("button", name="Ja, dette er rett person").click()
    expect(student.get_by_role("status")).to_have_text("Du har bekreftet hvem det er.")
    assert len(site.world.rows(GUARDIANSHIP, GUARDIANSHIP.c.source == "student")) == 1
