"""Every page asked for by every kind of visitor: who gets it, and what keeps the others out."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import func, select, update

from config.audit import AuditEntry
from config.database import Database
from config.tables import core_table
from contacts.tables import VISIT
from contacts.visits import RENEWED_AFTER_SECONDS
from portal import cookies
from portal.access import Page
from portal.pages.table import PAGES
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest

OPERATORS = """
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
[operators."fylke"]
roles = ["county_leader"]
[operators."kontor"]
roles = ["contact_clerk"]
[operators."revisor"]
roles = ["auditor"]
"""
VISITORS = ("nobody", "stranger", "guardian", "student", "leder", "fylke", "kontor", "revisor", "sacked")


class Gate:
    """A portal with one visitor of every kind."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = directory / "settings.toml"
        file.write_text(OPERATORS, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
        self.world = World(database)
        self.family: Family = self.world.family()
        self.portal = PortalUnderTest(database, directory, monkeypatch, PORTAL__SENDING="true")

    def visitor(self, name: str) -> Browser:
        match name:
            case "nobody":
                return self.portal.browser()
            case "stranger":
                return self.portal.stranger("14925400026", "Uno Ukjent")
            case "guardian":
                return self.portal.guardian(self.family.guardian)
            case "student":
                return self.portal.student(self.family.student)
            case operator:
                return self.portal.staff(operator)


@pytest.fixture
def gate(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(sqlite_database, tmp_path, monkeypatch)


STAFF = {"leder", "fylke", "kontor", "revisor"}
LEADERS = {"leder", "fylke"}
PLACES = {
    "{school:str}": "1",
    "{language:str}": "nn",
    "{number:str}": "A-2611-9999",
    "{point:str}": "1",
    "{scenario:str}": "fire",
    "{invitation:str}": "1",
}
# Who may: of every page of the table, by its method and path. A new page must be written here by somebody who thinks.
MAY: dict[str, set[str]] = {
    "GET /": set(VISITORS),
    "GET /school/{school:str}": set(VISITORS),
    "GET /language/{language:str}": set(VISITORS),
    "POST /log-out": set(VISITORS) - {"nobody"},
    "GET /guardian": {"guardian", "stranger"},
    "GET /guardian/contact": {"guardian"},
    "GET /guardian/contact/{point:str}": {"guardian"},
    "POST /guardian/contact/add": {"guardian"},
    "POST /guardian/contact/code": {"guardian"},
    "POST /guardian/contact/confirm": {"guardian"},
    "POST /guardian/contact/remove": {"guardian"},
    "POST /guardian/language": {"guardian"},
    "GET /guardian/code": {"guardian", "stranger"},
    "POST /guardian/code": {"guardian", "stranger"},
    "GET /guardian/code/entered": {"guardian", "stranger"},
    "GET /student": {"student"},
    "POST /student/consents": {"student"},
    "POST /student/take-back": {"student"},
    "GET /student/invitations": {"student"},
    "POST /student/invitations": {"student"},
    "POST /student/invitations/answer": {"student"},
    "GET /staff": STAFF,
    "GET /staff/quality": STAFF,
    "GET /staff/invitations": STAFF,
    "GET /staff/invitations/{invitation:str}": {"kontor"},
    "POST /staff/invitations/{invitation:str}": {"kontor"},
    "GET /staff/alerts/{number:str}": STAFF,
    "GET /staff/alerts/{number:str}/print": STAFF,
    "GET /staff/alerts/{number:str}/events": STAFF,
    "POST /staff/alerts/{number:str}/reached": STAFF,
    "POST /staff/alerts/{number:str}/taken-back": STAFF,
    "GET /staff/send": LEADERS,
    "GET /staff/send/{scenario:str}": LEADERS,
    "POST /staff/send/{scenario:str}": LEADERS,
    "POST /staff/send/{scenario:str}/preview": LEADERS,
    "POST /staff/send/{scenario:str}/confirm": LEADERS,
    "POST /staff/send/{scenario:str}/dropped": LEADERS,
}


def name_of(page: Page) -> str:
    return f"{page.method} {page.path}"


def test_the_matrix_names_every_page() -> None:
    assert [name_of(page) for page in PAGES] == list(MAY)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_page_as_everybody(gate: Gate, page: Page) -> None:
    for name in VISITORS:
        browser = gate.visitor(name)
        path = page.path
        for place, value in PLACES.items():
            path = path.replace(place, value)
        if page.method == "POST":
            browser.post(path, token=gate.portal.form_token(browser), follow=False)
        else:
            browser.get(path, follow=False)
        got = browser.page.status_code
        assert got < 500, (name, browser.text)
        if name in MAY[name_of(page)]:
            assert got not in (401, 403), (name, browser.text)
            assert not (
                got == 303
                and page.who is not None
                and browser.page.headers["location"] == "/"
                and page.path != "/log-out"
            ), name
        elif name == "nobody":
            assert (got, browser.page.headers["location"]) == (303, "/")
        else:
            assert got == 403, name


@pytest.mark.parametrize("page", [page for page in PAGES if page.method == "POST"], ids=name_of)
def test_no_form_without_its_token(gate: Gate, page: Page) -> None:
    for token in ("", "x", "å"):
        for name in MAY[name_of(page)]:
            browser = gate.visitor(name)
            browser.post(page.path, token=token)
            assert browser.page.status_code == 403 and "Nothing was changed" in browser.text
    other, browser = gate.visitor("guardian"), gate.visitor("guardian")
    browser.post(page.path, token=gate.portal.form_token(other))
    assert browser.page.status_code == 403


def test_no_form_from_another_site(gate: Gate) -> None:
    browser = gate.visitor("guardian")
    token = gate.portal.form_token(browser)
    browser.post("/log-out", token=token, origin="https://annen.example")
    assert browser.page.status_code == 403
    browser.post("/log-out", token=token, origin="https://varsling.example.test", follow=False)
    assert browser.page.status_code == 303


def test_logging_out(gate: Gate) -> None:
    browser = gate.visitor("guardian")
    browser.get("/guardian")
    held = dict(browser.cookies)
    browser.post("/log-out")
    assert cookies.VISIT not in browser.cookies
    browser.cookies |= held  # whoever has the old cookie
    browser.get("/guardian", follow=False)
    assert browser.page.status_code == 303


def test_a_refused_member_of_staff_is_on_record(gate: Gate) -> None:
    gate.visitor("sacked").get("/staff")
    entries = core_table(AuditEntry)
    with gate.portal.database.read() as connection:
        found = connection.execute(select(entries.c.operator, entries.c.act)).all()
    assert ("sacked", "operator.refused") in [tuple(row) for row in found]


def test_the_cookie_is_renewed_while_the_visit_goes_on(gate: Gate) -> None:
    browser = gate.visitor("guardian")
    before = browser.cookies[cookies.VISIT]
    browser.get("/guardian")
    assert browser.cookies[cookies.VISIT] == before
    with gate.world.clock(), gate.portal.database.write() as connection:
        now = gate.world.now
        connection.execute(update(VISIT).values(renewed_at=now, seen_at=now, began_at=now))
    gate.world.later(RENEWED_AFTER_SECONDS)
    with gate.world.clock():
        browser.get("/guardian")
        after = browser.cookies[cookies.VISIT]
        assert after != before
        browser.get("/guardian")
        assert browser.page.status_code == 200 and browser.cookies[cookies.VISIT] == after


@pytest.mark.parametrize("name", ["guardian", "nobody"])
def test_what_every_page_carries(gate: Gate, name: str) -> None:
    browser = gate.visitor(name)
    headers = browser.get("/").headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy and "unsafe" not in policy and "frame-ancestors 'none'" in policy
    assert headers["cache-control"] == "no-store"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert "style=" not in browser.page.text and "<script>" not in browser.page.text
    answers = [browser.get("/language/nn", follow=False), browser.get("/log-in/feide/1", follow=False)]
    given = [one for answer in answers for one in answer.headers.get_list("set-cookie")]
    for cookie in [one for one in given if "max-age=0" not in one.lower()]:
        assert cookie.startswith("__Host-") and "HttpOnly" in cookie and "Secure" in cookie and "SameSite=lax" in cookie


def test_a_language_is_chosen_and_kept(gate: Gate) -> None:
    browser = gate.portal.browser("nb")
    browser.get("/")
    assert "Logg inn med" not in browser.text and "Foresatte kan ikke logge inn her ennå" in browser.text
    browser.get("/language/nn")
    assert "Føresette kan ikkje logge inn her enno" in browser.text
    browser.get("/language/xx")
    assert browser.page.status_code == 404
    for back in ("//evil.example", "https://evil.example", "/\\evil.example", "/a?b", "/%0d%0aSet-Cookie"):
        answer = browser.get(f"/language/en?back={back}", follow=False)
        assert answer.headers["location"] == "/"


def test_files_of_ours(gate: Gate) -> None:
    browser = gate.visitor("nobody")
    browser.get("/")
    address = browser.page.text.split('rel="stylesheet" href="')[1].split('"')[0]
    answer = browser.get(address)
    assert answer.status_code == 200 and "immutable" in answer.headers["cache-control"]
    for path in ("/static/0000/portal.css", "/static/0000/../app.py", address.replace("portal.css", "nothing.css")):
        assert browser.get(path).status_code == 404


def test_a_sign_that_postgresql_cannot_hold(
    postgres_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(postgres_database, tmp_path, monkeypatch)
    browser = gate.visitor("fylke")
    token = gate.portal.form_token(browser)
    answers = [
        browser.get("/staff/alerts/%00"),
        browser.get("/staff/alerts/%00/events"),
        browser.get("/language/en?back=%00"),
        browser.post("/staff/alerts/A-2611-9999/reached", {"student": "\x00"}, token=token),
    ]
    assert [answer.status_code for answer in answers] == [400] * 4


def test_a_database_that_is_away(gate: Gate, monkeypatch: pytest.MonkeyPatch) -> None:
    browser = gate.visitor("guardian")
    with gate.portal.database.write() as connection:
        connection.exec_driver_sql("ALTER TABLE visit RENAME TO gone")
    browser.get("/guardian")
    assert browser.page.status_code == 503 and "Try again in a few minutes" in browser.text


def test_without_an_address_there_are_no_pages(
    sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    portal = PortalUnderTest(sqlite_database, tmp_path, monkeypatch, PORTAL__PUBLIC_URL="")
    assert portal.browser().get("/").status_code == 404
    with sqlite_database.read() as connection:
        assert connection.execute(select(func.count()).select_from(VISIT)).scalar_one() == 0
