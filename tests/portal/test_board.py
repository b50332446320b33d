"""The crisis board: whom to call first, who was reached, seen by several people at once, as it changes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable

import aiohttp
import pytest
from sqlalchemy.exc import OperationalError

from config.errors import UsageError
from portal import cookies
from portal.boards import Boards
from portal.server import create_server, serving
from tests.portal.crisis import Crisis
from tests.services.waiting import eventually


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


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OperationalError("", {}, Exception()), "The figures cannot be read at the moment."),
        (UsageError("Reduced.", unchanged="Nothing.", remedy="None."), "figures alone are left of it"),
    ],
    ids=["away", "reduced"],
)
def test_the_board_cannot_be_read_once_the_page_has_begun(
    crisis: Crisis, monkeypatch: pytest.MonkeyPatch, error: Exception, words: str
) -> None:
    async def now(*_arguments: object) -> None:
        raise error

    monkeypatch.setattr(Boards, "now", now)
    browser = crisis.board()
    assert browser.page.status_code == 200 and browser.page.text.rstrip().endswith("</html>")
    assert crisis.number in browser.text and words in browser.text


def test_everybody_who_watches_sees_a_mark_at_once(crisis: Crisis) -> None:
    browser = crisis.board()

    async def scene(url: str) -> tuple[list[Told], list[Told]]:
        held = {"Cookie": f"{cookies.VISIT}={browser.cookies[cookies.VISIT]}"}
        async with aiohttp.ClientSession(headers=held) as session:
            watching = [session.get(f"{url}{crisis.path}/events") for _ in range(20)]
            answers = [await one for one in watching]
            streams = [_boards(answer) for answer in answers]
            before = [await anext(stream) for stream in streams]
            await asyncio.to_thread(crisis.mark, browser, crisis.families[0])
            after = [await _until(stream, lambda told: "order" in told.parts_and_order) for stream in streams]
            for answer in answers:
                answer.close()
            return before, after

    with serving(create_server(crisis.portal.settings, crisis.database, port=0)) as server:
        eventually(lambda: server.started, what="the portal answers")
        before, after = asyncio.run(asyncio.wait_for(scene(server.url), 60))
    cards = [f"s-{crisis.ref(family)}" for family in crisis.families]
    assert all(set(told.order) == set(cards) and "<strong>3</strong>" in told.parts["board-numbers"] for told in before)
    assert all("Elev0 T." in told.parts[cards[0]] for told in before)
    assert all(
        set(told.order) == set(cards[1:]) and "<strong>2</strong>" in told.parts["board-numbers"] for told in after
    )
    assert all("leder" in told.parts["board-marks"] and not set(cards) & set(told.parts) for told in after)


def test_who_comes_back_gets_what_has_changed_meanwhile(crisis: Crisis) -> None:
    browser = crisis.board()

    async def scene(url: str) -> tuple[Told, Told, Told, Told]:
        held = {"Cookie": f"{cookies.VISIT}={browser.cookies[cookies.VISIT]}"}
        async with aiohttp.ClientSession(headers=held) as session:

            async def first_event(seen: str = "", last: str = "") -> Told:
                headers = {"Last-Event-ID": last} if last else {}
                address = f"{url}{crisis.path}/events{seen and '?seen=' + seen}"
                async with session.get(address, headers=headers) as answer:
                    return await anext(_boards(answer))

            async with session.get(f"{url}{crisis.path}") as answer:
                seen = (await answer.text()).partition('data-version="')[2].partition('"')[0]
            await asyncio.to_thread(crisis.mark, browser, crisis.families[0])
            after_page = await first_event(seen)
            await asyncio.to_thread(crisis.mark, browser, crisis.families[1])
            # What the browser has had since counts, and not what the page came with.
            after_event = await first_event(seen, after_page.version)
            return after_page, after_event, await first_event("unknown"), await first_event(seen, "unknown")

    with serving(create_server(crisis.portal.settings, crisis.database, port=0)) as server:
        eventually(lambda: server.started, what="the portal answers")
        after_page, after_event, *unknown = asyncio.run(asyncio.wait_for(scene(server.url), 60))
    cards = [f"s-{crisis.ref(family)}" for family in crisis.families]
    assert set(after_page.order) == set(cards[1:]) and not set(cards) & set(after_page.parts)
    assert after_event.order == [cards[2]] and not set(cards) & set(after_event.parts)
    assert all(told.order == [cards[2]] and cards[2] in told.parts for told in unknown)


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


class Told:
    """One event: what a browser makes of the board that it has."""

    def __init__(self, version: str, data: str) -> None:
        self.version = version
        self.parts_and_order = json.loads(data)
        self.parts: dict[str, str] = self.parts_and_order["parts"]
        self.order: list[str] = self.parts_and_order.get("order", [])


async def _boards(answer: aiohttp.ClientResponse) -> AsyncIterator[Told]:
    assert answer.headers["content-type"].startswith("text/event-stream")
    version = ""
    async for raw in answer.content:
        field, _, value = raw.decode().rstrip("\n").partition(": ")
        if field == "id":
            version = value
        elif field == "data":
            yield Told(version, value)


async def _until(stream: AsyncIterator[Told], holds: Callable[[Told], bool]) -> Told:
    async for told in stream:
        if holds(told):
            return told
    raise AssertionError("the stream ended")


def test_how_well_guardians_can_be_reached(crisis: Crisis) -> None:
    browser = crisis.board()
    browser.get("/staff/quality")
    eventually(lambda: "Counted" in browser.get("/staff/quality").text, what="it is counted")
    assert "Eksempel vgs" in browser.text and "being counted" not in browser.text
    other = crisis.board("annen")
    other.get("/staff/quality")
    assert other.page.status_code == 403 and "Eksempel" not in other.text
