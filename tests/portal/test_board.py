"""The crisis board: whom to call first, who was reached, seen by several people at once, as it changes."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import select, update

from config.database import Database
from contacts.tables import PERSON
from dispatcher.codes import AlertState
from dispatcher.retention.reducing import reduce_alert
from dispatcher.tables import ALERT, MARK
from portal import cookies
from portal.server import create_server, serving
from providers.base import Rejected
from tests.dispatcher.world import Family, World
from tests.portal.browser import Browser, PortalUnderTest
from tests.services.waiting import eventually

OPERATORS = """
[operators."leder"]
roles = ["school_leader"]
schools = ["Eksempel vgs"]
[operators."kollega"]
roles = ["county_leader"]
[operators."annen"]
roles = ["school_leader"]
schools = ["En annen skole"]
[operators."revisor"]
roles = ["auditor"]
"""


class Crisis:
    """An alert of which two families' SMS were refused, with the board of it."""

    def __init__(self, database: Database, directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        file = directory / "settings.toml"
        file.write_text(OPERATORS, encoding="utf-8")
        monkeypatch.setenv("BEREDSKAP_CONFIG", str(file))
        self.database = database
        self.world = World(database)
        self.families: list[Family] = [self.world.family() for _ in range(3)]
        for place, family in enumerate(self.families):
            names = {"given_name": f"Elev{place}", "family_name": "Test"}
            with self.world.store() as store:
                store.connection.execute(update(PERSON).where(PERSON.c.id == family.student).values(**names))
                names = {"given_name": f"Voksen{place}", "family_name": "Test"}
                store.connection.execute(update(PERSON).where(PERSON.c.id == family.guardian).values(**names))
        alert = self.world.sent(*self.families)
        claims = self.world.claim()
        with self.world.clock():
            self.world.record(*((claim, Rejected("21211")) for claim in claims))
        with database.read() as connection:
            self.number = str(connection.scalars(select(ALERT.c.number).where(ALERT.c.id == alert)).one())
        self.portal = PortalUnderTest(database, directory, monkeypatch)
        self.path = f"/staff/alerts/{self.number}"

    def board(self, operator: str = "leder", language: str = "en") -> Browser:
        browser = self.portal.staff(operator, language)
        browser.get(self.path)
        return browser

    def mark(
        self, browser: Browser, family: Family, *, guardian: bool = True, note: str = "", act: str = "reached"
    ) -> None:
        form = {"student": self.ref(family), "guardian": f"G-{family.guardian}" if guardian else "", "note": note}
        browser.post(f"{self.path}/{act}", form)

    def reduce(self) -> None:
        """The alert ends, and becomes figures."""
        with self.database.write() as connection:
            alert = connection.execute(select(ALERT.c.id).where(ALERT.c.number == self.number)).scalar_one()
            connection.execute(update(ALERT).where(ALERT.c.id == alert).values(state=AlertState.CLOSED))
        reduce_alert(self.database, alert, operator="beredskap")

    def ref(self, family: Family) -> str:
        with self.database.read() as connection:
            return str(connection.scalars(select(PERSON.c.ref).where(PERSON.c.id == family.student)).one())

    def marks(self) -> list[tuple[int, str, bool]]:
        with self.database.read() as connection:
            rows = connection.execute(
                select(MARK.c.student_id, MARK.c.marked_by, MARK.c.taken_back_at).order_by(MARK.c.id)
            )
            return [(row.student_id, row.marked_by, row.taken_back_at is not None) for row in rows]


@pytest.fixture
def crisis(sqlite_database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Crisis:
    return Crisis(sqlite_database, tmp_path, monkeypatch)


def test_whom_to_call_comes_first(crisis: Crisis) -> None:
    browser = crisis.board()
    assert browser.page.status_code == 200, browser.text
    text = browser.text
    assert text.index("3 with nobody reached") < text.index("Call first (3)") < text.index("On the way")
    for place, family in enumerate(crisis.families):
        assert f"Elev{place} T." in text and f"Voksen{place} T." in text and family.phone in text
    assert "tel:+4799" in browser.page.text


def test_marked_by_two_at_once(crisis: Crisis) -> None:
    first, second = crisis.board("leder"), crisis.board("kollega")
    family = crisis.families[0]
    crisis.mark(first, family, note="er i gymsalen")
    assert "Marked as reached" in first.text and "2 with nobody reached" in first.text
    assert "1 confirmed" in first.text and "er i gymsalen" in first.text
    # The other's page is older: they mark the same.
    crisis.mark(second, family)
    assert "Somebody else had marked this already" in second.text and "leder" in second.text
    crisis.mark(second, crisis.families[1], guardian=False)
    assert "1 with nobody reached" in second.text
    assert crisis.marks() == [
        (family.student, "leder", False),
        (crisis.families[1].student, "kollega", False),
    ]


def test_a_mark_is_taken_back(crisis: Crisis) -> None:
    browser = crisis.board()
    crisis.mark(browser, crisis.families[0])
    crisis.mark(browser, crisis.families[0], act="taken-back")
    assert "The mark was taken back" in browser.text and "3 with nobody reached" in browser.text
    crisis.mark(browser, crisis.families[0], act="taken-back")
    assert "no such mark any more" in browser.text
    assert crisis.marks() == [(crisis.families[0].student, "leder", True)]


def test_what_cannot_be_marked(crisis: Crisis) -> None:
    browser = crisis.board()
    other = crisis.world.family()
    for form in (
        {"student": crisis.ref(crisis.families[0]), "guardian": f"G-{other.guardian}"},
        {"student": crisis.ref(other), "guardian": ""},
        {"student": "", "guardian": ""},
        {"student": "<script>", "guardian": "G-1"},
    ):
        browser.post(f"{crisis.path}/reached", form)
        assert browser.page.status_code == 200 and "Nothing was marked" in browser.text
    assert crisis.marks() == []


def test_other_schools_do_not_see_it(crisis: Crisis) -> None:
    browser = crisis.board("annen")
    assert browser.page.status_code == 403 and "Elev0" not in browser.text
    browser.get("/staff")
    assert crisis.number not in browser.text


def test_who_may_look_may_not_mark(crisis: Crisis) -> None:
    browser = crisis.board("revisor")
    assert browser.page.status_code == 200
    crisis.mark(browser, crisis.families[0])
    assert browser.page.status_code == 403 and crisis.marks() == []


def test_the_board_on_paper_has_everything_open(crisis: Crisis) -> None:
    browser = crisis.board()
    assert "<details" in browser.page.text and " open>" not in browser.page.text
    browser.get(f"{crisis.path}/print")
    assert browser.page.text.count(" open>") == 3


@pytest.mark.parametrize("language", ["nb", "nn", "se"])
def test_in_other_languages(crisis: Crisis, language: str) -> None:
    text = crisis.board(language=language).text
    assert "Call first" not in text and "reached" not in text.lower()
    assert "ikke et gyldig telefonnummer" in text


def test_everybody_who_watches_sees_a_mark_at_once(crisis: Crisis) -> None:
    browser = crisis.board()

    async def scene(url: str) -> tuple[list[str], list[str]]:
        held = {"Cookie": f"{cookies.VISIT}={browser.cookies[cookies.VISIT]}"}
        async with aiohttp.ClientSession(headers=held) as session:
            watching = [session.get(f"{url}{crisis.path}/events") for _ in range(20)]
            answers = [await one for one in watching]
            streams = [_boards(answer) for answer in answers]
            before = [await anext(stream) for stream in streams]
            await asyncio.to_thread(crisis.mark, browser, crisis.families[0])
            after = [await _until(stream, lambda html: "2</strong>" in html) for stream in streams]
            for answer in answers:
                answer.close()
            return before, after

    with serving(create_server(crisis.portal.settings, crisis.database, port=0)) as server:
        eventually(lambda: server.started, what="the portal answers")
        before, after = asyncio.run(asyncio.wait_for(scene(server.url), 60))
    assert all("Elev0 T." in html and "<strong>3</strong>" in html for html in before)
    assert len(set(after)) == 1 and "leder" in after[0]
    assert all(not re.search(r'name="form_token" value="[^"]', html) for html in after)


def test_who_watches_is_told_that_figures_alone_are_left(crisis: Crisis) -> None:
    browser = crisis.board()

    async def scene(url: str) -> tuple[str, int]:
        held = {"Cookie": f"{cookies.VISIT}={browser.cookies[cookies.VISIT]}"}
        async with aiohttp.ClientSession(headers=held) as session:
            async with session.get(f"{url}{crisis.path}/events") as answer:
                await anext(_boards(answer))
                await asyncio.to_thread(crisis.reduce)
                rest = (await answer.content.read()).decode()
            async with session.get(f"{url}{crisis.path}/events") as again:
                return rest, again.status

    with serving(create_server(crisis.portal.settings, crisis.database, port=0)) as server:
        eventually(lambda: server.started, what="the portal answers")
        rest, again = asyncio.run(asyncio.wait_for(scene(server.url), 30))
    assert rest.endswith("event: gone\ndata: gone\n\n") and rest.count("event: gone") == 1
    assert again == 404
    browser.get(crisis.path)
    assert browser.page.status_code == 404 and "figures alone are left of it" in browser.text


def test_the_application_ends_though_somebody_watches(crisis: Crisis) -> None:
    browser = crisis.board()

    async def scene(url: str, stop: Callable[[], None]) -> bytes:
        held = {"Cookie": f"{cookies.VISIT}={browser.cookies[cookies.VISIT]}"}
        async with aiohttp.ClientSession(headers=held) as session, session.get(f"{url}{crisis.path}/events") as answer:
            await anext(_boards(answer))
            stop()
            return await asyncio.wait_for(answer.content.read(), 5)

    with serving(create_server(crisis.portal.settings, crisis.database, port=0)) as server:
        eventually(lambda: server.started, what="the portal answers")
        asyncio.run(asyncio.wait_for(scene(server.url, server.stop), 30))


async def _boards(answer: aiohttp.ClientResponse) -> AsyncIterator[str]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    lines: list[str] = []
    async for raw in answer.content:
        line = raw.decode().rstrip("\n")
        if line.startswith("data: "):
            lines.append(line.removeprefix("data: "))
        elif not line and lines:
            yield "\n".join(lines)
            lines.clear()


async def _until(stream: Any, holds: Callable[[str], bool]) -> str:
    async for html in stream:
        if holds(html):
            return str(html)
    raise AssertionError("the stream ended")


def test_how_well_guardians_can_be_reached(crisis: Crisis) -> None:
    browser = crisis.board()
    browser.get("/staff/quality")
    eventually(lambda: "Counted" in browser.get("/staff/quality").text, what="it is counted")
    assert "Eksempel vgs" in browser.text and "being counted" not in browser.text
    other = crisis.board("annen")
    other.get("/staff/quality")
    assert other.page.status_code == 403 and "Eksempel" not in other.text
