"""The crisis board in two real browsers: what one marks the other sees at once, with what they are writing kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select, update

from contacts.tables import PERSON
from dispatcher.codes import AlertState
from dispatcher.retention.reducing import reduce_alert
from dispatcher.tables import ALERT
from providers.base import Accepted, Rejected
from tests.browser.conftest import DESKTOP, FEIDE, PHONE, REALM, Site, accessible, picture

OPERATORS = "".join(
    f'[operators."{name}"]\nroles = ["county_leader"]\nfeide = "{name}@{REALM}"\n' for name in ("leder", "kollega")
)
_NAMES = ("Kari", "Ola", "Nora", "Ida", "Jonas", "Sara", "Emil", "Aisha", "Marius", "Ingrid")


@pytest.fixture
def site_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(OPERATORS, encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))


def crisis(site: Site) -> str:
    """An alert to ten families, of whom three were refused; its number."""
    families = [site.world.family() for _ in _NAMES]
    for given, family in zip(_NAMES, families, strict=True):
        with site.world.store() as store:
            for person, name in ((family.student, given), (family.guardian, f"{given}s mor")):
                named = update(PERSON).where(PERSON.c.id == person).values(given_name=name, family_name="Eksempelsen")
                store.connection.execute(named)
    with site.world.store() as store:
        for place, name in enumerate(("2A", "2B", "2C")):
            store.group(name, site.world.school, *(family.student for family in families[place::3]))
    alert = site.world.sent(*families)
    claims = site.world.claim()
    with site.world.clock():
        refused = [(claim, Rejected("21211")) for claim in claims[:3]]
        site.world.record(*refused, *((claim, Accepted(f"SM{place}")) for place, claim in enumerate(claims[3:])))
    with site.database.read() as connection:
        return str(connection.scalars(select(ALERT.c.number).where(ALERT.c.id == alert)).one())


def at_the_board(site: Site, who: str, number: str, width: dict[str, int]) -> Page:
    site.provider.person(who, **{f"{FEIDE}eduPersonPrincipalName": f"{who}@{REALM}"})
    page = site.open(width=width)
    site.log_in(page, who, "Feide")
    page.get_by_role("link", name=number).click()
    return page


def test_two_members_of_staff_mark_the_call_list_at_once(site: Site) -> None:
    number = crisis(site)
    wall = at_the_board(site, "leder", number, DESKTOP)
    phone = at_the_board(site, "kollega", number, PHONE)
    picture(wall, "board")
    wall.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    faults: list[str] = []
    wall.on("pageerror", lambda error: faults.append(str(error)))

    to_call = wall.locator("details.student")
    expect(to_call).to_have_count(3)
    # Somebody at the wall is writing about the last of them while another marks the first.
    to_call.nth(2).locator("summary").click()
    last = to_call.nth(2).get_attribute("id")
    wall.locator(f"#{last} input[name=note]").fill("ringer")

    phone.locator("details.student").first.locator("summary").click()
    accessible(phone)
    phone.locator("details.student").first.locator("input[name=note]").fill("er hentet")
    phone.locator("details.student button").first.click()
    expect(phone.get_by_text("Merket som nådd")).to_be_visible()
    expect(phone.locator("details.student")).to_have_count(2)

    # The wall has it at once; nothing happens to the card under the hands of whoever writes there.
    expect(to_call).to_have_count(2, timeout=10_000)
    expect(wall.get_by_text("er hentet")).to_be_visible()
    expect(wall.locator(f"#{last}")).to_have_attribute("open", "")
    expect(wall.locator(f"#{last} input[name=note]")).to_be_focused()
    expect(wall.locator(f"#{last} input[name=note]")).to_have_value("ringer")

    # A form that came with the stream is the visitor's own.
    wall.locator(f"#{last} button").first.click()
    expect(wall.get_by_text("Merket som nådd")).to_be_visible()
    expect(phone.locator("details.student")).to_have_count(1, timeout=10_000)
    picture(phone, "board-marked")
    phone.goto(f"{site.url}/staff/alerts/{number}/print")
    picture(phone, "board-print")
    phone.emulate_media(media="print")
    expect(phone.locator("a.phone").first).to_be_visible()
    expect(phone.locator("main button").first).to_be_hidden()
    assert faults == []

    # Figures alone are left of the alert while somebody watches: the page says so by itself.
    with site.database.write() as connection:
        alert = connection.scalars(select(ALERT.c.id).where(ALERT.c.number == number)).one()
        connection.execute(update(ALERT).where(ALERT.c.id == alert).values(state=AlertState.CLOSED))
    reduce_alert(site.database, alert, operator="leder")
    expect(wall.get_by_text("bare tallene er igjen")).to_be_visible(timeout=10_000)


def test_what_has_not_changed_stays_as_it_is(site: Site) -> None:
    """Whoever taps on a number, or writes, is not disturbed by what others do meanwhile."""
    number = crisis(site)
    wall = at_the_board(site, "leder", number, DESKTOP)
    phone = at_the_board(site, "kollega", number, PHONE)
    first, middle, last = (one.get_attribute("id") for one in wall.locator("details.student").all())
    wall.evaluate("document.querySelectorAll('details.student').forEach((one) => (one.dataset.kept = 'yes'))")

    # Somebody writes about the very student whom another marks: the card stays until they have ended.
    wall.locator(f"#{middle} summary").click()
    wall.locator(f"#{middle} input[name=note]").fill("svarer ikke")
    phone.locator(f"#{middle} summary").click()
    phone.locator(f"#{middle} button").first.click()
    numbers = wall.locator("#board-numbers strong").first
    expect(numbers).to_have_text("2", timeout=10_000)
    expect(wall.locator(f"#{middle} input[name=note]")).to_be_focused()
    assert ids(wall) == [first, middle, last]
    wall.locator(f"#{middle} input[name=note]").blur()
    expect(wall.locator("details.student")).to_have_count(2)

    # Taken back, it comes again, at its place, and the others are the elements that they were.
    wall.locator(f"#{last} summary").focus()
    phone.locator("#board-marks button").first.click()
    expect(numbers).to_have_text("3", timeout=10_000)
    assert ids(wall) == [first, middle, last]
    kept = "(one) => one.dataset.kept ?? 'no'"
    assert [wall.locator(f"#{one}").evaluate(kept) for one in (first, middle, last)] == ["yes", "no", "yes"]
    expect(wall.locator(f"#{last} summary")).to_be_focused()
    # The form that has come is the visitor's own.
    wall.locator(f"#{middle} summary").click()
    wall.locator(f"#{middle} button").first.click()
    expect(wall.get_by_text("Merket som nådd")).to_be_visible()


def ids(page: Page) -> list[str | None]:
    return [one.get_attribute("id") for one in page.locator("details.student").all()]


def test_the_board_without_javascript(site: Site) -> None:
    number = crisis(site)
    site.provider.person("leder", **{f"{FEIDE}eduPersonPrincipalName": f"leder@{REALM}"})
    page = site.open(javascript=False)
    site.log_in(page, "leder", "Feide")
    page.get_by_role("link", name=number).click()
    page.locator("details.student").first.locator("summary").click()
    page.locator("details.student button").first.click()
    assert "Merket som nådd" in page.content()
    assert page.locator("details.student").count() == 2


def test_the_pages_of_staff(site: Site) -> None:
    number = crisis(site)
    page = at_the_board(site, "leder", number, DESKTOP)
    page.goto(f"{site.url}/staff")
    picture(page, "staff")
    page.get_by_role("link", name="Hvor godt foresatte kan nås").click()
    expect(page.get_by_text("Talt")).to_be_visible(timeout=20_000)
    picture(page, "quality")
