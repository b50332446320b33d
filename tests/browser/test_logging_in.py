"""The first pages in a real browser: the school is chosen, the provider asked, the cookie held, the visit ended."""

from __future__ import annotations

from tests.browser.conftest import PHONE, Site, picture
from tests.services.openid import claims_of_guardian

GUARDIAN = "05898200029"


def test_a_guardian_logs_in_and_out_without_javascript(site: Site) -> None:
    family = site.world.family()
    site.identify(family.guardian, GUARDIAN)
    site.provider.person("ola", **claims_of_guardian(GUARDIAN))
    page = site.open(width=PHONE, javascript=False)
    site.log_in(page, "ola", "ID-porten")
    assert page.url == f"{site.url}/guardian"
    held = {cookie["name"]: cookie for cookie in page.context.cookies()}
    assert set(held) == {"__Host-visit"}
    assert held["__Host-visit"]["httpOnly"] and held["__Host-visit"]["secure"]
    page.get_by_role("button", name="Logg ut").click()
    page.wait_for_url(f"{site.provider.issuer}/oauth2/end_session?client_id=beredskap")
    assert page.context.cookies() == []
    page.goto(f"{site.url}/guardian")
    assert page.url == f"{site.url}/"


def test_the_first_pages_can_be_read_by_everybody(site: Site) -> None:
    site.world.family()
    page = site.open()
    page.goto(site.url)
    picture(page, "school")
    page.get_by_role("link", name="Nynorsk").click()
    assert "Eg er føresett" in page.content()
    page.goto(f"{site.url}/school/99")
    picture(page, "refused")
