"""Logging out: here first, and then by what the visitor logged in by, to whom nothing is told of them."""

from __future__ import annotations

import re
from html import unescape
from urllib.request import urlopen

import pytest

from portal import cookies
from tests.portal.town import FEIDE, GUARDIAN, REALM, STUDENT, Town, feide
from tests.services.openid import Provider, claims_of_guardian, openid_provider

_REFRESH = re.compile(r'<meta http-equiv="refresh" content="0; url=([^"]+)">')


def led_on_to(page: str) -> str:
    """Where a page leads on to by itself."""
    found = _REFRESH.search(page)
    assert found, page
    return unescape(found[1])


@pytest.mark.parametrize(("way", "name"), [("id_porten", "ID-porten"), ("feide", "Feide")])
def test_here_first_and_then_there(town: Town, provider: Provider, way: str, name: str) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    provider.person("elev", **feide(f"elev@{REALM}", **{f"{FEIDE}nin": STUDENT}))
    browser = town.log_in("ola" if way == "id_porten" else "elev", way)
    browser.post("/log-out", follow=False)
    assert browser.page.status_code == 303 and browser.page.headers["location"] == f"/log-out/{way}"
    assert town.visits() == 0 and cookies.VISIT not in browser.cookies
    browser.get(f"/log-out/{way}")
    assert "You are logged out here" in browser.text and f"led on to {name}" in browser.text
    # A form's redirects are held to it; this page leads on by itself, and the policy stays as narrow as it is.
    assert "form-action 'self'" in browser.page.headers["content-security-policy"]
    place = led_on_to(browser.page.text)
    assert place.startswith(f"{provider.issuer}/oauth2/end_session?")
    with urlopen(place, timeout=10) as there:
        assert b"End Session" in there.read()
    assert provider.left == [{"client_id": "beredskap"}]


def test_a_provider_where_nobody_logs_out(town: Town, provider: Provider) -> None:
    provider.logs_out = False
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    browser = town.log_in("ola")
    browser.post("/log-out")
    assert town.visits() == 0 and "Log in with ID-porten" in browser.text


def test_a_provider_that_is_away(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    browser = town.log_in("ola")
    with openid_provider() as gone:
        pass
    town.serve(gone)
    again = town.portal.browser()
    again.cookies = dict(browser.cookies)
    again.get("/guardian")
    again.post("/log-out")
    assert town.visits() == 0 and cookies.VISIT not in again.cookies
    assert "ID-porten does not answer, so you may be logged in there still" in again.text
    assert _REFRESH.search(again.page.text) is None


def test_a_link_of_another_site_logs_nobody_out(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    browser = town.log_in("ola")
    browser.get("/log-out/id_porten", follow=False)
    assert (browser.page.status_code, browser.page.headers["location"]) == (303, "/")
    assert town.visits() == 1
    assert browser.get("/log-out/elsewhere").status_code == 404
