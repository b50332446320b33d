"""Sending from the portal in a real browser: the form, the preview at both widths, and a word that is not the one."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import func, select

from contacts.codes import Protection
from dispatcher.codes import AlertState
from dispatcher.tables import ALERT
from tests.browser.conftest import DESKTOP, FEIDE, PHONE, REALM, Site, accessible, picture

OPERATORS = f"""
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
feide = "leder@{REALM}"
"""
SETTINGS = {
    "PORTAL__SENDING": "true",
    "SMS__ACCOUNT_SID": "AC" + "0" * 32,
    "SMS__SENDER": "EKSEMPELVGS",
    "SMTP__HOST": "127.0.0.1",
    "SMTP__FROM_ADDRESS": "varsling@provedal.example",
}


@pytest.fixture
def site_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "settings.toml"
    file.write_text(OPERATORS, encoding="utf-8")
    monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
    for name, value in SETTINGS.items():
        monkeypatch.setenv(f"BEREDSKAP_{name}", value)


def school(site: Site) -> None:
    """Students of whom most can be reached: some are protected, and some guardians have verified nothing."""
    for _ in range(20):
        site.world.family(2, email=True)
    site.world.family(2, protection=Protection.CONFIDENTIAL)
    for _ in range(3):
        site.world.family(verified=False)


def at_the_form(site: Site, width: dict[str, int], *, javascript: bool = True) -> Page:
    site.provider.person("leder", **{f"{FEIDE}eduPersonPrincipalName": f"leder@{REALM}"})
    page = site.open(width=width, javascript=javascript)
    site.log_in(page, "leder", "Feide")
    page.get_by_role("link", name="Send et varsel").click()
    return page


def confirmed(site: Site) -> int:
    with site.database.read() as connection:
        counted = select(func.count()).select_from(ALERT).where(ALERT.c.state != AlertState.DRAFT)
        return int(connection.execute(counted).scalar_one())


def test_a_leader_previews_and_types_a_wrong_word(site: Site) -> None:
    school(site)
    page = at_the_form(site, DESKTOP)
    picture(page, "send")
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    page.get_by_role("link", name="Skolen er låst").click()
    picture(page, "send-form")
    page.get_by_label("Virkelig varsel").check()
    page.get_by_role("button", name="Forhåndsvis").click()
    page.set_viewport_size(DESKTOP)  # type: ignore[arg-type]
    send = page.get_by_role("button", name="Send", exact=True)
    expect(send).to_be_in_viewport(ratio=1.0)
    expect(page.locator(".big.good")).to_contain_text("40")
    picture(page, "send-preview")
    page.get_by_label("Skriv navnet på skolen").fill("Eksempel skole")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("Ingenting ble sendt")
    assert confirmed(site) == 0
    accessible(page)
    page.get_by_role("button", name="Ikke send").click()
    expect(page.get_by_role("status")).to_have_text("Ingenting ble sendt.")


def test_without_javascript_the_form_comes_back_as_it_was_filled_in(site: Site) -> None:
    school(site)
    page = at_the_form(site, PHONE, javascript=False)
    page.get_by_role("link", name="Informasjon").click()
    page.get_by_label("Øvelse").check()
    page.get_by_role("textbox", name="Melding").fill("Vi øver på å møtes i hallen.")
    page.get_by_role("button", name="Forhåndsvis").click()
    expect(page.get_by_label("Skriv ordet øvelse")).to_be_visible()
    page.get_by_role("button", name="Endre noe").click()
    expect(page.get_by_label("Øvelse")).to_be_checked()
    expect(page.get_by_role("textbox", name="Melding")).to_have_value("Vi øver på å møtes i hallen.")
    page.get_by_label("Bare disse klassene").fill("9Z")
    page.get_by_role("button", name="Forhåndsvis").click()
    expect(page.get_by_role("alert")).to_contain_text("Ingen klasse eller gruppe her har det navnet")
