"""Logging in through a real OpenID provider on loopback: who gets in, as what, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from contacts.tables import LOG_IN, VISIT
from portal import cookies
from tests.portal.browser import PUBLIC
from tests.portal.town import FEIDE, GUARDIAN, REALM, STUDENT, UNKNOWN, Town, back_from, feide
from tests.services.openid import Provider, claims_of_guardian, openid_provider


def test_a_guardian_chooses_the_school_and_logs_in(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    browser = town.portal.browser()
    browser.get("/")  # one school: its page at once
    assert "Log in with ID-porten" in browser.text
    town.log_in("ola", browser=browser)
    assert browser.page.status_code == 200
    assert set(browser.cookies) == {cookies.VISIT}
    with town.database.read() as connection:
        assert connection.scalars(select(VISIT.c.person_id)).all() == [town.family.guardian]
        assert connection.scalars(select(LOG_IN.c.browser)).all() == []


def test_what_the_provider_was_asked(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    town.log_in("ola")
    asked = provider.asked
    assert asked["acr_values"] == "idporten-loa-substantial"
    assert (asked["code_challenge_method"], asked["response_type"]) == ("S256", "code")
    assert asked["redirect_uri"] == f"{PUBLIC}/logged-in/id_porten"
    assert len(asked["state"]) >= 20 and len(asked["nonce"]) >= 20
    assert provider.unchecked == 0


def test_a_stranger_is_logged_in_and_seen_as_one(town: Town, provider: Provider) -> None:
    provider.person("uno", **claims_of_guardian(UNKNOWN, name="Uno Ukjent"))
    browser = town.log_in("uno")
    assert browser.page.status_code == 200
    with town.database.read() as connection:
        row = connection.execute(select(VISIT)).one()
    assert row.person_id is None and row.stranger and UNKNOWN not in row.stranger and "Ukjent" not in row.stranger


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        (claims_of_guardian(GUARDIAN, acr="idporten-loa-low"), "choose a safer way"),
        (claims_of_guardian(GUARDIAN, acr="selfregistered-email"), "choose a safer way"),
        ({"pid": GUARDIAN}, "choose a safer way"),
        ({"acr": "idporten-loa-high"}, "does not prove who you are"),
        (claims_of_guardian("12345678901"), "does not prove who you are"),
    ],
)
def test_claims_that_prove_nothing(town: Town, provider: Provider, claims: dict[str, str], words: str) -> None:
    provider.person("low", **claims)
    browser = town.log_in("low")
    assert browser.page.status_code == 403 and words in browser.text
    assert town.visits() == 0 and not browser.cookies


def test_a_token_for_somebody_else(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    provider.audience = "another-client"
    browser = town.log_in("ola")
    assert browser.page.status_code == 403 and "does not prove who you are" in browser.text
    assert town.visits() == 0


def test_a_token_that_has_ended(town: Town) -> None:
    with openid_provider(token_seconds=-60) as late:
        town.serve(late)
        late.person("ola", **claims_of_guardian(GUARDIAN))
        browser = town.log_in("ola")
    assert browser.page.status_code == 403 and "does not prove who you are" in browser.text
    assert town.visits() == 0


def test_the_same_way_back_twice(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    browser = town.portal.browser()
    way = back_from(town.set_out(browser), "ola")
    held = dict(browser.cookies)
    browser.get(way)
    assert town.visits() == 1
    again = town.portal.browser()
    again.cookies |= held
    again.get(way)
    assert again.page.status_code == 400 and "Try again" in again.text
    assert town.visits() == 1


def test_somebody_elses_way_back(town: Town, provider: Provider) -> None:
    """An address with a code of the attacker's: whoever follows it is not logged in as the attacker."""
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    attacker, victim = town.portal.browser(), town.portal.browser()
    way = back_from(town.set_out(attacker), "ola")
    victim.get(way)
    assert victim.page.status_code == 400
    town.set_out(victim)
    victim.get(way)
    assert victim.page.status_code == 403
    assert town.visits() == 0


def test_a_log_in_that_took_too_long(town: Town, provider: Provider) -> None:
    provider.person("ola", **claims_of_guardian(GUARDIAN))
    with town.world.clock():
        browser = town.portal.browser()
        way = back_from(town.set_out(browser), "ola")
        town.world.later(15 * 60 + 1)
    with town.world.clock():
        browser.get(way)
        assert browser.page.status_code == 400
    assert town.visits() == 0


@pytest.mark.parametrize("school", ["9" * 5000, "9" * 20, "-1", "x", "0", "٣"])
def test_a_school_that_is_none(town: Town, school: str) -> None:
    browser = town.portal.browser()
    for path in (f"/log-in/id_porten/{school}", f"/school/{school}"):
        assert browser.get(path).status_code == 404


def test_cancelled_at_the_provider(town: Town) -> None:
    browser = town.portal.browser()
    town.set_out(browser)
    browser.get("/logged-in/id_porten?error=access_denied&error_description=secret+words&state=x")
    assert browser.page.status_code == 403
    assert "cancelled" in browser.text and "secret" not in browser.text


def test_a_provider_that_is_not_there(town: Town) -> None:
    with openid_provider() as gone:
        pass
    town.serve(gone)
    browser = town.portal.browser()
    browser.get(f"/log-in/id_porten/{town.school}")
    assert browser.page.status_code == 503 and "Try again in a few minutes" in browser.text


@pytest.mark.parametrize("issuer", ["/", "/other"])
def test_a_document_of_another_issuer(town: Town, provider: Provider, issuer: str) -> None:
    """A trailing slash is another issuer, too: names of issuers are compared letter by letter."""
    town.serve(provider, ID_PORTEN__ISSUER=provider.issuer + issuer)
    browser = town.portal.browser()
    browser.get(f"/log-in/id_porten/{town.school}")
    assert browser.page.status_code == 503


def test_a_student_by_feide(town: Town, provider: Provider) -> None:
    provider.person("elev", **feide(f"Elev@{REALM}", **{f"{FEIDE}nin": STUDENT}))
    provider.person("elev2", **feide(f"elev2@{REALM}", **{f"{FEIDE}userid_sec": ["feide:x", f"nin:{STUDENT}"]}))
    for subject in ("elev", "elev2"):
        browser = town.log_in(subject, "feide")
        assert browser.page.status_code == 200, browser.text
    with town.database.read() as connection:
        assert set(connection.scalars(select(VISIT.c.person_id)).all()) == {town.family.student}


def test_feide_asks_for_the_schools_realm(town: Town) -> None:
    address = town.set_out(town.portal.browser(), "feide")
    assert f"login_hint=feide%7Crealm%7C{REALM}" in address


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        (feide("elev@annen.example", **{f"{FEIDE}nin": STUDENT}), "another school"),
        (feide("elev", **{f"{FEIDE}nin": STUDENT}), "no Feide name"),
        ({f"{FEIDE}nin": STUDENT}, "no Feide name"),
        (feide(f"ukjent@{REALM}", **{f"{FEIDE}nin": UNKNOWN}), "nothing here for you"),
        (feide(f"foresatt@{REALM}", **{f"{FEIDE}nin": GUARDIAN}), "nothing here for you"),
        (feide(f"uten@{REALM}"), "nothing here for you"),
    ],
)
def test_feide_accounts_that_lead_nowhere(
    town: Town, provider: Provider, claims: dict[str, object], words: str
) -> None:
    provider.person("other", **claims)
    browser = town.log_in("other", "feide")
    assert browser.page.status_code == 403 and words in browser.text
    assert town.visits() == 0


def test_staff_by_the_feide_name_in_the_settings(
    town: Town, provider: Provider, operators: Callable[[str], None]
) -> None:
    operators(f'[operators."k.leder"]\nroles = ["county_leader"]\nfeide = "K.Leder@{REALM}"\n')
    town.serve(provider)
    provider.person("leder", **feide(f"k.leder@{REALM}"))
    browser = town.log_in("leder", "feide")
    assert browser.page.status_code == 200 and "No alert" in browser.text
    with town.database.read() as connection:
        assert connection.scalars(select(VISIT.c.operator)).all() == ["k.leder"]


def test_two_operators_with_one_feide_name_are_nobody(
    town: Town, provider: Provider, operators: Callable[[str], None]
) -> None:
    entry = f'roles = ["county_leader"]\nfeide = "leder@{REALM}"\n'
    operators(f'[operators."a"]\n{entry}[operators."b"]\n{entry}')
    town.serve(provider)
    provider.person("leder", **feide(f"leder@{REALM}"))
    assert town.log_in("leder", "feide").page.status_code == 403


def test_too_many_log_ins_from_one_place(town: Town) -> None:
    browser = town.portal.browser()
    answers = [browser.get(f"/log-in/id_porten/{town.school}", follow=False).status_code for _ in range(61)]
    assert answers == [302] * 60 + [429]


@pytest.fixture
def operators(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Writes entries of operators into the settings file."""

    def write(entries: str) -> None:
        file = tmp_path / "settings.toml"
        file.write_text(entries, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))

    return write
